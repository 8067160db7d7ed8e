package recordings

import (
	"context"
	"errors"
	"sync"
	"time"
)

// ErrEnding is that the program is about to end.
var ErrEnding = errors.New("bbbpool is stopping: try again when it runs")

// works are the long works that operators have asked for.
type works struct {
	mu      sync.Mutex
	running sync.WaitGroup
	ending  chan struct{} // closed when no more may begin, and those under way shall end
	over    bool
}

// work begins a long work, which ends with its caller or with the program.
func (s *Service) work(ctx context.Context) (_ context.Context, done func(), err error) {
	w := &s.works
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return nil, nil, ErrEnding
	}
	w.running.Add(1)
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-w.ending:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		cancel()
		w.running.Done()
	}, nil
}

// Doors are the ways in that take long: uploads, and the works of operators. They close before those who wait for
// requests to be over.
type Doors struct{ *Service }

// sweepEvery is how often uploads are looked through that nobody goes on with.
const sweepEvery = time.Hour

// Run sweeps now and then until ctx ends; then it ends what is under way.
func (d Doors) Run(ctx context.Context) error {
	for pause(ctx, sweepEvery) {
		if err := d.Uploads.Sweep(d.Now()); err != nil {
			d.Log.Warn().Err(err).Msg("look through the uploads")
		}
	}
	d.Uploads.Stop()
	d.works.mu.Lock()
	d.works.over = true
	close(d.works.ending)
	d.works.mu.Unlock()
	d.works.running.Wait()
	return nil
}
