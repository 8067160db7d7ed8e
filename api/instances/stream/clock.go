package stream

import "time"

// window is for how long the fastest beat is remembered, at least.
const window = time.Minute

// clock tells how old the news of a stream is, from when beats were made and when they came.
type clock struct {
	began        time.Time // when the stream began, here
	fastest      time.Duration
	before       time.Duration // the fastest of the window before
	windowBegan  time.Time
	any, anyPast bool
}

// beat takes one that was made so long after the stream's beginning, and returns since when its news is known.
func (c *clock) beat(at time.Duration, now time.Time) (asOf time.Time) {
	took := now.Sub(c.began) - at
	if now.Sub(c.windowBegan) > window {
		c.before, c.anyPast, c.any, c.windowBegan = c.fastest, c.any, false, now
	}
	if !c.any || took < c.fastest {
		c.fastest, c.any = took, true
	}
	fastest := c.fastest
	if c.anyPast && c.before < fastest {
		fastest = c.before
	}
	return now.Add(fastest - took)
}
