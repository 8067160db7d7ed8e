package placement

import (
	"context"
	"errors"
	"time"
)

// faultSpan is how long a failed write is held against the store. Only another write can tell whether it has
// recovered, and that may never come while we say that nothing can be created.
const faultSpan = time.Minute

// fault is what a write to the store failed with.
type fault struct {
	err error
	at  time.Time
}

// write writes to the store and notes how that went. A caller whose time is up already, or who gives up, says nothing
// about the store.
func (l *Ledger) write(ctx context.Context, do func() error) error {
	err := ctx.Err()
	if err != nil {
		return err
	}
	if err = do(); errors.Is(err, context.Canceled) {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fault = fault{err, l.now()}
	return err
}

// Fault returns what the last write to the store failed with if that was within the last minute, or nil. While the
// store fails no meeting can be created.
func (l *Ledger) Fault() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.now().Sub(l.fault.at) >= faultSpan {
		return nil
	}
	return l.fault.err
}
