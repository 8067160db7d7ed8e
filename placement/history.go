package placement

import (
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// Basis is what an expectation was taken from.
type Basis string

// The bases, from best to worst, and Pinned: nobody had a choice.
const (
	FromHistory Basis = "history" // what the room had the last times
	FromHint    Basis = "hint"    // what the front end announced, corrected by how its announcements turned out
	FromTenant  Basis = "tenant"  // the mean over the tenant's meetings
	FromDefault Basis = "default" // the setting
	Pinned      Basis = "parent"  // a breakout room goes where its parent is
)

const (
	// memory is how far back the history is looked at: sizes of last year's rooms say little.
	memory = 70 * 24 * time.Hour
	// maxSessions is how many sessions of a room an expectation can be taken from.
	maxSessions = 8
	// tellingTime and tellingPeak are the least that a session must have had to say something about the next one.
	tellingTime = 3 * time.Minute
	tellingPeak = 2
	// maxTenants is how many tenants are told apart: a server may name any.
	maxTenants = 10_000
	// maxPeak times what a server carries is the most that a server is believed to have had in one meeting.
	maxPeak = 5
	// maxHint times the tenant's mean is the most that a hint is believed to announce.
	maxHint = 5
)

// lastTimes is what is remembered of a room beside its regular hours.
type lastTimes struct {
	peaks [maxSessions]uint16 // of the last sessions, oldest first
	n     uint8
	last  uint32 // minute, since 1970, of the last start
	end   uint32 // and of the last end
}

func (p *lastTimes) add(peak uint16, start, end uint32) {
	if p.n == maxSessions {
		copy(p.peaks[:], p.peaks[1:])
		p.n--
	}
	p.peaks[p.n] = peak
	p.n++
	p.last, p.end = start, max(p.end, end)
}

// is tells whether a session that began then is the last one, of which there is more to say.
func (p *lastTimes) is(start uint32) bool { return p != nil && p.n > 0 && apart(p.last, start) <= 1 }

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

// history knows how large meetings were, and from that how large they will be. It has a few dozen bytes for each room
// that was used within memory. It is not safe for concurrent use.
type history struct {
	config   Config
	rooms    map[room]*lastTimes
	tenants  map[string]*tally
	regulars regulars
	week     week
}

func newHistory(c Config) *history {
	return &history{
		config: c, rooms: map[room]*lastTimes{}, tenants: map[string]*tally{}, regulars: regulars{},
	}
}

// learn takes in a session. Sessions must come in the order of their ends, more or less. One that comes again, because
// its end could not be stored at once or it was only lost from sight, counts once.
func (h *history) learn(s store.Session, zone *time.Location) {
	s.Peak = min(s.Peak, int(maxPeak*h.config.Carry))
	r := roomOf(s.Meeting)
	last := h.rooms[r]
	again := r != 0 && last.is(minuteOf(s.Start))
	h.crowd(s, last, again, zone)
	peak := s.Peak
	if s.End.Sub(s.Start) < tellingTime || peak < tellingPeak || s.Reason == reasonMoved {
		return // what has moved is told by how it went on
	}
	if again {
		h.tally(s.Tenant).grow(last.grow(small(peak), minuteOf(s.End)), s.Hint)
	} else {
		h.tally(s.Tenant).add(peak, s.Hint)
	}
	if r == 0 {
		return
	}
	if last == nil {
		last = &lastTimes{}
		h.rooms[r] = last
	}
	if !again {
		last.add(small(peak), minuteOf(s.Start), minuteOf(s.End))
	}
	if h.config.SeatMin > 0 {
		h.regulars.add(r, s, h.config.SeatMin, zone)
	}
}

// crowd counts a session among how busy the weeks were; of one that comes again, what has been added.
func (h *history) crowd(s store.Session, last *lastTimes, again bool, zone *time.Location) {
	if again {
		counted := time.Unix(int64(last.end)*60, 0).Add(weekSlot)
		if counted.After(s.End) {
			return
		}
		s.Start = counted
	}
	h.week.add(s, zone)
}

func small(peak int) uint16 { return uint16(min(peak, 1<<16-1)) }

// tally returns what a tenant's meetings were like. Beyond so many tenants it is not kept.
func (h *history) tally(tenant string) *tally {
	t := h.tenants[tenant]
	if t == nil {
		t = &tally{}
		if len(h.tenants) < maxTenants {
			h.tenants[tenant] = t
		}
	}
	return t
}

func (t *tally) add(peak, hint int) {
	t.n++
	t.peaks += float64(peak)
	if hint > 0 {
		t.hinted += float64(peak)
		t.hints += float64(min(hint, most))
	}
}

// grow corrects what was added last.
func (t *tally) grow(people, hint int) {
	t.peaks += float64(people)
	if hint > 0 {
		t.hinted += float64(people)
	}
}

// expect returns how many people are expected in a meeting, and why.
func (h *history) expect(tenant string, r room, hint int) (float64, Basis) {
	if h.config.Sessions == 0 {
		return h.config.Default, FromDefault
	}
	if last := h.rooms[r]; last != nil && r != 0 {
		return last.mean(h.config.Sessions), FromHistory
	}
	t := h.tenants[tenant]
	if t == nil {
		t = &tally{} // not kept: anybody may ask
	}
	mean := t.mean(h.config.Default)
	switch {
	case hint > 0:
		return min(float64(hint)*t.truth(), maxHint*mean), FromHint
	case t.n > 0:
		return mean, FromTenant
	}
	return h.config.Default, FromDefault
}

// forget drops rooms that nobody has used within memory.
func (h *history) forget(now time.Time) {
	before := minuteOf(now.Add(-memory))
	for r, last := range h.rooms {
		if last.last < before {
			delete(h.rooms, r)
		}
	}
	h.regulars.forget(before, now.Location())
}

// minuteOf is a time in minutes since 1970. What cannot be is the nearest that can.
func minuteOf(t time.Time) uint32 { return uint32(min(max(t.Unix()/60, 0), 1<<32-1)) }
