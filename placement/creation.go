package placement

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bbbpool/bbbpool/placement/forecast"
	"github.com/bbbpool/bbbpool/store"
)

// Creation is one create on its way. There is at most one for a meeting at any time: others wait in Begin. It is for
// one goroutine.
//
// It may have to Place the meeting several times, on another server each time (the gateway's failover.go says why). What the
// meeting was before is kept in meeting.replaced, the latest last: what could not be stored takes back one, GiveUp all.
type Creation struct {
	ledger  *Ledger
	key     store.MeetingKey
	room    forecast.Room
	leaving string // the server that the meeting leaves because that takes no new ones
}

// Begin waits until no other create of the meeting is under way, and right after the start until the history is read. End
// must follow.
func (l *Ledger) Begin(ctx context.Context, key store.MeetingKey) (*Creation, error) {
	if err := l.past.await(ctx); err != nil {
		return nil, err
	}
	if err := l.takeTurn(ctx, key); err != nil {
		return nil, err
	}
	return newCreation(l, key), nil
}

// newCreation is called by whoever has the turn. It takes the lock.
func newCreation(l *Ledger, key store.MeetingKey) *Creation {
	c := &Creation{ledger: l, key: key, room: l.records.names.Room(key)}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.book.where.meetings[key] != nil {
		l.book.Apply(CreateBegun{key})
	}
	return c
}

// End lets the next create of the meeting go ahead, and joins that waited for this one.
func (c *Creation) End() {
	l := c.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	l.book.Apply(CreateOver{c.key})
	l.turns.Release(c.key)
}

// Place returns the server for the meeting: the one that it is claimed on, unless that is gone or to be avoided, else
// the one that the rule chooses. A meeting that nobody is in leaves a server that takes no new ones, but only for the first
// server that the rule chooses: where that does not take it, it stays. Decision and record are one step, and the claim is
// durable when Place returns. Its errors are ErrNoServer, ErrNoTag, ErrFull, of a meeting that is not known ErrForeign,
// ErrMeetings and ErrPerHour, and those of the store.
func (c *Creation) Place(ctx context.Context, w Wish, avoid []string) (Placement, error) {
	if c.leaving != "" && !slices.Contains(avoid, c.leaving) {
		if err := c.GiveUp(ctx); err != nil {
			return Placement{}, err
		}
	}
	place, before, err := c.decide(w, avoid)
	if err != nil || place.Known {
		return place, err
	}
	if err := c.commit(ctx, place.Claim, before); err != nil {
		return Placement{}, fmt.Errorf("claim %s: %w", c.key.MeetingID, err)
	}
	return place, nil
}

// Placement says where a create goes.
type Placement struct {
	Claim    store.Claim
	Known    bool // the meeting was claimed before; otherwise Claim.Why tells why it goes there
	Occupied bool // somebody is in it, or may be on the way
}

// Stays is where the meeting is, and whether it can be created there: not on a server that is gone, or to be avoided.
func (b *Book) Stays(now time.Time, key store.MeetingKey, avoid []string) (Placement, bool) {
	m := b.where.meetings[key]
	if m == nil || !m.usable() || slices.Contains(avoid, m.claim.Server) {
		return Placement{}, false
	}
	return Placement{Claim: m.claim, Known: true, Occupied: m.occupied(now)}, true
}

// recentJoin is how long somebody who was sent to a meeting may need to show up in it.
const recentJoin = 2 * time.Minute

// occupied tells whether somebody is in the meeting, or may be on the way.
func (m *meeting) occupied(now time.Time) bool {
	return m.people > 0 || m.rooms > 0 || now.Sub(m.lastJoin) < recentJoin
}

// usable tells whether the server of a meeting can be expected to have it.
func (m *meeting) usable() bool { return m.page != nil && m.page.Standing > Gone }

// mayLeave tells whether a meeting that is usable is better off on a server that takes new ones.
func (m *meeting) mayLeave(now time.Time) bool { return m.page.Standing == Held && !m.occupied(now) }

// lastReplaced returns the claim whose place the last one of the create under way has taken; an empty one where the meeting
// is new.
func (m *meeting) lastReplaced() (c store.Claim) {
	if n := len(m.replaced); n > 0 {
		c = m.replaced[n-1].claim
	}
	return c
}

// decide finds out where the meeting goes. What is decided stands in the book when it returns, so that the next decision
// knows of it; before is the claim whose place it has taken. It takes the lock.
func (c *Creation) decide(w Wish, avoid []string) (place Placement, before store.Claim, err error) {
	l := c.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	known, stays := l.book.Stays(now, c.key, avoid)
	if stays && (c.leaving != "" || w.Beside != "" || !l.book.where.meetings[c.key].mayLeave(now)) {
		return known, before, nil
	}
	l.book.KeepSeats(now)
	claim, err := l.book.Propose(now, c.key, c.room, w, avoid)
	switch {
	case stays && (err != nil || l.book.where.pages[claim.Server].Standing < Unproven):
		return known, before, nil
	case err != nil:
		return place, before, err
	case stays:
		c.leaving = known.Claim.Server
	}
	l.book.Apply(ClaimPlaced{At: now, Claim: claim, Room: c.room})
	return Placement{Claim: claim}, l.book.where.meetings[c.key].lastReplaced(), nil
}

// commit makes a claim durable that the book has already, in the place of the one before. If that fails the book goes back
// to where the store still is. It writes to the store.
func (c *Creation) commit(ctx context.Context, claim, before store.Claim) error {
	l := c.ledger
	err := l.records.write(ctx, func() error { return c.persist(ctx, claim, before) })
	if err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.book.Apply(ClaimTakenBack{At: l.now(), Key: c.key})
	}
	return err
}

// persist makes a claim durable in the place of the one before, which is empty for a new meeting. One that somebody else
// stored meanwhile is replaced: it is the turn of this create. It writes to the store.
func (c *Creation) persist(ctx context.Context, claim, before store.Claim) error {
	state := c.ledger.records.state
	if before.Server == "" {
		_, err := state.CreateClaim(ctx, claim)
		if !errors.Is(err, store.ErrExists) {
			return err
		}
	}
	_, err := state.UpdateClaim(ctx, c.key, func(stored *store.Claim) error {
		*stored = claim
		return nil
	})
	if errors.Is(err, store.ErrNotFound) {
		_, err = state.CreateClaim(ctx, claim)
	}
	return err
}

// Made is what a server has answered to a create.
type Made struct {
	InternalID string
	CreateTime int64        // by the server's clock, in milliseconds since 1970
	Moderator  store.Secret // the moderators' password; "" where it is not known
}

// Confirm records that the server has the meeting, as a session that has just begun or as the one that is known. Only
// a new internal ID, and a password that was not known, is written to the store; if that fails the claim stands all the same,
// and the next poll supplies what is missing. A session that the meeting had before becomes history.
func (c *Creation) Confirm(ctx context.Context, made Made) error {
	l := c.ledger
	l.mu.Lock()
	placed, err := l.book.Where(c.key)
	if err != nil {
		l.mu.Unlock()
		return err
	}
	confirmed, over, same := l.book.Confirmation(l.now(), c.key, made)
	l.book.Apply(confirmed)
	claim := confirmed.Claim
	paid := l.book.owed.about(c.key, copyKey{claim.Server, claim.InternalID})
	l.mu.Unlock()
	if err := l.forgetEndings(ctx, paid); err != nil || same {
		return err
	}
	stored := false
	err = l.records.write(ctx, func() error {
		if err := c.persist(ctx, claim, claim); err != nil {
			return err
		}
		stored = true
		return l.records.remember(ctx, over)
	})
	if !stored {
		l.mu.Lock()
		l.book.Apply(ClaimRedated{Key: c.key, Placed: placed.Claim.Placed})
		l.mu.Unlock()
	}
	if err != nil {
		return fmt.Errorf("confirm claim %s: %w", c.key.MeetingID, err)
	}
	return nil
}

// GiveUp takes the claim back after no server took the meeting: a new one is removed, a known one stands where it was.
// If the store fails the claim stands as it is, in memory too.
func (c *Creation) GiveUp(ctx context.Context) error {
	l := c.ledger
	l.mu.Lock()
	m := l.book.where.meetings[c.key]
	if m == nil || len(m.replaced) == 0 {
		l.mu.Unlock()
		return nil
	}
	claim, before := m.claim, m.replaced[0].claim
	l.mu.Unlock()
	err := l.records.write(ctx, func() error {
		if before.Server == "" {
			return ignoreMissing(l.records.state.DeleteClaim(ctx, claim))
		}
		return c.persist(ctx, before, claim)
	})
	if err != nil {
		return fmt.Errorf("give up the claim of %s: %w", c.key.MeetingID, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.book.Apply(ClaimTakenBack{At: l.now(), Key: c.key, Every: true})
	return nil
}

// CreateBegun says that somebody has the turn to create a meeting: what polls say of it does not count meanwhile.
type CreateBegun struct{ Key store.MeetingKey }

func (c CreateBegun) apply(b *Book) {
	if m := b.where.meetings[c.Key]; m != nil {
		m.creating = true
	}
}

// CreateOver says that the turn is over. What the create has claimed stands.
type CreateOver struct{ Key store.MeetingKey }

func (c CreateOver) apply(b *Book) {
	if m := b.where.meetings[c.Key]; m != nil {
		m.creating, m.pending, m.replaced = false, false, nil
	}
}

// ClaimPlaced puts a meeting on the server of a claim, whether it is new or was elsewhere. Its seat becomes expectation.
type ClaimPlaced struct {
	At    time.Time
	Claim store.Claim
	Room  forecast.Room
}

func (c ClaimPlaced) apply(b *Book) { b.place(c.Claim, c.Room, c.At, nil) }

// place begins the meeting's stay on a server: its time there, with all that was counted. The stay before is kept whole, so
// that giving the move up restores it. A meeting that was lost from sight goes on.
func (b *Book) place(c store.Claim, r forecast.Room, now time.Time, lost *stay) *meeting {
	b.seats.take(r)
	var before stay
	m := b.where.meetings[c.MeetingKey]
	if m == nil {
		m = b.where.add(r, b.newStay(c, now))
	} else {
		before = m.stay
		b.where.move(m, b.newStay(c, now))
	}
	if goesOn := lost != nil && before.claim.Server == ""; goesOn {
		before.begun, m.begun = lost.begun, lost.begun
	} else {
		m.begin(before, now)
	}
	m.replaced = append(m.replaced, before)
	m.creating, m.pending = true, true
	return m
}

// ClaimTakenBack undoes what the create under way has placed: the last time, or every time. The meeting is where it was
// before, or nowhere, as if nothing had happened.
type ClaimTakenBack struct {
	At    time.Time
	Key   store.MeetingKey
	Every bool
}

func (c ClaimTakenBack) apply(b *Book) {
	m := b.where.meetings[c.Key]
	if m == nil || len(m.replaced) == 0 {
		return
	}
	last := len(m.replaced) - 1
	if c.Every {
		last = 0
	}
	before := m.replaced[last]
	m.replaced = m.replaced[:last]
	m.began(before.begun, c.At)
	if before.claim.Server == "" {
		b.where.drop(m)
		b.seats.giveBack(m.room)
		return
	}
	b.where.move(m, before)
}

// Confirmation is what a create does to the claim when its server has the meeting. Same says that nothing is to be
// written, and the second result is what the meeting was before, if that is over now.
func (b *Book) Confirmation(now time.Time, key store.MeetingKey, made Made) (c ClaimConfirmed, over Finished, same bool) {
	m := b.where.meetings[key]
	if m == nil {
		return c, over, true
	}
	known, internalID := m.claim.InternalID, made.InternalID
	if internalID == "" || len(internalID) > maxID {
		internalID = known
	}
	c = ClaimConfirmed{At: now, Claim: m.claim}
	c.Claim.InternalID, c.Claim.CreateTime = internalID, made.CreateTime
	if len(made.Moderator) <= maxID {
		c.Claim.Moderator = cmp.Or(made.Moderator, m.claim.Moderator)
	}
	switch {
	case known != "" && known != internalID: // over without our notice, and begun anew by this create
		over = m.finish(now, Ended)
		c.Anew, c.Claim.Placed = true, now
		c.Claim.Expected = b.expect(key.Tenant, m.room, Wish{Hint: m.claim.Hint}).people
	case len(m.replaced) > 0:
		over = m.replaced[0].replacedBy(internalID, c.Claim.Placed)
	}
	return c, over, known == internalID && c.Claim.Moderator == m.claim.Moderator
}

// ClaimConfirmed says that the server of a claim has the meeting.
type ClaimConfirmed struct {
	At    time.Time
	Claim store.Claim
	Anew  bool // as another session than the one that was known
}

func (c ClaimConfirmed) apply(b *Book) {
	key := c.Claim.MeetingKey
	m := b.where.meetings[key]
	if m == nil {
		return
	}
	if c.Anew {
		b.where.move(m, b.newStay(c.Claim, c.At))
		m.begin(stay{}, c.At)
	}
	b.where.rename(m, c.Claim)
	m.confirmed, m.missed = c.At, 0
	if last, closed := b.closed.of(key); closed && (last.asked > 0 || last.was(c.Claim.Server, c.Claim.InternalID)) {
		b.closed.forget(key) // what servers owe of the meeting of before is known copy by copy
	}
}

// ClaimRedated goes back to the time of placement that the store has. Claims are told apart by it: one that the store has
// under another time could not be removed from there.
type ClaimRedated struct {
	Key    store.MeetingKey
	Placed time.Time
}

func (c ClaimRedated) apply(b *Book) {
	if m := b.where.meetings[c.Key]; m != nil {
		m.claim.Placed = c.Placed
	}
}
