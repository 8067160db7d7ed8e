package poller

import "time"

// pace is how long a server takes for its answers, and how much that varies, smoothed as TCP does it (RFC 6298,
// section 2). It tells a server that is slow today from one that is dead.
type pace struct {
	seen      bool
	mean      time.Duration
	deviation time.Duration
	silent    int // probes in a row that got no answer in time
}

// maxSilent bounds the doubling: a probe never waits longer than for an answer anyway.
const maxSilent = 10

// took takes note of an answer.
func (p *pace) took(d time.Duration) {
	p.silent = 0
	if !p.seen {
		p.seen, p.mean, p.deviation = true, d, d/2
		return
	}
	off := d - p.mean
	p.deviation += (max(off, -off) - p.deviation) / 4
	p.mean += off / 8
}

// timedOut takes note of a probe without an answer: nothing is known of how long that would have taken but that the
// next one should be given more.
func (p *pace) timedOut() { p.silent = min(p.silent+1, maxSilent) }

// patience is how long to wait for a sign of life: mean + 4 × deviation, but from shortest to longest.
func (p *pace) patience(shortest, longest time.Duration) time.Duration {
	return max(shortest, min(p.mean+4*p.deviation, longest))
}

// probe is how long the next probe may take: the patience, doubled with every probe in a row that timed out, so that
// also a server that is slow all of a sudden is heard in the end.
func (p *pace) probe(shortest, longest time.Duration) time.Duration {
	return max(shortest, min(p.patience(shortest, longest)<<p.silent, longest))
}
