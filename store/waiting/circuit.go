package waiting

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// circuit knows whether the index is away, and spares callers the wait for it.
type circuit struct {
	now   func() time.Time
	pause time.Duration // between two that are let through while it is away
	kick  chan struct{} // asks Run to look whether it is

	mu      sync.Mutex
	away    bool
	since   time.Time // it was away, or is there again
	why     error
	next    time.Time // when the next is let through
	watched bool      // Run looks: no caller has to
	total   time.Duration
}

// pass is an error where the index is known to be away, and this call need not find that out again.
func (c *circuit) pass() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.away {
		return nil
	}
	if now := c.now(); !c.watched && !now.Before(c.next) {
		c.next = now.Add(c.pause)
		return nil
	}
	return fmt.Errorf("%w since %s: %w", store.ErrAway, c.since.UTC().Format(time.RFC3339), c.why)
}

// heard takes notice of how a call went.
func (c *circuit) heard(ctx context.Context, err error) {
	away := errors.Is(err, store.ErrAway)
	if ctx.Err() != nil {
		return // who has given up knows nothing
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if away {
		c.why, c.next = err, now.Add(c.pause)
		select {
		case c.kick <- struct{}{}:
		default:
		}
	}
	if away != c.away {
		if c.away {
			c.total += now.Sub(c.since)
		}
		c.away, c.since = away, now
	}
}

// is tells whether the index is away, since when it is as it is, and why it is away.
func (c *circuit) is() (away bool, since time.Time, why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.away, c.since, c.why
}

func (c *circuit) watch(is bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watched = is
}

// ask asks the index, unless it is away.
func ask[T any](ctx context.Context, x *Index, do func() (T, error)) (T, error) {
	var none T
	if err := x.usable(ctx); err != nil {
		return none, err
	}
	if err := x.circuit.pass(); err != nil {
		return none, err
	}
	got, err := do()
	x.circuit.heard(ctx, err)
	return got, err
}

// tell is ask of what answers nothing.
func tell(ctx context.Context, x *Index, do func() error) error {
	_, err := ask(ctx, x, func() (struct{}, error) { return struct{}{}, do() })
	return err
}
