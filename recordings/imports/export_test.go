package imports

import (
	"context"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// Try tries a job once, at once, and returns what has become of it.
func (i *Importer) Try(ctx context.Context, id string) store.Job {
	t := i.queue.Begin(id)
	defer t.Done()
	return i.try(ctx, t, false)
}

// Take hands out the job that is due next, if there is one, and what gives it up.
func (i *Importer) Take() (id string, giveUp func()) {
	t, _ := i.queue.Take(i.Now())
	if t == nil {
		return "", func() {}
	}
	return t.ID, t.Done
}

// Begin hands out a job, and what gives it up.
func (i *Importer) Begin(id string) (giveUp func()) { return i.queue.Begin(id).Done }

// Waits tells whether a job waits or is at work.
func (i *Importer) Waits(id string) bool { return i.queue.Has(id) }

// Scan returns what looks through the spool once, and tells when to look again.
func (i *Importer) Scan(ctx context.Context) func() time.Duration {
	s := spool{i, map[string]sighting{}}
	return func() time.Duration { return s.scan(ctx) }
}

// Glance is the glance.
type Glance struct{ glance }

func (g *Glance) Of(ctx context.Context, look func() []store.Job) []store.Job { return g.of(ctx, look) }

var (
	Hopeless = hopeless
	InFuture = inFuture
)

// Merged is a recording with what has arrived of it.
func Merged(r, come store.Recording, force bool, now time.Time, c Config) (store.Recording, error) {
	err := arrival{Recording: come, force: force}.mergeInto(&r, now, c)
	return r, err
}
