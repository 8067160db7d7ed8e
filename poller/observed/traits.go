package observed

import (
	"fmt"
	"slices"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// Pace is how long a server takes for its answers, and how much that varies, smoothed as TCP does it (RFC 6298,
// section 2). It tells a server that is slow today from one that is dead.
type Pace struct {
	known     bool
	mean      time.Duration
	deviation time.Duration
	timeouts  int // probes in a row that got no answer in time
}

// maxTimeouts bounds the doubling: a probe never waits longer than for an answer anyway.
const maxTimeouts = 10

// Add takes an answer into account.
func (p *Pace) Add(took time.Duration) {
	p.timeouts = 0
	if !p.known {
		p.known, p.mean, p.deviation = true, took, took/2
		return
	}
	off := took - p.mean
	p.deviation += (max(off, -off) - p.deviation) / 4
	p.mean += off / 8
}

// AddTimeout takes a probe without an answer into account: nothing is known of how long that would have taken but that
// the next one should be given more.
func (p *Pace) AddTimeout() { p.timeouts = min(p.timeouts+1, maxTimeouts) }

// Patience is how long to wait for a sign of life: mean + 4 × deviation, but from shortest to longest.
func (p *Pace) Patience(shortest, longest time.Duration) time.Duration {
	return max(shortest, min(p.mean+4*p.deviation, longest))
}

// ProbeTimeout is how long the next probe may take: the patience, doubled with every probe in a row that timed out, so that
// also a server that is slow all of a sudden is heard in the end.
func (p *Pace) ProbeTimeout(shortest, longest time.Duration) time.Duration {
	return max(shortest, min(p.Patience(shortest, longest)<<p.timeouts, longest))
}

// lastFive are the last five of many measurements.
type lastFive struct {
	samples [5]time.Duration
	count   int // of all so far
}

func (l *lastFive) add(d time.Duration) {
	l.samples[l.count%len(l.samples)] = d
	l.count++
}

// median is the middle one, 0 where there is none.
func (l *lastFive) median() time.Duration {
	samples := l.samples
	known := samples[:min(l.count, len(samples))]
	if len(known) == 0 {
		return 0
	}
	slices.Sort(known)
	return known[len(known)/2]
}

// Clock is how far a server's clock is ahead of ours, to the second, as its answers tell. It is the median of what the
// last few of them said, so that one that came from a cache is not believed, and a clock that was put right soon is.
type Clock struct{ skews lastFive }

// longestDated is how long a call may take for its answer to say anything about a clock.
const longestDated = 2 * time.Second

// Add takes into account the answer to a call that began and ended at these times.
func (c *Clock) Add(reply *bbb.Reply, began, ended time.Time) {
	if !reply.Date.IsZero() && ended.Sub(began) <= longestDated {
		c.skews.add(reply.Skew(began, ended))
	}
}

// Known tells whether at least so many answers have told the time.
func (c *Clock) Known(answers int) bool { return c.skews.count >= answers }

// Skew is 0 where nothing is known.
func (c *Clock) Skew() time.Duration { return c.skews.median() }

// Slowness is how slow the answers of a server are: the median of the last few polls, so that one that took its time is no
// news, in levels that are left only well below where they are entered, so that a server at the limit does not come and go.
type Slowness struct {
	polls lastFive
	Level Level
}

// Level is what follows from the slowness of a server.
type Level int

// The levels.
const (
	Brisk    Level = iota
	Slow           // it counts double in placement
	Crawling       // it is suspect: new meetings go elsewhere while others can take them
)

// slowFrom is from when on a server is at a level.
var slowFrom = [...]time.Duration{Slow: 2 * time.Second, Crawling: 5 * time.Second}

// enoughPolls is how many answers say how slow a server is.
const enoughPolls = 3

// Add takes into account how long a poll was answered, and tells whether the server is at another level by that.
func (s *Slowness) Add(took time.Duration) (changed bool) {
	s.polls.add(took)
	if s.polls.count < enoughPolls {
		return false
	}
	was := s.Level
	s.Level = Brisk
	for at := Slow; at <= Crawling; at++ {
		limit := slowFrom[at]
		if was >= at {
			limit -= limit / 4
		}
		if s.polls.median() >= limit {
			s.Level = at
		}
	}
	return s.Level != was
}

// Words is how long the server takes, or "" where that is nothing to speak of.
func (s *Slowness) Words() string {
	if s.Level == Brisk {
		return ""
	}
	return fmt.Sprintf("it answers in %.2g s", s.polls.median().Seconds())
}

// Problem says what follows, or "" where nothing does.
func (s *Slowness) Problem() string {
	switch s.Level {
	case Slow:
		return s.Words() + ": its people count double for new meetings; check its load and the network"
	case Crawling:
		return s.Words() + ": it is suspect, no new meetings while others can take them; check its load and the network"
	case Brisk:
	}
	return ""
}
