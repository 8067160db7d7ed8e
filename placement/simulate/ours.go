package simulate

import (
	"strconv"
	"time"

	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/placement/forecast"
	"github.com/bbbpool/bbbpool/store"
)

// pollEvery is how often our pool polls its servers, as far as placement goes: it hardly depends on that.
const pollEvery = 20 * time.Second

// ours is the rule of package placement: its book, fed as the gateway and the poller feed the ledger's.
type ours struct {
	config placement.Config
	book   *placement.Book
	stays  []int // by meeting: how often it was created
	ids    []string
	names  []string             // by meeting: the ID that servers know it by, of each tenant's its own
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

// open makes the book: with the history first, then the servers.
func (r *ours) open(p *pool) {
	if r.book != nil {
		return
	}
	for i := range p.meetings {
		t := p.meetings[i].Tenant
		r.names = append(r.names, strconv.Itoa(len(t))+"-"+t+"-"+p.meetings[i].ID)
	}
	r.stays, r.ids = make([]int, len(p.meetings)), make([]string, len(p.weight))
	r.config.Carry = float64(p.capacity)
	r.book = placement.NewBook(r.config, p.moment())
	r.book.Draw = p.draw.IntN
	for i := range p.history {
		m := &p.history[i]
		r.learn(p, store.Session{Tenant: m.Tenant, Start: m.Create, End: m.End, Peak: m.Peak(), Hint: m.Hint}, keyOf(m))
	}
	for s := range p.weight {
		r.ids[s] = strconv.Itoa(s)
	}
	r.stand(p)
}

// learn takes a session of a room into account.
func (r *ours) learn(p *pool, s store.Session, key store.MeetingKey) {
	s.Meeting = forecast.Names{}.Hash(key)
	r.book.Apply(placement.SessionLearnt{At: p.moment(), Session: s})
}

// finish learns from a stay that is over, if there was one that tells something.
func (r *ours) finish(p *pool, over placement.Finished) {
	if over.Telling() {
		r.learn(p, over.Session, over.Claim.MeetingKey)
	}
}

// stand says which servers are up.
func (r *ours) stand(p *pool) {
	for s, up := range p.up {
		standing := placement.Open
		if !up {
			standing = placement.Gone
		}
		r.book.Apply(placement.ServerSet{Server: placement.Server{
			ID: r.ids[s], Weight: p.weight[s], Capacity: int(float64(p.capacity) * p.weight[s]), Standing: standing,
		}})
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
	for s, up := range p.up {
		if !up {
			continue
		}
		r.book.Apply(placement.PollBegun{Server: r.ids[s]})
		poll := placement.Poll{Server: r.ids[s], Began: p.moment(), Complete: true, Meetings: r.sightings(p, s)}
		found := r.book.See(placement.PollSeen{At: p.moment(), Poll: poll})
		for _, c := range found.Over {
			r.close(p, c, placement.Ended)
		}
		for _, c := range found.Gone {
			r.close(p, c, "gone")
		}
		for _, seen := range found.Unclaimed {
			r.adopt(p, poll, seen)
		}
	}
	return nil
}

// close closes a claim.
func (r *ours) close(p *pool, c store.Claim, reason string) {
	r.finish(p, r.book.Finish(p.moment(), c.MeetingKey, reason))
	r.book.Apply(placement.ClaimClosed{At: p.moment(), Claim: c, Reason: reason})
}

// adopt claims a meeting that nobody has claimed.
func (r *ours) adopt(p *pool, poll placement.Poll, s placement.Sighting) {
	if c, ok := r.book.Adoption(p.moment(), poll.Server, s, poll.Began, forecast.Names{}.Room(s.Key)); ok {
		r.book.Apply(c)
		r.book.Apply(placement.CreateOver{Key: s.Key})
	}
}

// sightings is what a poll of a server sees.
func (r *ours) sightings(p *pool, s int) []placement.Sighting {
	r.seen = r.seen[:0]
	see := func(m int, ended bool) {
		r.seen = append(r.seen, placement.Sighting{
			Key: keyOf(&p.meetings[m]), InternalID: r.internalID(m), CreateTime: createTime(p, m), People: p.people[m],
			Ended: ended, Alias: r.names[m],
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

// create places a meeting by the rule, unless it is somewhere already, and has its server confirm it.
func (r *ours) create(p *pool, m int) (int, error) {
	r.open(p)
	r.stand(p)
	key := keyOf(&p.meetings[m])
	placed, stays := r.book.Stays(p.moment(), key, nil)
	claim := placed.Claim
	if !stays {
		r.book.KeepSeats(p.moment())
		room := forecast.Names{}.Room(key)
		var err error
		claim, err = r.book.Propose(p.moment(), key, room, placement.Wish{Hint: p.meetings[m].Hint, Alias: r.names[m]}, nil)
		if err != nil {
			return nowhere, err
		}
		r.book.Apply(placement.ClaimPlaced{At: p.moment(), Claim: claim, Room: room})
	}
	r.stays[m]++
	confirmed, over, _ := r.book.Confirmation(p.moment(), key, placement.Made{
		InternalID: r.internalID(m), CreateTime: p.moment().UnixMilli(),
	})
	r.book.Apply(confirmed)
	r.finish(p, over)
	r.book.Apply(placement.CreateOver{Key: key})
	return strconv.Atoi(claim.Server)
}

func (r *ours) join(p *pool, m int) {
	r.book.Join(placement.JoinSent{At: p.moment(), Key: keyOf(&p.meetings[m])})
}
