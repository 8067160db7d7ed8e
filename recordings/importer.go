package recordings

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/bbbpool/bbbpool/recordings/archive"
	"github.com/bbbpool/bbbpool/store"
)

// dispatch runs the jobs whose turn it is, so many at a time.
func (s *Service) dispatch(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	slots := make(chan struct{}, s.Config.Parallel)
	for {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		a := s.await(ctx)
		if a == nil {
			return
		}
		running.Go(func() {
			defer func() { <-slots }()
			defer a.done()
			s.try(ctx, a, false)
		})
	}
}

// await returns the next job, or nil when ctx ends. While the disk cannot be used no job is touched.
func (s *Service) await(ctx context.Context) *attempt {
	for ctx.Err() == nil {
		wait := s.gate.left(s.Now())
		if s.Disk.Problem() != "" {
			wait = max(wait, s.Config.Retry)
		}
		if wait == 0 {
			var a *attempt
			if a, wait = s.queue.take(s.Now()); a != nil {
				return a
			}
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-s.queue.wake:
		}
		timer.Stop()
	}
	return nil
}

var (
	errSettled  = errors.New("nothing to be done")
	errVanished = errors.New("a recording was taken out of the index while its files were put in place")
)

// try tries a job once and returns what has become of it. With force, recordings come back that were deleted.
func (s *Service) try(ctx context.Context, a *attempt, force bool) store.Job {
	begun := s.Now()
	job, err := s.start(ctx, a.id)
	if err == nil && job.State == store.JobImporting {
		job, err = s.bring(ctx, job, a.staging, force)
	}
	if err == nil {
		err = s.finish(ctx, job)
	}
	return s.conclude(ctx, a, job, err, begun)
}

// start notes that a job is being tried. What was committed already goes on where it was.
func (s *Service) start(ctx context.Context, id string) (store.Job, error) {
	cutOff := false
	job, err := s.Index.UpdateJob(ctx, id, func(j *store.Job) error {
		switch j.State {
		case store.JobWaiting, store.JobImporting:
			cutOff = j.State == store.JobImporting // and nobody could note why
			j.State, j.Changed = store.JobImporting, s.Now()
		case store.JobPlacing:
		default:
			return errSettled
		}
		j.Attempts++
		return nil
	})
	if err != nil {
		return store.Job{ID: id}, err
	}
	if cutOff && job.Attempts > maxAttempts {
		return job, &archive.Error{What: "bbbpool ended, each time, when it was being imported"}
	}
	if problem := s.Disk.Problem(); problem != "" {
		return job, noRoom{errors.New(problem)}
	}
	if job.State == store.JobImporting {
		if err := s.Disk.Room(job.Bytes); err != nil {
			return job, noRoom{err}
		}
	}
	return job, nil
}

// noRoom is an error of the disk and not of the archive: the job waits, and no attempt is counted.
type noRoom struct{ error }

func (e noRoom) Unwrap() error { return e.error }

// bring unpacks an archive beside the library and commits it to the index. From then on the job is placing.
func (s *Service) bring(ctx context.Context, job store.Job, staging string, force bool) (store.Job, error) {
	dir, err := s.Library.Stage(staging)
	if err != nil {
		return job, err
	}
	found, err := s.unpack(ctx, job, dir)
	if err == nil {
		err = s.Library.Seal(staging)
	}
	if err == nil {
		job, err = s.commit(ctx, job, staging, found, force)
	}
	if err != nil {
		err = errors.Join(err, s.Library.Discard(staging))
	}
	return job, err
}

// stagingName is where a job unpacks: always the same, so that nothing of a former attempt can be left elsewhere.
func stagingName(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:12])
}

// unpack brings the files of a job into an empty directory, as they are to be served, and returns what they are.
func (s *Service) unpack(ctx context.Context, job store.Job, dir string) ([]store.Recording, error) {
	more, done := s.grants.begin(s.Disk)
	defer done()
	trees, err := unpackInto(ctx, job, dir, archive.Limits{
		Bytes: int64(s.Config.MaxBytes), Files: s.Config.MaxFiles, More: more,
	})
	if err != nil {
		return nil, err
	}
	for _, t := range trees {
		if !s.Config.Precompress {
			break
		}
		if err := archive.Compress(ctx, t.Dir); err != nil {
			return nil, err
		}
	}
	return archive.Merge(trees), nil
}

func unpackInto(ctx context.Context, job store.Job, dir string, limits archive.Limits) ([]archive.Tree, error) {
	if info, err := os.Stat(job.Path); err == nil && info.IsDir() {
		return copyTrees(ctx, job, dir, limits)
	}
	file, err := openArchive(job)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read
	return archive.Unpack(ctx, file, dir, limits)
}

// finish puts in place what the index has. It can be repeated.
func (s *Service) finish(ctx context.Context, job store.Job) error {
	for _, id := range job.Recordings {
		if err := s.place(ctx, job.Staging, id); err != nil {
			return err
		}
	}
	return s.Library.Discard(job.Staging)
}

// place puts what a job has staged of a recording where its state says, and with it what came before. One that was
// deleted meanwhile goes to the trash, if there is one.
func (s *Service) place(ctx context.Context, staging, id string) error {
	defer s.locks.Hold(id)()
	r, err := s.Index.Recording(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return errVanished // whoever deletes one leaves a mark: this is a mistake of somebody's
	}
	if err != nil || r.State == store.Deleted && len(r.Formats) == 0 {
		return err
	}
	staged, err := s.Library.Staged(staging, id)
	if err == nil {
		err = s.Library.Place(staging, id, staged, r.State)
	}
	if err == nil {
		err = s.Library.Move(id, r.State)
	}
	if err == nil {
		s.noteLater(r)
	}
	return err
}

// gate holds all imports back for a while after one has found no room: asking once for all of them is enough.
type gate struct {
	mu    sync.Mutex
	until time.Time
	pause time.Duration
}

// maxGate is how long they are held back at most.
const maxGate = time.Minute

func (g *gate) left(now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return max(0, g.until.Sub(now))
}

// shut closes the gate, for longer each time until it is opened.
func (g *gate) shut(now time.Time, first time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pause = min(max(2*g.pause, first), maxGate)
	g.until = now.Add(g.pause)
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.until, g.pause = time.Time{}, 0
}
