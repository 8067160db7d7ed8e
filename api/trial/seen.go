package trial

import (
	"context"
	"slices"
	"sync"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// seenAtOnce is how many servers are asked for a meeting at the same time.
const seenAtOnce = 8

// Seen tells through which of some addresses a server is reached as well: it holds a meeting at the target, of which
// nothing is recorded, and asks for it at each of the others. The algorithms of all must be known. It returns the
// positions, in order; those that do not answer before ctx ends are not among them. An error says that nothing is known.
func Seen(ctx context.Context, target Target, others []bbb.Endpoint) ([]int, error) {
	t := &trial{target: target, options: Options{Call: callTimeout}, client: target.NewClient(target.Endpoint)}
	p := t.newProbe(false)
	defer p.abandon(ctx)
	if _, err := p.create(ctx); err != nil {
		return nil, err
	}
	var mu sync.Mutex
	var seen []int
	var asking sync.WaitGroup
	slots := make(chan struct{}, seenAtOnce)
	for i, other := range others {
		asking.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			at := &trial{target: target, options: t.options, client: target.NewClient(other)}
			answer, _, err := (&probe{trial: at, id: p.id}).info(ctx)
			if err == nil && answer.Get("internalMeetingID") == p.created.InternalID {
				mu.Lock()
				defer mu.Unlock()
				seen = append(seen, i)
			}
		})
	}
	asking.Wait() // who does not answer tells nothing
	slices.Sort(seen)
	return seen, nil
}
