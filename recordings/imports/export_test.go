package imports

import (
	"context"
	"path/filepath"
	"time"

	"github.com/bbbpool/bbbpool/recordings/record"
	"github.com/bbbpool/bbbpool/store"
)

// Queue is the queue, for those who have no jobs to do.
type Queue struct {
	queue

	held map[string]*ticket
}

func NewQueue(jobs ...store.Job) *Queue {
	q := &Queue{held: map[string]*ticket{}}
	q.init()
	for _, j := range jobs {
		q.load(j)
	}
	return q
}

// Take hands out the next job, or tells how long there is none.
func (q *Queue) Take(now time.Time) (id string, wait time.Duration) {
	t, wait := q.take(now)
	if t == nil {
		return "", wait
	}
	q.held[t.id] = t
	return t.id, wait
}

// Begin hands out a job, if nobody has it.
func (q *Queue) Begin(id string) bool {
	t := q.begin(id)
	if t != nil {
		q.held[id] = t
	}
	return t != nil
}

// GiveBack lets a job wait again, and gives it up.
func (q *Queue) GiveBack(j store.Job) {
	q.held[j.ID].await(j)
	q.held[j.ID].done()
}

// End takes a job out of what waits, and gives it up.
func (q *Queue) End(id string) {
	q.held[id].over()
	q.held[id].done()
}

// Has tells whether a job waits or is at work.
func (q *Queue) Has(id string) bool { return q.has(id) }

// Try tries a job once, at once, and returns what has become of it.
func (i *Importer) Try(ctx context.Context, id string) store.Job {
	t := i.queue.begin(id)
	defer t.done()
	return i.try(ctx, t, false)
}

// Take hands out the job that is due next, if there is one, and what gives it up.
func (i *Importer) Take() (id string, giveUp func()) {
	t, _ := i.queue.take(i.Now())
	if t == nil {
		return "", func() {}
	}
	return t.id, t.done
}

// Begin hands out a job, and what gives it up.
func (i *Importer) Begin(id string) (giveUp func()) { return i.queue.begin(id).done }

// Waits tells whether a job waits or is at work.
func (i *Importer) Waits(id string) bool { return i.queue.has(id) }

// Scan returns what looks through the spool once, and tells when to look again.
func (i *Importer) Scan(ctx context.Context) func() time.Duration {
	s := spool{i, map[string]sighting{}}
	return func() time.Duration { return s.scan(ctx) }
}

// Gate is the gate.
type Gate struct{ gate }

func (g *Gate) Left(now time.Time) time.Duration        { return g.left(now) }
func (g *Gate) Shut(now time.Time, first time.Duration) { g.shut(now, first) }
func (g *Gate) Open()                                   { g.open() }

// Grants are the grants.
type Grants struct{ grants }

func (g *Grants) Begin(disk Disk) (more func(bytes int64) error, done func()) { return g.begin(disk) }

// Glance is the glance.
type Glance struct{ glance }

func (g *Glance) Of(ctx context.Context, look func() []store.Job) []store.Job { return g.of(ctx, look) }

var (
	Hopeless     = hopeless
	OutOfRoom    = outOfRoom
	Unwanted     = unwanted
	FreeNames    = freeNames
	RenameLooked = renameLooked
	RenameFresh  = renameFresh
	InFuture     = inFuture
	SourcesIn    = sourcesIn
)

// NoRoom is an error of the disk.
func NoRoom(err error) error { return noRoom{err} }

// Removed removes the archive of a job, and MovedTo moves it, if it is still the one.
func Removed(j store.Job) error              { return archiveOf(j).remove() }
func MovedTo(j store.Job, path string) error { return archiveOf(j).moveTo(path) }

// Aside is where the archive of a job is moved first.
func Aside(j store.Job) string { return archiveOf(j).aside() }

// Identity completes a job by what tells its archive from another one.
func Identity(j store.Job, size int64, modified time.Time) store.Job {
	j.Bytes, j.Modified = size, modified
	return j
}

// Merged is a recording with what has arrived of it.
func Merged(r, come store.Recording, force bool, now time.Time, c Config) (store.Recording, error) {
	err := arrival{Recording: come, force: force}.mergeInto(&r, now, c)
	return r, err
}

// Path, RecordID and ID are of a source.
func (c source) Path() string     { return c.path }
func (c source) RecordID() string { return c.recordID }
func (c source) ID() string       { return c.id() }

// Failed and Skipped are what a survey has found that is not imported.
func (s survey) Failed() []string  { return texts(s.failed) }
func (s survey) Skipped() []string { return texts(s.skipped) }

func texts(list []record.Finding) (all []string) {
	for _, f := range list {
		all = append(all, filepath.Base(f.Path)+" "+f.Text)
	}
	return all
}
