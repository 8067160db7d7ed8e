// Package throttle answers wrong checksums slowly. It counts them by the address that they come from, an address of IPv4 or
// a network of 64 bits of IPv6, and lets the answer to one wait: the longer, the more there were. It never sees a call
// that verifies, so that nobody else behind the same address is kept waiting, and never refuses an answer.
//
// # Design
//
// A school is one address. Whoever there follows an old link is as wrong as somebody who guesses, so that some are free, and
// all are forgotten with time. What keeps a secret from being guessed is its length; the delay keeps guessers from filling
// the log and from taking the machine's time. So a flood is not made to wait as a whole: only so many answers wait at
// once, of one address and of all, and what comes beyond that is answered at once and asked to connect anew. To cut it off
// would tell a reverse proxy that we are broken. Each instance counts for itself.
package throttle

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"
)

// Config is what an operator may set, as flags.
type Config struct {
	Free    int           `name:"checksum-failures" default:"20" env:"BBBPOOL_CHECKSUM_FAILURES" help:"Wrong checksums from one address, an IPv4 address or an IPv6 network of 64 bits, that are answered at once; 0 delays every one."`
	Forget  time.Duration `name:"checksum-failures-forget" default:"6s" env:"BBBPOOL_CHECKSUM_FAILURES_FORGET" help:"How soon one of them is forgotten again."`
	Longest time.Duration `name:"checksum-delay" default:"5s" env:"BBBPOOL_CHECKSUM_DELAY" help:"Longest delay of an answer to a wrong checksum; 0 for none."`
	Waiting int           `name:"checksum-delays" default:"64" env:"BBBPOOL_CHECKSUM_DELAYS" help:"Most answers that are delayed at the same time."`
}

// Validate tells what in a configuration cannot work.
func (c Config) Validate() (err error) {
	for _, f := range []struct {
		bad  bool
		text string
	}{
		{c.Free < 0, fmt.Sprintf("--checksum-failures %d: want 0 or more", c.Free)},
		{c.Forget < 0 || c.Forget == 0 && c.Longest > 0, fmt.Sprintf("--checksum-failures-forget %s: want more than 0", c.Forget)},
		{
			c.Longest < 0 || c.Longest > time.Minute,
			fmt.Sprintf("--checksum-delay %s: want 0 to 1m, no front end waits for longer", c.Longest),
		},
		{c.Waiting < 0, fmt.Sprintf("--checksum-delays %d: want 0 or more", c.Waiting)},
	} {
		if f.bad {
			err = errors.Join(err, errors.New(f.text))
		}
	}
	return err
}

const (
	step       = 250 * time.Millisecond // that each failure beyond the free ones adds to the delay
	mostOfOne  = 4                      // answers to one address that wait at once
	maxSources = 10_000                 // that are remembered
	mostShare  = 16                     // of so many requests that may be served at once one may wait here
)

// Throttle counts failures and lets answers wait.
type Throttle struct {
	config  Config
	metrics counters

	mu      sync.Mutex
	sources map[netip.Prefix]*source
	waiting int
}

// source is what is remembered of an address.
type source struct {
	failures float64 // that are not forgotten yet, at the time of the last one
	last     time.Time
	waiting  int
}

// New makes a throttle whose counters are in a set. Where the requests that may be served at once are limited, answers that
// wait take no more than their share of them.
func New(config Config, maxRequests int64, set *metrics.Set) *Throttle {
	if maxRequests > 0 {
		config.Waiting = int(min(int64(config.Waiting), max(maxRequests/mostShare, 1)))
	}
	t := &Throttle{config: config, sources: map[netip.Prefix]*source{}}
	t.metrics.register(set, t)
	return t
}

// Failed counts a wrong checksum and waits for as long as its answer is to wait, or until the context ends. It tells
// whether there was no room to wait: then the answer should close its connection, so that the next one costs the sender
// another. What it says of an address that is not valid holds for all of these together.
func (t *Throttle) Failed(ctx context.Context, addr netip.Addr) (full bool) {
	t.metrics.failures.Inc()
	from := Network(addr)
	delay, full := t.enter(from, time.Now())
	if full {
		t.metrics.full.Inc()
	}
	if delay <= 0 {
		return full
	}
	defer t.leave(from)
	t.metrics.delays.Inc()
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}

// enter counts a failure and takes a place to wait in, if its answer is to wait and there is one.
func (t *Throttle) enter(from netip.Prefix, now time.Time) (delay time.Duration, full bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.source(from, now)
	s.failures = s.left(now, t.config.Forget) + 1
	s.last = now
	// What counts no more than the longest delay needs is forgotten as fast as it came.
	s.failures = min(s.failures, float64(t.config.Free)+float64(t.config.Longest/step)+1)
	delay = min(time.Duration((s.failures-float64(t.config.Free))*float64(step)), t.config.Longest)
	if delay <= 0 {
		return 0, false
	}
	if s.waiting >= mostOfOne || t.waiting >= t.config.Waiting {
		return 0, true
	}
	s.waiting++
	t.waiting++
	return delay, false
}

// left is how many failures are not forgotten at a time.
func (s *source) left(now time.Time, forget time.Duration) float64 {
	if forget <= 0 {
		return 0
	}
	return max(s.failures-float64(now.Sub(s.last))/float64(forget), 0)
}

func (t *Throttle) leave(from netip.Prefix) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting--
	if s := t.sources[from]; s != nil && s.waiting > 0 { // it may have been forgotten, and begun anew
		s.waiting--
	}
}

// source returns what is remembered of an address, and makes room where it is a new one.
func (t *Throttle) source(from netip.Prefix, now time.Time) *source {
	if s := t.sources[from]; s != nil {
		return s
	}
	if len(t.sources) >= maxSources {
		t.makeRoom(now)
	}
	s := &source{last: now}
	t.sources[from] = s
	return s
}

// makeRoom forgets whose failures are over. If these are few, all go: who has so many addresses is not to be slowed down
// by counting them, and looking through them again and again would slow us down.
func (t *Throttle) makeRoom(now time.Time) {
	for from, s := range t.sources {
		if s.left(now, t.config.Forget) == 0 && s.waiting == 0 {
			delete(t.sources, from)
		}
	}
	if len(t.sources) > maxSources/2 {
		clear(t.sources)
	}
}

// Network is what one sender has at hand: an address of IPv4, or the last half of one of IPv6.
func Network(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap().WithZone("")
	bits := 64
	if addr.Is4() {
		bits = 32
	}
	prefix, err := addr.Prefix(bits)
	if err != nil {
		return netip.Prefix{} // it is not valid
	}
	return prefix
}
