package book

import (
	"maps"
	"slices"
	"time"

	"github.com/bbbpool/bbbpool/placement/forecast"
	"github.com/bbbpool/bbbpool/placement/rule"
)

// How often it is looked which seats are due, which are held for half an hour.
const (
	seatRound  = 30 * time.Second
	maxSeating = 64 // seats that are given at one look: each is a decision, and somebody waits
)

// seat is room held for a regular large meeting before it is created. Whose seats there are follows from history and
// clock; only where they are is memory, and chosen anew after a restart.
type seat struct {
	size  float64
	until time.Time
	last  string // the server that the meeting was on the last time: its tag is what the meeting will ask for
	page  *page  // nil where no server is open, or the meeting has been created
	taken bool   // the meeting has been created
}

// release gives the room back.
func (s *seat) release() {
	if s.page != nil {
		s.page.hold(-s.size)
		s.page = nil
	}
}

// seats are all seats of one half hour, by room.
type seats struct {
	held    map[forecast.Room]*seat
	looked  time.Time       // when it was looked last; zero where the look has to go on
	waiting []forecast.Room // what was due then and has no server, largest first
}

// due tells whether it is time to look again.
func (s *seats) due(now time.Time) bool {
	passed := now.Sub(s.looked)
	return passed < 0 || passed >= seatRound
}

// expire gives up seats whose time is over, and those on servers that take no new meetings any more. It goes by room, so
// that sums come out alike in every book.
func (s *seats) expire(now time.Time) {
	for _, r := range slices.Sorted(maps.Keys(s.held)) {
		held := s.held[r]
		if !now.Before(held.until) {
			held.release()
			delete(s.held, r)
		} else if held.page != nil && held.page.Standing != rule.Open {
			held.release()
		}
	}
}

// take drops the seat of a room that is being created: from now on its people are expected.
func (s *seats) take(r forecast.Room) {
	if held := s.held[r]; held != nil {
		held.release()
		held.taken = true
	}
}

// giveBack lets a seat be held again for a room that was not created after all.
func (s *seats) giveBack(r forecast.Room) {
	if held := s.held[r]; held != nil {
		held.taken = false
		s.looked = time.Time{}
	}
}

// leave takes the seats off a server that leaves the pool. They are held elsewhere with the next look.
func (s *seats) leave(p *page) {
	for _, held := range s.held {
		if held.page == p {
			held.page = nil
		}
	}
	s.looked = time.Time{}
}

// KeepSeats brings the seats up to date, if it is time for that. It has to be called before anybody looks at what is kept.
func (b *Book) KeepSeats(now time.Time) {
	if b.config.SeatMin <= 0 || !b.seats.due(now) {
		return
	}
	b.Apply(SeatsLooked{At: now})
	for _, r := range b.seats.waiting {
		s := b.seats.held[r]
		d := decision{book: b, now: b.clock.now(now), own: s.size}
		if server := d.chooseFor(s); server != "" { // else it is looked again later
			b.Apply(SeatHeld{Room: r, Server: server})
		}
	}
}

// chooseFor finds a server for a seat: the one that the rule would choose, if any is open.
func (d *decision) chooseFor(s *seat) string {
	wanted := rule.Tags{}
	if last := d.book.where.pages[s.last]; last != nil && last.Tag != "" {
		wanted = rule.Tagged(last.Tag)
	}
	return d.choose(d.book.config.Default, rule.Open, wanted, nil).Best.Server
}

// SeatsLooked gives up the seats that are over, and finds out which are due. Where those are held is said by SeatHeld.
type SeatsLooked struct{ At time.Time }

func (c SeatsLooked) apply(b *Book) {
	s := &b.seats
	s.looked, s.waiting = c.At, nil
	s.expire(c.At)
	for _, a := range b.forecast.Due(c.At.Add(-b.config.SeatGrace), c.At.Add(b.config.SeatLead)) {
		held := s.held[a.Room]
		if held == nil {
			held = &seat{size: a.Size, until: a.Start.Add(b.config.SeatGrace), last: a.Server, taken: b.where.live[a.Room] > 0}
			s.held[a.Room] = held
		}
		switch {
		case held.page != nil || held.taken || slices.Contains(s.waiting, a.Room):
		case len(s.waiting) == maxSeating:
			s.looked = time.Time{} // goes on with the next look
			return
		default:
			s.waiting = append(s.waiting, a.Room)
		}
	}
}

// SeatHeld holds the seat of a room on a server.
type SeatHeld struct {
	Room   forecast.Room
	Server string
}

func (c SeatHeld) apply(b *Book) {
	held, p := b.seats.held[c.Room], b.where.pages[c.Server]
	if held == nil || held.page != nil || p == nil {
		return
	}
	held.page = p
	p.hold(held.size)
}
