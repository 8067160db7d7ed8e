package simulate

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// pollEvery is how often our pool polls its servers, as far as placement goes: it hardly depends on that.
const pollEvery = 20 * time.Second

// ours is the rule of package placement: its ledger, fed as the gateway and the poller feed it.
type ours struct {
	config placement.Config
	ledger *placement.Ledger
	stays  []int // by meeting: how often it was created
	ids    []string
	seen   []placement.Sighting // for reuse
}

// newOurs returns C1 (no history, no hints), C2 (no seats) or C3 (all).
func newOurs(sessions int, seatMin float64) func() rule {
	return func() rule {
		return &ours{config: placement.Config{
			Fade: 20 * time.Minute, Default: 15, Sessions: sessions, SeatMin: seatMin,
			SeatLead: 20 * time.Minute, SeatGrace: 10 * time.Minute,
		}}
	}
}

// The history that the rules look at.
const (
	lastSessions = 3
	seatMin      = 50 // people
)

func (*ours) every() time.Duration { return pollEvery }

// open makes the ledger: with the history first, then the servers.
func (r *ours) open(p *pool) {
	if r.ledger != nil {
		return
	}
	r.stays, r.ids = make([]int, len(p.meetings)), make([]string, len(p.weight))
	memory := memory{}
	r.config.Carry = float64(p.capacity)
	r.ledger = placement.New(r.config, memory, memory, func() time.Time { return p.from.Add(p.now) })
	r.ledger.Draw = p.draw.IntN
	for i := range p.history {
		m := &p.history[i]
		r.ledger.Learn(store.Session{
			Tenant: m.Tenant, Meeting: r.ledger.Hash(keyOf(m)), Start: m.Create, End: m.End, Peak: m.Peak(), Hint: m.Hint,
		})
	}
	for s := range p.weight {
		r.ids[s] = strconv.Itoa(s)
	}
	r.stand(p)
}

// stand says which servers are up.
func (r *ours) stand(p *pool) {
	for s, up := range p.up {
		standing := placement.Open
		if !up {
			standing = placement.Gone
		}
		r.ledger.SetServer(placement.Server{
			ID: r.ids[s], Weight: p.weight[s], Capacity: int(float64(p.capacity) * p.weight[s]), Standing: standing,
		})
	}
}

func keyOf(m *Meeting) store.MeetingKey { return store.MeetingKey{Tenant: m.Tenant, MeetingID: m.ID} }

// internalID is a name that a server gives a meeting: another one each time that it is created.
func (r *ours) internalID(m int) string { return strconv.Itoa(m) + "-" + strconv.Itoa(r.stays[m]) }

// createTime is when a server created a meeting, in milliseconds since 1970.
func createTime(p *pool, m int) int64 { return p.from.Add(p.born[m]).UnixMilli() }

func (r *ours) poll(p *pool) error {
	r.open(p)
	r.stand(p)
	var errs []error
	for s, up := range p.up {
		if !up {
			continue
		}
		r.ledger.BeginPoll(r.ids[s])
		_, err := r.ledger.Reconcile(context.Background(), placement.Poll{
			Server: r.ids[s], Began: p.from.Add(p.now), Complete: true, Meetings: r.sightings(p, s),
		})
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// sightings is what a poll of a server sees.
func (r *ours) sightings(p *pool, s int) []placement.Sighting {
	r.seen = r.seen[:0]
	see := func(m int, ended bool) {
		r.seen = append(r.seen, placement.Sighting{
			Key: keyOf(&p.meetings[m]), InternalID: r.internalID(m), CreateTime: createTime(p, m), People: p.people[m],
			Ended: ended,
		})
	}
	for _, m := range p.on[s] {
		see(m, false)
	}
	for _, m := range p.ended[s] {
		see(m, true)
	}
	return r.seen
}

func (r *ours) create(p *pool, m int) (int, error) {
	r.open(p)
	r.stand(p)
	ctx := context.Background()
	c, err := r.ledger.Begin(ctx, keyOf(&p.meetings[m]))
	if err != nil {
		return nowhere, err
	}
	defer c.End()
	placed, err := c.Place(ctx, placement.Wish{Hint: p.meetings[m].Hint}, nil)
	if err != nil {
		return nowhere, err
	}
	r.stays[m]++
	if err := c.Confirm(ctx, r.internalID(m), p.from.Add(p.now).UnixMilli()); err != nil {
		return nowhere, err
	}
	return strconv.Atoi(placed.Claim.Server)
}

func (r *ours) join(p *pool, m int) { r.ledger.Joined(keyOf(&p.meetings[m]), 0) }

// memory is a store of claims for one replay. Sessions need not be kept: the ledger learns from them.
type memory map[store.MeetingKey]store.Claim

// Claims returns all.
func (s memory) Claims(context.Context) ([]store.Claim, error) {
	list := make([]store.Claim, 0, len(s))
	for _, c := range s {
		list = append(list, c)
	}
	return list, nil
}

// Endings returns none: nobody ends meetings in a trace but their people.
func (s memory) Endings(context.Context) ([]store.Ending, error) { return nil, nil }

// AddEndings keeps nothing.
func (s memory) AddEndings(context.Context, ...store.Ending) error { return nil }

// DeleteEnding has nothing to remove.
func (s memory) DeleteEnding(context.Context, store.Ending) error { return nil }

// CreateClaim stores a claim unless the meeting has one.
func (s memory) CreateClaim(_ context.Context, c store.Claim) (store.Claim, error) {
	if old, ok := s[c.MeetingKey]; ok {
		return old, store.ErrExists
	}
	s[c.MeetingKey] = c
	return c, nil
}

// UpdateClaim changes a claim.
func (s memory) UpdateClaim(
	_ context.Context, key store.MeetingKey, change func(*store.Claim) error,
) (store.Claim, error) {
	c, ok := s[key]
	if !ok {
		return c, store.ErrNotFound
	}
	if err := change(&c); err != nil {
		return store.Claim{}, err
	}
	s[key] = c
	return c, nil
}

// DeleteClaim removes a claim that still stands as given.
func (s memory) DeleteClaim(_ context.Context, c store.Claim) error {
	old, ok := s[c.MeetingKey]
	switch {
	case !ok:
		return store.ErrNotFound
	case old.Server != c.Server || !old.Placed.Equal(c.Placed):
		return store.ErrConflict
	}
	delete(s, c.MeetingKey)
	return nil
}

// Remember keeps nothing.
func (memory) Remember(context.Context, store.Claim, store.Session) error { return nil }
