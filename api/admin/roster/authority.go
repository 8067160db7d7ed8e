package roster

import (
	"context"
	"errors"
	"time"
)

// Authority gives the right to end something at a server, for as long as the context that it returns; it is refused to an
// instance that does not decide for the pool, or does so since a moment ago.
type Authority func(context.Context) (context.Context, context.CancelFunc, bool)

const (
	// mayWait is how long it is waited for: who has just begun to decide gets it within a lease time.
	mayWait  = 5 * time.Second
	mayPause = 100 * time.Millisecond
)

// errNotNow is why nobody was asked to end anything.
var errNotNow = errors.New("not asked: another instance decides for the pool, or this one has only just begun to")

// await returns the right to end something at a server, once there is one. A nil authority always gives it.
func (a Authority) await(ctx context.Context) (context.Context, context.CancelFunc, error) {
	if a == nil {
		return ctx, func() {}, nil
	}
	patience := time.NewTimer(mayWait)
	defer patience.Stop()
	ticker := time.NewTicker(mayPause)
	defer ticker.Stop()
	for {
		limited, release, ok := a(ctx)
		if ok {
			return limited, release, nil
		}
		release()
		select {
		case <-ticker.C:
		case <-patience.C:
			return nil, nil, errNotNow
		case <-ctx.Done():
			return nil, nil, context.Cause(ctx)
		}
	}
}
