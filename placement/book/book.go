package book

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/bbbpool/bbbpool/placement/forecast"
	"github.com/bbbpool/bbbpool/placement/owing"
	"github.com/bbbpool/bbbpool/placement/settings"
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
	// ErrForeign: servers know another tenant's meeting by the ID that the create asks for.
	ErrForeign = errors.New("another tenant's meeting has that ID")
	// ErrVoice: another meeting has the voice bridge that the create asks for, or each that the pool would give it.
	ErrVoice = errors.New("another meeting has that voice bridge")
	// ErrMeetings: the tenant has as many meetings as it may have at once.
	ErrMeetings = errors.New("the tenant has as many meetings as it may have")
	// ErrPerHour: the tenant has begun as many meetings as it may within an hour.
	ErrPerHour = errors.New("the tenant has begun as many meetings as it may within an hour")
	// ErrPeople: the tenant has as many people in its meetings as it may have at once.
	ErrPeople = errors.New("the tenant has as many people in its meetings as it may have")
	// ErrMeetingPeople: as many people are in the meeting as may be in one of the tenant's.
	ErrMeetingPeople = errors.New("as many people are in the meeting as may be")
	// ErrUnknown: nobody has claimed the meeting.
	ErrUnknown = errors.New("no such meeting")
)

// Book is the record of which meeting is where, who is in it and who is still expected, as pure memory: it knows no store,
// no clock and no lock, and is for one goroutine at a time. It answers, it says what should be done, and it never changes
// but by a [Change].
type Book struct {
	// Draw draws from [0,n) for servers that are equal in everything. It may be set before the first use.
	Draw func(n int) int
	// Follow hears of every change after it was made, in order; nil where nobody follows.
	Follow func(Change)

	config   settings.Config
	clock    clock
	where    places
	owed     owing.Owed // what servers owe
	asked    int        // meetings that somebody who may has ended so far
	closed   recently   // meetings that are over
	vanished recently   // lost from sight, and for all anybody knows not over
	seats    seats
	forecast *forecast.Forecast
	recalled bool    // the history is in it
	reports  reports // joins of other instances
}

// New returns an empty book. Two that are to answer alike need the same configuration and the same start.
func New(config settings.Config, start time.Time) *Book {
	config = config.Bounded()
	return &Book{
		Draw: rand.IntN, config: config, clock: clock{start, config.Fade},
		where: newPlaces(), owed: owing.New(), seats: seats{held: map[forecast.Room]*seat{}}, reports: reports{},
		closed: newRecently(time.Time{}), vanished: newRecently(time.Time{}),
		forecast: newForecast(config),
	}
}

func newForecast(c settings.Config) *forecast.Forecast {
	return forecast.New(forecast.Settings{Default: c.Default, Sessions: c.Sessions, Carry: c.Carry, SeatMin: c.SeatMin})
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

// Join is Apply for the change that comes most often: where nobody follows it takes no memory.
func (b *Book) Join(c JoinSent) {
	c.apply(b)
	if b.Follow != nil {
		b.Follow(c)
	}
}

// newStay begins a stay in which nobody has been seen yet.
func (b *Book) newStay(c store.Claim, now time.Time) stay {
	return stay{claim: c, born: b.clock.at(c.Placed, now)}
}

// clock is what expectations fade by.
type clock struct {
	start time.Time // its zero
	fade  time.Duration
}

// at turns a time into seconds of the clock. A time to come, by a clock that was set back, is now.
func (c clock) at(t, now time.Time) float64 { return min(t.Sub(c.start), now.Sub(c.start)).Seconds() }

// now is the present time in seconds of the clock.
func (c clock) now(now time.Time) float64 { return now.Sub(c.start).Seconds() }

// faded is the share of an expectation that has faded by now.
func (c clock) faded(born float64, now time.Time) float64 {
	return min(max((c.now(now)-born)/c.fade.Seconds(), 0), 1)
}

// SessionLearnt takes a session into account for the meetings to come. At says by which wall clock the hours are, too.
type SessionLearnt struct {
	At      time.Time
	Session store.Session
}

func (c SessionLearnt) apply(b *Book) { b.forecast.Learn(c.Session, c.At.Location()) }

// HistoryShortened forgets what is too long ago to tell anything.
type HistoryShortened struct{ At time.Time }

func (c HistoryShortened) apply(b *Book) {
	b.forecast.Forget(c.At)
	b.where.tenants.Sweep(c.At)
	b.reports.sweep(c.At)
}
