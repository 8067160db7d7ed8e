package imports

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/recordings/imports/edition"
	"github.com/bbbpool/bbbpool/recordings/imports/queue"
	"github.com/bbbpool/bbbpool/recordings/imports/room"
	"github.com/bbbpool/bbbpool/recordings/library"
	"github.com/bbbpool/bbbpool/recordings/record"
	"github.com/bbbpool/bbbpool/store"
)

// Config is how archives are imported. The flags are those of package recordings.
type Config struct {
	Spool       string        // where archives arrive
	Interval    time.Duration // how often it is looked through where the file system does not tell of new files
	Rest        time.Duration // how long an archive must not have grown
	Retry       time.Duration // pause before the second attempt
	Parallel    int           // archives at the same time
	Hidden      bool          // new recordings do not play before somebody publishes them
	Protect     bool          // new recordings are protected
	Precompress bool          // large texts are kept compressed as well
	MaxBytes    int64         // that an archive may unpack to
	MaxFiles    int           // that an archive may hold
}

// Index is what of the store the importer works with.
type Index interface {
	store.Imports
	// AddCallbacks adds to what front ends are to be told.
	AddCallbacks(ctx context.Context, list ...store.Callback) error
	// Recording returns one recording, or store.ErrNotFound.
	Recording(ctx context.Context, recordID string) (store.Recording, error)
}

// Servers knows which servers there are.
type Servers interface {
	// Server returns one, or store.ErrNotFound.
	Server(ctx context.Context, id string) (store.Server, error)
}

// Meetings knows which meetings go on.
type Meetings interface {
	// Claims returns the claims of all of them.
	Claims(ctx context.Context) ([]store.Claim, error)
}

// Library is where archives are unpacked, and put in place.
type Library interface {
	// Stage returns an empty directory to unpack into, Seal makes all in it durable, and Discard removes it.
	Stage(name string) (dir string, err error)
	Seal(name string) error
	Discard(name string) error
	// Rename gives a staging another name. Calling again finishes it.
	Rename(name, to string) error
	// Stagings are the names of those that were not discarded, and Staged tells which formats of a recording are in one.
	Stagings() ([]string, error)
	Staged(name, recordID string) ([]string, error)
	// MarkStaged marks what is staged of a recording as protected, or as open to all.
	MarkStaged(name string, r *library.Held, protected bool) error
	// Place puts formats of a recording from a staging where its state says, in the place of older ones. It can be
	// repeated after a crash.
	Place(name string, r *library.Held, formats []string, state store.RecordingState) error
}

// Disk is what is asked about the disk before anything is written.
type Disk interface {
	// Problem is why the disk cannot be used now, or "".
	Problem() string
	// Room returns an error where that many bytes do not fit.
	Room(bytes int64) error
	// Spare is how many bytes fit now.
	Spare() int64
	// Hung tells that it does not answer: nothing may be asked of it then.
	Hung() bool
}

// Importer imports archives. Its exported fields must be set before Init.
type Importer struct {
	Config  Config
	Index   Index
	Owners  record.Owners
	Servers Servers
	Live    Meetings      // those that go on: what they have recorded is not all there yet
	Files   *record.Files // follow the index; the lock of each recording
	Library Library
	Disk    Disk
	Log     zerolog.Logger
	Now     func() time.Time

	// Where several instances share what is imported: Epoch is a number of its own for each time that this one has to import,
	// and May tells whether it still has, in a context that ends before somebody else may. Nil where there is but one.
	Epoch func() uint64
	May   func(ctx context.Context) (context.Context, context.CancelFunc, bool)
	// Tell is what front ends are told of a recording that has come, by what is known of the meeting that asked for it, which is
	// written in the transaction that commits it; nil for nothing. Later says that others of its formats were here before.
	Tell func(r store.Recording, asking store.Session, later bool) []store.Callback
	// Meta is the metadata of a recording without what is the pool's own, and with what its server did not get; nil for as it is.
	Meta func(meta map[string]string, back *store.Back) map[string]string
	// Arrived is called when an archive has been accepted, for whoever imports where this instance does not; nil for nobody.
	Arrived func()

	queue   *queue.Queue
	gate    room.Gate    // shut while there is no room
	grants  room.Grants  // what imports under way may write next
	crowded room.Crowded // the jobs that wait for room
	digests digests
	counts  counts
	glance  glance
	bad     badOnes
	away    away
	looked  pace
	running atomic.Bool   // this instance imports
	look    chan struct{} // to look through the spool now
}

// Init makes the importer ready to be called.
func (i *Importer) Init() {
	i.queue = queue.New()
	i.look = make(chan struct{}, 1)
}

// Load takes over the jobs that were open when the program ended. What a crash has left half done is finished first of
// all: see Settle.
func (i *Importer) Load(ctx context.Context) error {
	jobs, err := i.Index.Jobs(ctx, store.JobFilter{})
	if err != nil {
		return fmt.Errorf("load the imports: %w", err)
	}
	i.digests.clear()
	for _, j := range jobs {
		i.digests.add(j)
		switch j.State {
		case store.JobPlacing:
			j.Next = time.Time{}
			i.queue.Load(j)
		case store.JobWaiting, store.JobImporting:
			i.queue.Load(j)
		case store.JobDone, store.JobFailed, store.JobDropped:
		}
	}
	return nil
}

// open are the states of jobs that are not over; unsettled are those with the failed ones, whose archives are still here.
var (
	open      = []store.JobState{store.JobWaiting, store.JobImporting, store.JobPlacing}
	unsettled = append(slices.Clone(open), store.JobFailed)
)

// Settle finishes the imports that the index has and the disk has not, and removes what others have left half done: it
// places, discards stagings, and gives archives back that were moved aside.
func (i *Importer) Settle(ctx context.Context) error {
	jobs, err := i.Index.Jobs(ctx, store.JobFilter{States: unsettled})
	if err != nil {
		return err
	}
	for _, j := range jobs {
		if j.State != store.JobPlacing {
			continue
		}
		if t := i.queue.Begin(j.ID); t != nil {
			i.try(ctx, t, false)
			t.Done()
		}
	}
	return errors.Join(i.discardLeftovers(ctx), edition.GiveBackStale(i.Config.Spool, jobs))
}

// discardLeftovers discards the stagings that no job wants. What cannot be discarded now is found by the audit.
func (i *Importer) discardLeftovers(ctx context.Context) error {
	names, err := i.Leftovers(ctx)
	for _, name := range names {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		_ = i.Library.Discard(name)
	}
	return err
}

// Leftovers are the stagings that imports have left which were broken off, and that no job wants any more.
func (i *Importer) Leftovers(ctx context.Context) ([]string, error) {
	names, err := i.Library.Stagings()
	if err != nil || len(names) == 0 {
		return nil, err
	}
	jobs, err := i.Index.Jobs(ctx, store.JobFilter{States: open})
	if err != nil {
		return nil, err
	}
	wanted := map[string]bool{}
	for _, j := range jobs {
		wanted[queue.Staging(i.epoch(), j.ID)] = true
		if j.State == store.JobPlacing {
			wanted[j.Staging] = true
		}
	}
	return slices.DeleteFunc(names, func(name string) bool { return wanted[name] }), nil
}

// Placing are the recordings that the index has and whose files are just being put in place.
func (i *Importer) Placing(ctx context.Context) (map[string]bool, error) {
	jobs, err := i.Index.Jobs(ctx, store.JobFilter{States: []store.JobState{store.JobPlacing}})
	ids := map[string]bool{}
	for _, j := range jobs {
		for _, id := range j.Recordings {
			ids[id] = true
		}
	}
	return ids, err
}

// Where jobs come from.
const (
	fromSpool   = "spool"
	fromUpload  = "upload"
	fromCommand = "command"
)

// pause waits, and returns false if ctx ends first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
