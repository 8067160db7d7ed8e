package imports

import (
	"context"
	"sync"
	"time"

	"github.com/bbbpool/bbbpool/recordings/imports/edition"
	"github.com/bbbpool/bbbpool/recordings/imports/queue"
	"github.com/bbbpool/bbbpool/store"
)

// Dispatch runs the jobs that are due, so many at a time, until ctx ends.
func (i *Importer) Dispatch(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	slots := make(chan struct{}, i.Config.Parallel)
	for {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		t := i.next(ctx)
		if t == nil {
			return
		}
		running.Go(func() {
			defer func() { <-slots }()
			defer t.Done()
			i.try(ctx, t, false)
		})
	}
}

// next waits for the next job that is due, and returns nil when ctx ends. While the disk cannot be used, or has no room, no
// job is touched.
func (i *Importer) next(ctx context.Context) *queue.Ticket {
	for ctx.Err() == nil {
		wait := i.gate.Left(i.Now())
		if i.Disk.Problem() != "" {
			wait = max(wait, i.Config.Retry)
		}
		if wait == 0 {
			var t *queue.Ticket
			if t, wait = i.queue.Take(i.Now()); t != nil {
				return t
			}
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-i.queue.Woken():
		}
		timer.Stop()
	}
	return nil
}

// newJob is a job that waits for its first try.
func (i *Importer) newJob(id, path, source string, of edition.Identity) store.Job {
	now := i.Now()
	return store.Job{
		ID: id, Path: path, Source: source, State: store.JobWaiting, Bytes: of.Size, Modified: of.Modified,
		Created: now, Changed: now,
	}
}
