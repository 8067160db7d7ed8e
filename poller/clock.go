package poller

import (
	"slices"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// clock is how far a server's clock is from ours, as its answers tell. It is the median of what the last few of them
// said, so that one that came from a cache is not believed, and a clock that was put right soon is.
type clock struct {
	samples [5]time.Duration
	seen    int // samples so far
}

// slowest is how long a call may take for its answer to say anything about a clock.
const slowest = 2 * time.Second

// said takes note of an answer to a call that began and ended at these times.
func (c *clock) said(reply *bbb.Reply, began, ended time.Time) {
	if reply.Date.IsZero() || ended.Sub(began) > slowest {
		return
	}
	c.samples[c.seen%len(c.samples)] = reply.Skew(began, ended)
	c.seen++
}

// skew is how far the server's clock is ahead of ours, to the second.
func (c *clock) skew() time.Duration {
	samples := c.samples
	known := samples[:min(c.seen, len(samples))]
	if len(known) == 0 {
		return 0
	}
	slices.Sort(known)
	return known[len(known)/2]
}
