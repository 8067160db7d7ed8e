package recordings

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/bbbpool/bbbpool/recordings/library"
	"github.com/bbbpool/bbbpool/recordings/upload"
	"github.com/bbbpool/bbbpool/recordings/volume"
	"github.com/bbbpool/bbbpool/store"
)

// Index is what of the store the service works with.
type Index interface {
	store.Recordings
	store.Catalogue
	store.Imports
	store.Sessions
}

// Library keeps the files of recordings: directories, or whatever stands in for them.
type Library interface {
	// Prepare makes what it needs before anything else is called.
	Prepare() error
	// Stage returns an empty directory to unpack into, Seal makes all in it durable, and Discard removes it.
	Stage(name string) (dir string, err error)
	Seal(name string) error
	Discard(name string) error
	Stagings() ([]string, error)
	// Place puts formats of a recording from a staging where its state says, in the place of older ones. It can be
	// repeated after a crash.
	Place(name, recordID string, formats []string, state store.RecordingState) error
	// Move takes a recording from where it is to where its state says, and Remove takes it away. Both can be repeated.
	Move(recordID string, state store.RecordingState) error
	Remove(recordID string) error
	// Staged and Formats tell which formats of a recording are in a staging, and where those are that are in place.
	Staged(name, recordID string) ([]string, error)
	Formats(recordID string) (map[store.RecordingState][]string, error)
	Open(recordID, format, name string) (fs.File, error)
	// Tracks tells which text tracks a recording has, and AddTrack adds one; it stays when the recording is imported again.
	Tracks(recordID string) ([]store.TextTrack, error)
	AddTrack(recordID string, t store.TextTrack, vtt []byte) error
	Walk(ctx context.Context, visit func(library.Found) error) error
	// SetNote keeps what the index knows of a recording beyond its files, from which the index can be made again.
	SetNote(recordID string, note []byte) error
	Note(recordID string) ([]byte, error)
}

// Disk is what the service asks about the disk before it writes.
type Disk interface {
	// Problem is why the disk cannot be used now, or "".
	Problem() string
	// Run looks after it until ctx ends.
	Run(ctx context.Context) error
	// Room returns an error where that many bytes do not fit.
	Room(bytes int64) error
	// Spare is how many bytes fit now.
	Spare() int64
	// Hung tells that it does not answer: nothing may be asked of it then.
	Hung() bool
	// Gone tells that it is not there, or does not answer: nothing can be read.
	Gone() bool
	Status() []volume.Status
	// Check looks again now.
	Check(ctx context.Context)
}

// Pool knows which servers there are.
type Pool interface {
	// Server returns one, or store.ErrNotFound.
	Server(ctx context.Context, id string) (store.Server, error)
}

// Meetings knows which meetings go on.
type Meetings interface {
	// Claims returns the claims of all of them.
	Claims(ctx context.Context) ([]store.Claim, error)
}

// Servers is how servers are asked about their recordings.
type Servers interface {
	// Recordings returns what a server knows of these recordings, in every state.
	Recordings(ctx context.Context, server string, recordIDs []string) ([]store.Recording, error)
}

// Service is the recordings of a pool. Its exported fields must be set before Init.
type Service struct {
	Config  Config // complete, see [Config.In]
	Index   Index
	Tenants store.Tenants
	Library Library
	Disk    Disk
	Servers Servers
	Uploads *upload.Handler
	Pool    Pool     // may be nil
	Live    Meetings // may be nil
	Data    string   // the data directory: the volume's ID is kept there
	Log     zerolog.Logger
	Now     func() time.Time

	queue   queue
	locks   library.Locks
	gate    gate
	crowded crowded
	grants  grants
	stats   stats
	asked   map[string]time.Time // when a server was asked about a recording; the pipeline's own
	digests digests
	works   works

	laggards laggards
	look     chan struct{} // to look through the spool now
}

// Init makes the service ready to be called.
func (s *Service) Init() {
	if s.Now == nil {
		s.Now = time.Now
	}
	s.queue.init()
	s.works.ending = make(chan struct{})
	s.look = make(chan struct{}, 1)
	s.asked = map[string]time.Time{}
}

// Load takes over the jobs that were open when the program ended. What a crash has left half done is finished first of
// all once Run is called.
func (s *Service) Load(ctx context.Context) error {
	jobs, err := s.Index.Jobs(ctx, store.JobFilter{})
	if err != nil {
		return fmt.Errorf("load the imports: %w", err)
	}
	for _, j := range jobs {
		s.digests.add(j)
		switch j.State {
		case store.JobPlacing:
			j.Next = time.Time{}
			s.queue.load(j)
		case store.JobWaiting, store.JobImporting:
			s.queue.load(j)
		case store.JobDone, store.JobFailed, store.JobDropped:
		}
	}
	return nil
}

// Run imports what arrives, asks for what is owed and keeps index and disk together until ctx ends. It starts, and goes
// on, whatever the disk does: nobody's meeting waits for a recording.
func (s *Service) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	run := func(part func(context.Context)) {
		group.Go(func() error {
			part(ctx)
			return nil
		})
	}
	group.Go(func() error { return s.Disk.Run(ctx) })
	run(s.pursue)
	run(s.heed)
	run(func(ctx context.Context) {
		if !s.begin(ctx) {
			return
		}
		for _, part := range []func(context.Context){s.watch, s.dispatch, s.tidy} {
			run(part)
		}
	})
	return s.leave(ctx, group)
}

// stopTime is how long work on a disk that hangs is waited for when the program is told to end.
const stopTime = 10 * time.Second

// leave waits for the parts to end. What is stuck in a disk that does not answer is left there.
func (s *Service) leave(ctx context.Context, group *errgroup.Group) error {
	done := make(chan error, 1)
	go func() { done <- group.Wait() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	for {
		select {
		case err := <-done:
			return err
		case <-time.After(stopTime):
			if s.Disk.Hung() {
				return errors.New("the disk of the recordings does not answer: work on it was left")
			}
		}
	}
}

// heeding is how often it is looked whether the disk is well.
const heeding = time.Second

// heed says when the disk can no longer be used, and when it can again; then it is looked what was missed.
func (s *Service) heed(ctx context.Context) {
	for was := ""; pause(ctx, heeding); {
		now := s.Disk.Problem()
		switch {
		case now != "" && was == "":
			s.Log.Warn().Str("problem", now).Msg("recordings wait for the disk")
		case now == "" && was != "":
			s.Log.Info().Msg("the disk of the recordings is well again")
			s.stats.behind.Store(true)
			select {
			case s.look <- struct{}{}:
			default:
			}
		}
		was = now
	}
}

// begin makes the directories ready and finishes what a crash has left, as soon as the disk lets it. It returns false if
// ctx ended before.
func (s *Service) begin(ctx context.Context) bool {
	for wait := s.Config.Retry; ; wait = min(2*wait, time.Minute) {
		err := s.prepare(ctx)
		if err == nil {
			err = s.Settle(ctx)
		}
		if err == nil {
			return true
		}
		s.Log.Error().Err(err).Msg("recordings cannot be worked on: tried again")
		if !pause(ctx, wait) {
			return false
		}
	}
}

// usable looks at the disk, and returns ErrVolume unless it is as it should be.
func (s *Service) usable(ctx context.Context) error {
	s.Disk.Check(ctx)
	if problem := s.Disk.Problem(); problem != "" {
		return fmt.Errorf("%w: %s", ErrVolume, problem)
	}
	return nil
}

// prepare makes the library ready, which may only be done on the right disk.
func (s *Service) prepare(ctx context.Context) error {
	if err := s.usable(ctx); err != nil {
		return err
	}
	return s.Library.Prepare()
}

// open are the states of jobs that are not over; unsettled are those with the failed ones, whose archives are still here.
var (
	open      = []store.JobState{store.JobWaiting, store.JobImporting, store.JobPlacing}
	unsettled = append(slices.Clone(open), store.JobFailed)
)

// Settle finishes the imports that the index has and the disk has not, and removes what others have left half done.
func (s *Service) Settle(ctx context.Context) error {
	jobs, err := s.Index.Jobs(ctx, store.JobFilter{States: unsettled})
	if err != nil {
		return err
	}
	for _, j := range jobs {
		if j.State != store.JobPlacing {
			continue
		}
		if a := s.queue.begin(j.ID); a != nil {
			s.try(ctx, a, false)
			a.done()
		}
	}
	v := &verification{Service: s, ctx: ctx, options: VerifyOptions{Repair: true}, tell: func(Progress) {}}
	return errors.Join(v.stagings(), giveBackStale(s.Config.Spool, jobs))
}

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
