package placement

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/bbbpool/bbbpool/placement/forecast"
	"github.com/bbbpool/bbbpool/store"
)

// Errors of the ledger and its book.
var (
	// ErrNoServer: no server can take the meeting.
	ErrNoServer = errors.New("no server can take the meeting")
	// ErrNoTag: servers could take the meeting, but none has a tag that was asked for with "!".
	ErrNoTag = errors.New("no server with the required tag can take the meeting")
	// ErrFull: servers could take the meeting, but for their capacity.
	ErrFull = errors.New("every server that could take the meeting is at its capacity")
	// ErrUnknown: nobody has claimed the meeting.
	ErrUnknown = errors.New("no such meeting")
)

// Book is the record of which meeting is where, who is in it and who is still expected, as pure memory: it knows no store,
// no clock and no lock, and is for one goroutine at a time. It answers, it says what should be done, and it never changes
// but by [Book.Apply].
type Book struct {
	// Draw draws from [0,n) for servers that are equal in everything. It may be set before the first use.
	Draw func(n int) int
	// Follow hears of every change after it was made, in order; nil where nobody follows.
	Follow func(Change)

	config    Config
	start     time.Time        // the zero of the clock that expectations fade by
	pages     map[string]*page // by server
	order     []*page          // by ID, so that a decision depends on nothing but what is known
	meetings  map[store.MeetingKey]*meeting
	live      map[forecast.Room]int // meetings by room
	breakouts int                   // meetings that are breakout rooms
	owed      owed                  // what servers owe
	asked     int                   // meetings that somebody who may has ended so far
	closed    recently              // meetings that are over
	vanished  recently              // lost from sight, and for all anybody knows not over
	seats     seats
	forecast  *forecast.Forecast
}

// NewBook returns an empty book. Two that are to answer alike need the same configuration and the same start.
func NewBook(config Config, start time.Time) *Book {
	config = config.bounded()
	return &Book{
		Draw: rand.IntN, config: config, start: start,
		pages:    map[string]*page{},
		meetings: map[store.MeetingKey]*meeting{},
		live:     map[forecast.Room]int{},
		owed:     owed{},
		seats:    seats{held: map[forecast.Room]*seat{}},
		forecast: forecast.New(forecast.Settings{
			Default: config.Default, Sessions: config.Sessions, Carry: config.Carry, SeatMin: config.SeatMin,
		}),
	}
}

// Change is one step of a book, with everything that the step depends on: when it was, what was decided by lot, what a
// server said. Another book that applies the same changes in the same order answers the same. Its fields are values, which
// nobody changes any more.
type Change interface{ apply(b *Book) }

// Apply makes a change. One that speaks of what the book does not know changes nothing.
func (b *Book) Apply(c Change) {
	c.apply(b)
	if b.Follow != nil {
		b.Follow(c)
	}
}

// clock turns a time into seconds of the book's clock. A time to come, by a clock that was set back, is now.
func (b *Book) clock(t, now time.Time) float64 {
	return min(t.Sub(b.start), now.Sub(b.start)).Seconds()
}

// faded is the share of an expectation that has faded by now.
func (b *Book) faded(born float64, now time.Time) float64 {
	return min(max((b.clock(now, now)-born)/b.config.Fade.Seconds(), 0), 1)
}

// newStay begins a stay in which nobody has been seen yet.
func (b *Book) newStay(c store.Claim, now time.Time) stay {
	return stay{claim: c, born: b.clock(c.Placed, now)}
}

// add enters a meeting that is new to the book.
func (b *Book) add(r forecast.Room, s stay) *meeting {
	m := &meeting{room: r}
	b.meetings[s.claim.MeetingKey] = m
	b.live[r]++
	b.move(m, s)
	return m
}

// move gives a meeting another stay, on the page of its server.
func (b *Book) move(m *meeting, s stay) {
	if m.page != nil {
		m.page.detach(m)
	}
	b.countBreakout(m, -1)
	m.stay = s
	b.countBreakout(m, 1)
	if p, ok := b.pages[s.claim.Server]; ok {
		p.attach(m)
	}
}

// drop takes a meeting out of the book.
func (b *Book) drop(m *meeting) {
	if m.page != nil {
		m.page.detach(m)
	}
	delete(b.meetings, m.claim.MeetingKey)
	b.countBreakout(m, -1)
	if b.live[m.room]--; b.live[m.room] == 0 {
		delete(b.live, m.room)
	}
}

func (b *Book) countBreakout(m *meeting, n int) {
	if m.claim.Breakout {
		b.breakouts += n
	}
}

// SessionLearnt takes a session into account for the meetings to come. At says by which wall clock the hours are, too.
type SessionLearnt struct {
	At      time.Time
	Session store.Session
}

func (c SessionLearnt) apply(b *Book) { b.forecast.Learn(c.Session, c.At.Location()) }

// HistoryShortened forgets what is too long ago to tell anything.
type HistoryShortened struct{ At time.Time }

func (c HistoryShortened) apply(b *Book) { b.forecast.Forget(c.At) }
