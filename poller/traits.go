package poller

import (
	"fmt"
	"slices"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// traits are what calls show of a server beside its meetings. A new address or secret may be another server's, so they
// begin anew with it.
type traits struct {
	pace       pace
	clock      clock
	slow       slowness
	expires    time.Time                 // the certificate, where there is one
	unresolved int                       // looks in a row that found its name lost
	excess     int                       // meetings that are too many to be adopted
	raised     [impendingKinds]time.Time // since when there is a problem of a kind; zero where there is none
}

// learn takes from an answer what it shows beside the meetings. It tells whether the server can be used less than before,
// or more, by that.
func (t *traits) learn(o observation, began time.Time) (changed bool) {
	took := o.ended.Sub(began)
	t.pace.add(took)
	t.clock.add(o.reply, began, o.ended)
	t.expires = o.reply.Expires
	if changed = t.slow.add(took); changed && t.slow.level != brisk {
		t.raised[tooSlow] = time.Time{} // another level is news
	}
	return changed
}

// pace is how long a server takes for its answers, and how much that varies, smoothed as TCP does it (RFC 6298,
// section 2). It tells a server that is slow today from one that is dead.
type pace struct {
	known     bool
	mean      time.Duration
	deviation time.Duration
	timeouts  int // probes in a row that got no answer in time
}

// maxTimeouts bounds the doubling: a probe never waits longer than for an answer anyway.
const maxTimeouts = 10

// add takes an answer into account.
func (p *pace) add(took time.Duration) {
	p.timeouts = 0
	if !p.known {
		p.known, p.mean, p.deviation = true, took, took/2
		return
	}
	off := took - p.mean
	p.deviation += (max(off, -off) - p.deviation) / 4
	p.mean += off / 8
}

// addTimeout takes a probe without an answer into account: nothing is known of how long that would have taken but that
// the next one should be given more.
func (p *pace) addTimeout() { p.timeouts = min(p.timeouts+1, maxTimeouts) }

// patience is how long to wait for a sign of life: mean + 4 × deviation, but from shortest to longest.
func (p *pace) patience(shortest, longest time.Duration) time.Duration {
	return max(shortest, min(p.mean+4*p.deviation, longest))
}

// probeTimeout is how long the next probe may take: the patience, doubled with every probe in a row that timed out, so that
// also a server that is slow all of a sudden is heard in the end.
func (p *pace) probeTimeout(shortest, longest time.Duration) time.Duration {
	return max(shortest, min(p.patience(shortest, longest)<<p.timeouts, longest))
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

// clock is how far a server's clock is ahead of ours, to the second, as its answers tell. It is the median of what the
// last few of them said, so that one that came from a cache is not believed, and a clock that was put right soon is.
type clock struct{ skews lastFive }

// longestDated is how long a call may take for its answer to say anything about a clock.
const longestDated = 2 * time.Second

// add takes into account the answer to a call that began and ended at these times.
func (c *clock) add(reply *bbb.Reply, began, ended time.Time) {
	if !reply.Date.IsZero() && ended.Sub(began) <= longestDated {
		c.skews.add(reply.Skew(began, ended))
	}
}

// skew is 0 where nothing is known.
func (c *clock) skew() time.Duration { return c.skews.median() }

// slowness is how slow the answers of a server are: the median of the last few polls, so that one that took its time is no
// news, in levels that are left only well below where they are entered, so that a server at the limit does not come and go.
type slowness struct {
	polls lastFive
	level level
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

// add takes into account how long a poll was answered, and tells whether the server is at another level by that.
func (s *slowness) add(took time.Duration) (changed bool) {
	s.polls.add(took)
	if s.polls.count < enoughPolls {
		return false
	}
	was := s.level
	s.level = brisk
	for at := slow; at <= crawling; at++ {
		limit := slowFrom[at]
		if was >= at {
			limit -= limit / 4
		}
		if s.polls.median() >= limit {
			s.level = at
		}
	}
	return s.level != was
}

// words is how long the server takes, or "" where that is nothing to speak of.
func (s *slowness) words() string {
	if s.level == brisk {
		return ""
	}
	return fmt.Sprintf("it answers in %.2g s", s.polls.median().Seconds())
}

// problem says what follows, or "" where nothing does.
func (s *slowness) problem() string {
	switch s.level {
	case slow:
		return s.words() + ": its people count double for new meetings; check its load and the network"
	case crawling:
		return s.words() + ": it is suspect, no new meetings while others can take them; check its load and the network"
	case brisk:
	}
	return ""
}
