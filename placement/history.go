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
	// maxHint times the tenant's mean is the most that a hint is believed to announce.
	maxHint = 5
)

// lastTimes is what is remembered of a room beside its regular hours.
type lastTimes struct {
	peaks [maxSessions]uint16 // of the last sessions, oldest first
	n     uint8
	last  uint32 // minute, since 1970, of the last start
}

func (p *lastTimes) add(peak uint16, minute uint32) {
	if p.n == maxSessions {
		copy(p.peaks[:], p.peaks[1:])
		p.n--
	}
	p.peaks[p.n] = peak
	p.n++
	p.last = max(p.last, minute)
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

// learn takes in a session. Sessions must come in the order of their ends, more or less.
func (h *history) learn(s store.Session, zone *time.Location) {
	h.week.add(s, zone)
	peak := min(s.Peak, most)
	if s.End.Sub(s.Start) < tellingTime || peak < tellingPeak {
		return
	}
	h.tally(s.Tenant).add(peak, s.Hint)
	r := roomOf(s.Meeting)
	if r == 0 {
		return
	}
	last := h.rooms[r]
	if last == nil {
		last = &lastTimes{}
		h.rooms[r] = last
	}
	last.add(uint16(min(peak, 1<<16-1)), minuteOf(s.Start))
	if h.config.SeatMin > 0 {
		h.regulars.add(r, s, h.config.SeatMin)
	}
}

func (h *history) tally(tenant string) *tally {
	t := h.tenants[tenant]
	if t == nil {
		t = &tally{}
		h.tenants[tenant] = t
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
	h.regulars.forget(before)
}

// minuteOf is a time in minutes since 1970. What cannot be is the nearest that can.
func minuteOf(t time.Time) uint32 { return uint32(min(max(t.Unix()/60, 0), 1<<32-1)) }
