package placement

import (
	"cmp"
	"slices"
	"time"
)

// How often it is looked which seats are due, which are held for half an hour.
const (
	seatRound  = 30 * time.Second
	maxSeating = 64 // seats that are given at one look: each is a decision, and somebody waits
)

// seat is room held for a regular large meeting before it is created. Whose seats there are follows from history and
// clock; only where they are is memory, and chosen anew after a restart.
type seat struct {
	size   float64
	until  time.Time
	last   string  // the server that the meeting was on the last time: its tag is what the meeting will ask for
	server *server // nil where no server is open, or the meeting has been created
	taken  bool    // the meeting has been created
}

// seats are all seats of one half hour, by room.
type seats struct {
	held   map[room]*seat
	looked time.Time
}

// keepSeats brings the seats up to date. It is called before anybody looks at what is kept. The lock is held.
func (l *Ledger) keepSeats() {
	now := l.now()
	if passed := now.Sub(l.seats.looked); l.config.SeatMin <= 0 || 0 <= passed && passed < seatRound {
		return
	}
	l.seats.looked = now
	l.dropSeats(now)
	left := maxSeating
	for _, a := range l.due(now) {
		s := l.seats.held[a.room]
		if s == nil {
			s = &seat{size: a.size, until: a.start.Add(l.config.SeatGrace), last: a.server, taken: l.live[a.room] > 0}
			l.seats.held[a.room] = s
		}
		if s.server != nil || s.taken {
			continue
		}
		if left--; left < 0 {
			l.seats.looked = time.Time{} // goes on with the next look
			return
		}
		l.hold(s)
	}
}

// due returns the appointments to hold seats for, largest first.
func (l *Ledger) due(now time.Time) []appointment {
	from, to := now.Add(-l.config.SeatGrace), now.Add(l.config.SeatLead)
	list := l.history.regulars.due(from, from, to, l.config.SeatMin)
	if from.Day() != to.Day() {
		list = append(list, l.history.regulars.due(to, from, to, l.config.SeatMin)...)
	}
	return list
}

// dropSeats gives up seats whose time is over, and those on servers that take no new meetings any more.
func (l *Ledger) dropSeats(now time.Time) {
	for r, s := range l.seats.held {
		if !now.Before(s.until) {
			s.release()
			delete(l.seats.held, r)
		} else if s.server != nil && s.server.Standing != Open {
			s.release()
		}
	}
}

// hold finds a server for a seat: the one that the rule would choose. Where none is open now it tries again later. The
// lock is held.
func (l *Ledger) hold(s *seat) {
	wanted := tags{}
	if last := l.servers[s.last]; last != nil && last.Tag != "" {
		wanted = tags{names: []string{last.Tag}, asked: true}
	}
	c := l.choose(s.size, l.config.Default, Open, wanted, nil)
	if s.server = l.servers[c.Best.Server]; s.server != nil {
		s.server.keep(s.size)
	}
}

// keep holds more room, or less. With no seat left the sum starts anew: what rounding leaves of it would decide between
// servers that are equal.
func (s *server) keep(people float64) {
	if people > 0 {
		s.seats++
	} else {
		s.seats--
	}
	if s.kept += people; s.seats == 0 {
		s.kept = 0
	}
}

// release gives the room back.
func (s *seat) release() {
	if s.server != nil {
		s.server.keep(-s.size)
		s.server = nil
	}
}

// takeSeat drops the seat of a room that is being created: from now on its people are expected. The lock is held.
func (l *Ledger) takeSeat(r room) {
	if s := l.seats.held[r]; s != nil {
		s.release()
		s.taken = true
	}
}

// returnSeat lets a seat be held again for a room that was not created after all. The lock is held.
func (l *Ledger) returnSeat(r room) {
	if s := l.seats.held[r]; s != nil {
		s.taken = false
		l.seats.looked = time.Time{}
	}
}

// unseat moves the seats of a server that leaves the pool. The lock is held.
func (l *Ledger) unseat(page *server) {
	for _, s := range l.seats.held {
		if s.server == page {
			s.server = nil
		}
	}
	l.seats.looked = time.Time{}
}

// Seat is room held for a meeting that is not created yet.
type Seat struct {
	Server string
	Size   float64 // people
	Until  time.Time
}

// Seats returns the seats that are held now, largest first.
func (l *Ledger) Seats() (list []Seat) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keepSeats()
	for _, s := range l.seats.held {
		if s.server != nil {
			list = append(list, Seat{s.server.ID, s.size, s.until})
		}
	}
	slices.SortFunc(list, func(a, b Seat) int {
		return cmp.Or(cmp.Compare(b.Size, a.Size), cmp.Compare(a.Server, b.Server))
	})
	return list
}
