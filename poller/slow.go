package poller

import (
	"fmt"
	"slices"
	"time"
)

// slowness is how slow the answers of a server are: the median of the last few polls, so that one that took its time is no
// news, in levels that are left only well below where they are entered, so that a server at the limit does not come and go.
type slowness struct {
	samples [5]time.Duration
	seen    int // samples so far
	level   level
}

// level is what follows from the slowness of a server.
type level int

const (
	brisk    level = iota
	slow           // it counts double in placement
	crawling       // it is suspect: new meetings go elsewhere while others can take them
)

// slowFrom is from when on a server is at a level.
var slowFrom = [...]time.Duration{slow: 2 * time.Second, crawling: 5 * time.Second}

// enoughPolls is how many answers say how slow a server is.
const enoughPolls = 3

// took takes note of how long a poll was answered, and tells whether the server is at another level by that.
func (s *slowness) took(d time.Duration) (changed bool) {
	s.samples[s.seen%len(s.samples)] = d
	if s.seen++; s.seen < enoughPolls {
		return false
	}
	was := s.level
	s.level = brisk
	for at := slow; at <= crawling; at++ {
		limit := slowFrom[at]
		if was >= at {
			limit -= limit / 4
		}
		if s.median() >= limit {
			s.level = at
		}
	}
	return s.level != was
}

func (s *slowness) median() time.Duration {
	samples := s.samples
	known := samples[:min(s.seen, len(samples))]
	slices.Sort(known)
	return known[len(known)/2]
}

// words is how long the server takes, or "" where that is nothing to speak of.
func (s *slowness) words() string {
	if s.level == brisk {
		return ""
	}
	return fmt.Sprintf("it answers in %.2g s", s.median().Seconds())
}

// warning says what follows.
func (s *slowness) warning() string {
	switch s.level {
	case slow:
		return s.words() + ": its people count double for new meetings; check its load and the network"
	case crawling:
		return s.words() + ": it is suspect, no new meetings while others can take them; check its load and the network"
	case brisk:
	}
	return ""
}
