// Package forecast says what the sessions of before tell about the meetings to come: how many people a room brings, which
// large meetings are about to begin, and how busy the coming week will be.
//
// It is memory alone, and pure: what it knows follows from the sessions that it was told of, in whatever process that
// happens. Of a room it knows a hash ([Names]), of a session what its row in the history says. It reads nothing from a
// store, and does not know what the time is.
package forecast

import (
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// Basis is what an expectation was taken from.
type Basis string

// The bases, from best to worst.
const (
	FromHistory Basis = "history" // what the room had the last times
	FromHint    Basis = "hint"    // what the front end announced, corrected by how its announcements turned out
	FromTenant  Basis = "tenant"  // the mean over the tenant's meetings
	FromDefault Basis = "default" // the setting
)

// Moved is the reason of a session that went on elsewhere: how it went on tells more.
const Moved = "moved"

const (
	// LookBack is how far back the history is looked at: sizes of last year's rooms say little.
	LookBack = 70 * 24 * time.Hour
	// MaxSessions is how many sessions of a room an expectation can be taken from.
	MaxSessions = 8
	// tellingTime and tellingPeak are the least that a session must have had to say something about the next one.
	tellingTime = 3 * time.Minute
	tellingPeak = 2
	// maxTenants is how many tenants are told apart: a server may name any.
	maxTenants = 10_000
	// maxPeak times what a server carries is the most that a server is believed to have had in one meeting.
	maxPeak = 5
	// MaxPeople is how many people are believed to be in one meeting, or expected in it: sums stay sums whatever we are
	// told.
	MaxPeople = 100_000
	// maxHint times the tenant's mean is the most that a hint is believed to announce.
	maxHint = 5
)

// Believable bounds an expectation.
func Believable(expected float64) float64 {
	if expected > 0 { // false for what is not a number
		return min(expected, MaxPeople)
	}
	return 0
}

// lastTimes is what is remembered of a room beside its regular hours.
type lastTimes struct {
	peaks [MaxSessions]uint16 // of the last sessions, oldest first
	n     uint8
	last  uint32 // minute, since 1970, of the last start
	end   uint32 // and of the last end
}

func (p *lastTimes) add(peak uint16, start, end uint32) {
	if p.n == MaxSessions {
		copy(p.peaks[:], p.peaks[1:])
		p.n--
	}
	p.peaks[p.n] = peak
	p.n++
	p.last, p.end = start, max(p.end, end)
}

// began tells whether a session that began then is the last one, of which there is more to say.
func (p *lastTimes) began(start uint32) bool {
	return p != nil && p.n > 0 && minutesApart(p.last, start) <= 1
}

// grow takes in more of the last session, and returns by how much its peak has grown.
func (p *lastTimes) grow(peak uint16, end uint32) int {
	last := &p.peaks[p.n-1]
	more := max(int(peak)-int(*last), 0)
	*last, p.end = max(*last, peak), max(p.end, end)
	return more
}

// mean returns the mean over the last so many peaks, 0 where there is none.
func (p *lastTimes) mean(sessions int) float64 {
	peaks := p.peaks[max(0, int(p.n)-sessions):p.n]
	sum := 0
	for _, peak := range peaks {
		sum += int(peak)
	}
	if sum == 0 {
		return 0
	}
	return float64(sum) / float64(len(peaks))
}

// tally is what a tenant's meetings were like, all together.
type tally struct{ n, peaks, hinted, hints float64 }

// mean is the size of a meeting of which nothing else is known. It starts at the default, which weighs as much as three
// meetings.
func (t *tally) mean(start float64) float64 { return (3*start + t.peaks) / (3 + t.n) }

// truth is how many people come for each one that is announced. It starts at a half.
func (t *tally) truth() float64 { return (50 + t.hinted) / (100 + t.hints) }

// Settings are what a forecast depends on besides the sessions.
type Settings struct {
	Default  float64 // people expected in a meeting of which nothing else is known
	Sessions int     // of a room that tell how many to expect in it; 0 expects the default of every meeting
	Carry    float64 // people that a server of weight 1 carries
	SeatMin  float64 // people that make a regular meeting a large one; 0 knows no appointments
}

// Forecast knows how large meetings were, and from that how large they will be. It has a few dozen bytes for each room
// that was used within LookBack. It is not safe for concurrent use.
type Forecast struct {
	settings Settings
	rooms    map[Room]*lastTimes
	tenants  map[string]*tally
	regulars regulars
	week     week
}

// New returns the forecast of a pool without a past.
func New(s Settings) *Forecast {
	return &Forecast{settings: s, rooms: map[Room]*lastTimes{}, tenants: map[string]*tally{}, regulars: regulars{}}
}

// Learn takes in a session. Sessions must come in the order of their ends, more or less. One that comes again, because
// its end could not be stored at once or it was only lost from sight, counts once.
func (f *Forecast) Learn(s store.Session, zone *time.Location) {
	s.Peak = min(s.Peak, int(maxPeak*f.settings.Carry))
	r := RoomOf(s.Meeting)
	last := f.rooms[r]
	again := r != 0 && last.began(minuteOf(s.Start))
	f.countWeek(s, last, again, zone)
	peak := s.Peak
	if s.End.Sub(s.Start) < tellingTime || peak < tellingPeak || s.Reason == Moved {
		return
	}
	if again {
		f.tally(s.Tenant).grow(last.grow(small(peak), minuteOf(s.End)), s.Hint)
	} else {
		f.tally(s.Tenant).add(peak, s.Hint)
	}
	if r == 0 {
		return
	}
	if last == nil {
		last = &lastTimes{}
		f.rooms[r] = last
	}
	if !again {
		last.add(small(peak), minuteOf(s.Start), minuteOf(s.End))
	}
	if f.settings.SeatMin > 0 {
		f.regulars.add(r, s, f.settings.SeatMin, zone)
	}
}

// countWeek counts a session among how busy the weeks were; of one that comes again, what has been added.
func (f *Forecast) countWeek(s store.Session, last *lastTimes, again bool, zone *time.Location) {
	if again {
		counted := time.Unix(int64(last.end)*60, 0).Add(weekSlot)
		if counted.After(s.End) {
			return
		}
		s.Start = counted
	}
	f.week.add(s, zone)
}

func small(peak int) uint16 { return uint16(min(peak, 1<<16-1)) }

// tally returns what a tenant's meetings were like. Beyond so many tenants it is not kept.
func (f *Forecast) tally(tenant string) *tally {
	t := f.tenants[tenant]
	if t == nil {
		t = &tally{}
		if len(f.tenants) < maxTenants {
			f.tenants[tenant] = t
		}
	}
	return t
}

func (t *tally) add(peak, hint int) {
	t.n++
	t.peaks += float64(peak)
	if hint > 0 {
		t.hinted += float64(peak)
		t.hints += float64(min(hint, MaxPeople))
	}
}

// grow corrects what was added last.
func (t *tally) grow(people, hint int) {
	t.peaks += float64(people)
	if hint > 0 {
		t.hinted += float64(people)
	}
}

// Expect returns how many people are expected in a meeting, and why.
func (f *Forecast) Expect(tenant string, r Room, hint int) (float64, Basis) {
	if f.settings.Sessions == 0 {
		return f.settings.Default, FromDefault
	}
	if last := f.rooms[r]; last != nil && r != 0 {
		return last.mean(f.settings.Sessions), FromHistory
	}
	t := f.tenants[tenant]
	if t == nil {
		t = &tally{} // not kept: anybody may ask
	}
	mean := t.mean(f.settings.Default)
	switch {
	case hint > 0:
		return min(float64(hint)*t.truth(), maxHint*mean), FromHint
	case t.n > 0:
		return mean, FromTenant
	}
	return f.settings.Default, FromDefault
}

// Forget drops rooms that nobody has used within LookBack.
func (f *Forecast) Forget(now time.Time) {
	before := minuteOf(now.Add(-LookBack))
	for r, last := range f.rooms {
		if last.last < before {
			delete(f.rooms, r)
		}
	}
	f.regulars.forget(before, now.Location())
}

// Due returns the regular large meetings that usually begin between two moments, largest first. It follows from the
// history and the clock alone. Hours are those of the wall clock where the moments are.
func (f *Forecast) Due(from, to time.Time) []Appointment {
	list := f.regulars.due(from, from, to, f.settings.SeatMin)
	if from.Day() != to.Day() {
		list = append(list, f.regulars.due(to, from, to, f.settings.SeatMin)...)
	}
	return list
}

// Busiest returns when the pool will be the most crowded within a span, a week at most, as it was in the last weeks, and
// with how many people in how many meetings. The time is zero where nothing is known.
func (f *Forecast) Busiest(from time.Time, span time.Duration) (at time.Time, people, meetings int) {
	at, crowd := f.week.busiest(from, int(span/weekSlot))
	return at, int(crowd.people), int(crowd.meetings)
}

// minuteOf is a time in minutes since 1970. What cannot be is the nearest that can.
func minuteOf(t time.Time) uint32 { return uint32(min(max(t.Unix()/60, 0), 1<<32-1)) }
