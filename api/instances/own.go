package instances

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// errOwn is for whoever would be one of several of which not all see the same recordings and history.
var errOwn = errors.New("several instances have to share the recordings and the history, too: set the same DATABASE_URL at all " +
	"of them; where they are kept in a data directory there may be one instance only")

// fits refuses to be beside others where this one or one of them keeps recordings and history in a data directory of its own:
// front ends would be told of other recordings by each, and a takeover would lose all. One that was killed is forgotten within
// seconds, for which it waits.
func (p Parts) fits(ctx context.Context) error {
	ticker := time.NewTicker(announceEvery / 4)
	defer ticker.Stop()
	for end := time.Now().Add(announceFor + announceEvery); ; {
		list, err := p.Instances.Instances(ctx)
		if err != nil {
			return fmt.Errorf("look for other instances: %w", err)
		}
		var beside string
		for _, one := range list {
			if p.Own || one.Own {
				beside = one.ID
			}
		}
		if beside == "" {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("the instance %.100q is there: %w", beside, errOwn)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
