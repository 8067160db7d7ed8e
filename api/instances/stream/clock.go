package stream

import (
	"sync"
	"time"
)

// window is for how long the best bound is remembered, at least, and twice that at most.
const window = time.Minute

// clock tells how old the news of a stream is, from how long after the stream's beginning it was sent. When that was by the clock
// here is known within bounds, and the earlier one counts: news is never taken for newer than it is.
type clock struct {
	mu          sync.Mutex
	began       time.Time // the stream began then or later, as of the last window
	before      time.Time // and of the one before that
	windowBegan time.Time
}

// heard takes what the leader has answered to a question that was asked then: it was so long after the stream's beginning.
func (c *clock) heard(at time.Duration, asked, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.doubt(at, now)
	if now.Sub(c.windowBegan) > window {
		c.before, c.began, c.windowBegan = c.began, time.Time{}, now
	}
	if began := asked.Add(-at); began.After(c.began) {
		c.began = began
	}
}

// unheard tells whether the leader has said nothing of how long the stream has gone on for so long that no bound is worth
// anything: clocks drift apart, and one that was wrong from the beginning is never put right.
func (c *clock) unheard(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return now.Sub(c.windowBegan) > 2*window
}

// doubt drops the bounds where what was said so long after the stream's beginning would come from the future: the clock here has
// stood still, as with a machine that was paused.
func (c *clock) doubt(at time.Duration, now time.Time) {
	if began := now.Add(-at); c.began.After(began) || c.before.After(began) {
		c.began, c.before = time.Time{}, time.Time{}
	}
}

// sent returns since when news is known that was sent so long after the stream's beginning, and has come now; the zero time where
// that cannot be told.
func (c *clock) sent(at time.Duration, now time.Time) (asOf time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.doubt(at, now)
	if c.began.IsZero() && c.before.IsZero() {
		return time.Time{}
	}
	if c.before.After(c.began) {
		return c.before.Add(at)
	}
	return c.began.Add(at)
}
