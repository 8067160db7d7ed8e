package recordings

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
		id := s.await(ctx)
		if id == "" {
			return
		}
		running.Go(func() {
			defer func() { <-slots }()
			defer s.queue.done(id)
			s.attempt(ctx, id, false)
		})
	}
}

// await returns the next job, or "" when ctx ends.
func (s *Service) await(ctx context.Context) string {
	for ctx.Err() == nil {
		id, wait := s.queue.take(s.Now())
		if id != "" {
			return id
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-s.queue.wake:
		}
		timer.Stop()
	}
	return ""
}

var errSettled = errors.New("nothing to be done")

// attempt tries a job once, which nobody else is at, and returns what has become of it. With force, recordings come
// back that were deleted.
func (s *Service) attempt(ctx context.Context, id string, force bool) store.Job {
	begun := s.Now()
	job, err := s.start(ctx, id)
	if err == nil && job.State == store.JobImporting {
		job, err = s.bring(ctx, job, force)
	}
	if err == nil {
		err = s.finish(ctx, job)
	}
	return s.conclude(ctx, job, err, begun)
}

// start notes that a job is being tried. What was committed already goes on where it was.
func (s *Service) start(ctx context.Context, id string) (store.Job, error) {
	if problem := s.Disk.Problem(); problem != "" {
		return store.Job{ID: id}, noRoom{errors.New(problem)}
	}
	job, err := s.Index.UpdateJob(ctx, id, func(j *store.Job) error {
		switch j.State {
		case store.JobWaiting, store.JobImporting:
			j.State, j.Changed = store.JobImporting, s.Now()
			j.Attempts++
		case store.JobPlacing:
		default:
			return errSettled
		}
		return nil
	})
	if err != nil {
		return store.Job{ID: id}, err
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
func (s *Service) bring(ctx context.Context, job store.Job, force bool) (store.Job, error) {
	staging := stagingName(job.ID)
	dir, err := s.Library.Stage(staging)
	if err != nil {
		return job, err
	}
	trees, err := s.unpack(ctx, job, dir)
	if err == nil && s.Config.Precompress {
		err = compress(ctx, trees)
	}
	if err == nil {
		err = s.Library.Seal(staging)
	}
	if err == nil {
		job, err = s.commit(ctx, job, staging, archive.Merge(trees), force)
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

func (s *Service) unpack(ctx context.Context, job store.Job, dir string) ([]archive.Tree, error) {
	if info, err := os.Stat(job.Path); err == nil && info.IsDir() {
		return copyTrees(ctx, job, dir)
	}
	file, err := openArchive(job)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read
	return archive.Unpack(ctx, file, dir, archive.Limits{Bytes: int64(s.Config.MaxBytes), Files: s.Config.MaxFiles})
}

// copyTrees copies the formats of a recording that lie in directories of the operator's.
func copyTrees(ctx context.Context, job store.Job, dir string) (trees []archive.Tree, err error) {
	if len(job.Recordings) != 1 {
		return nil, fmt.Errorf("%s: a directory holds one recording", job.Path)
	}
	id := job.Recordings[0]
	sources, err := filepath.Glob(filepath.Join(globbed(job.Path), "*", id))
	if err != nil || len(sources) == 0 {
		return nil, errGone
	}
	for _, source := range sources {
		if _, err := archive.Read(source); err != nil {
			return nil, err
		}
		target := filepath.Join(dir, filepath.Base(filepath.Dir(source)), id)
		if err := os.CopyFS(target, os.DirFS(source)); err != nil {
			return nil, err
		}
		tree, err := archive.Read(target)
		if err != nil {
			return nil, err
		}
		if filepath.Base(job.Path) == "unpublished" { // as BigBlueButton and Scalelite have it
			tree.Recording.State = store.Unpublished
		}
		trees = append(trees, tree)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	return trees, nil
}

func compress(ctx context.Context, trees []archive.Tree) error {
	for _, t := range trees {
		if err := archive.Compress(ctx, t.Dir); err != nil {
			return err
		}
	}
	return nil
}

// finish puts in place what the index has, and takes the archive away. It can be repeated.
func (s *Service) finish(ctx context.Context, job store.Job) error {
	for _, id := range job.Recordings {
		if err := s.place(ctx, job.Staging, id); err != nil {
			return err
		}
	}
	return s.Library.Discard(job.Staging)
}

func (s *Service) place(ctx context.Context, staging, id string) error {
	defer s.locks.hold(id)()
	r, err := s.Index.Recording(ctx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && r.State == store.Deleted {
		return nil // deleted since
	}
	if err != nil {
		return err
	}
	var formats []string
	for _, f := range r.Formats {
		formats = append(formats, f.Type)
	}
	if err := s.Library.Place(staging, id, formats, r.State); err != nil {
		return err
	}
	return s.note(r)
}
