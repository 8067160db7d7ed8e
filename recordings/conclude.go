package recordings

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/bbbpool/bbbpool/recordings/archive"
	"github.com/bbbpool/bbbpool/store"
)

const (
	// maxPause is the longest pause between two attempts.
	maxPause = 15 * time.Minute
	// maxAttempts is how often an archive is tried that seems to be cut off, or cannot be read.
	maxAttempts = 5
	// maxReason bounds the reason that is kept, in bytes.
	maxReason = 1000
)

// conclude notes how an attempt went. That the program is about to end changes nothing about it.
func (s *Service) conclude(ctx context.Context, a *attempt, job store.Job, err error, begun time.Time) store.Job {
	after := context.WithoutCancel(ctx)
	if err == nil {
		return s.succeed(after, a, job, begun)
	}
	switch {
	case errors.Is(err, errSettled), errors.Is(err, store.ErrNotFound) && job.State == "":
		a.over()
		return job
	case errors.Is(err, errGone), errors.Is(err, errChanged):
		return s.forget(after, a, job, err)
	case ctx.Err() != nil:
		return s.postpone(after, a, job, "it was broken off, and goes on by itself", 0, false)
	case errors.Is(err, errDropped), errors.Is(err, errSame):
		return s.dismiss(after, a, job, err)
	case errors.Is(err, errVanished):
		return s.again(after, a, job)
	case outOfRoom(err):
		s.gate.shut(s.Now(), s.Config.Retry)
		return s.postpone(after, a, job, err.Error(), s.backOff(s.crowded.add(job.ID)), false)
	case job.State == store.JobImporting && hopeless(err, job.Attempts):
		return s.fail(after, a, job, err)
	}
	return s.postpone(after, a, job, err.Error(), s.backOff(job.Attempts), true)
}

// hopeless tells whether trying an archive again would lead to nothing: it is bad, it has seemed to be cut off or could
// not be read for some time, or something in it cannot be stored. What the disk, or whoever has set permissions, is to
// blame for is tried for ever.
func hopeless(err error, attempts int) bool {
	if fault, ok := errors.AsType[*archive.Error](err); ok && !fault.Incomplete {
		return true
	}
	if outOfRoom(err) || attempts < maxAttempts {
		return false
	}
	_, system := errors.AsType[syscall.Errno](err)
	return !system || errors.Is(err, syscall.EIO)
}

// outOfRoom tells whether the disk is at fault, and not what is written to it.
func outOfRoom(err error) bool {
	if _, ok := errors.AsType[noRoom](err); ok {
		return true
	}
	for _, cause := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.ENODEV, syscall.ESTALE} {
		if errors.Is(err, cause) {
			return true
		}
	}
	return false
}

// backOff is the pause after so many attempts, with jitter.
func (s *Service) backOff(attempts int) time.Duration {
	d := s.Config.Retry << min(max(attempts-1, 0), 10)
	d = min(d, maxPause)
	return d - time.Duration(rand.Int64N(int64(d)/5+1))
}

func (s *Service) succeed(ctx context.Context, a *attempt, job store.Job, begun time.Time) store.Job {
	reason := ""
	if !job.Keep {
		if err := takeAway(job); err != nil {
			reason = shorten("imported, but the archive cannot be removed: " + err.Error())
		}
	}
	job = s.become(ctx, job, func(j *store.Job) {
		j.State, j.Reason, j.Staging, j.Next = store.JobDone, reason, "", time.Time{}
	})
	s.over(a)
	s.gate.open()
	s.stats.done(job, s.Now().Sub(begun))
	for _, id := range job.Recordings {
		r, err := s.Index.Recording(ctx, id)
		if err != nil {
			continue // deleted in this very moment
		}
		s.Log.Info().Str("recordID", id).Str("meetingID", r.MeetingID).Str("internalMeetingID", id).
			Str("tenant", r.Tenant).Str("server", r.Server).Str("state", string(r.State)).Str("archive", job.ID).
			Int64("bytes", size(r)).Strs("formats", types(r)).Dur("ms", s.Now().Sub(begun)).
			Str("sinceEnd", age(s.Now(), r.End).Round(time.Second).String()).Msg("recording imported")
	}
	return job
}

// over takes a job out of all that goes on.
func (s *Service) over(a *attempt) {
	a.over()
	s.crowded.remove(a.id)
}

// again takes an archive once more from the start, whose recordings somebody has taken out of the index.
func (s *Service) again(ctx context.Context, a *attempt, job store.Job) store.Job {
	if err := s.Library.Discard(job.Staging); err != nil {
		return s.postpone(ctx, a, job, err.Error(), s.backOff(job.Attempts), true)
	}
	job = s.become(ctx, job, func(j *store.Job) {
		j.State, j.Staging, j.Reason, j.Next = store.JobWaiting, "", errVanished.Error(), time.Time{}
	})
	a.await(job)
	return job
}

// crowded counts how often each job has found no room.
type crowded struct {
	mu    sync.Mutex
	times map[string]int
}

func (c *crowded) add(id string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.times == nil {
		c.times = map[string]int{}
	}
	c.times[id]++
	return c.times[id]
}

func (c *crowded) remove(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.times, id)
}

// postpone lets a job wait for its next try.
func (s *Service) postpone(
	ctx context.Context, a *attempt, job store.Job, reason string, wait time.Duration, blame bool,
) store.Job {
	job = s.become(ctx, job, func(j *store.Job) {
		if j.State == store.JobImporting {
			j.State = store.JobWaiting
		}
		if !blame && j.Attempts > 0 {
			j.Attempts--
		}
		j.Reason, j.Next = shorten(reason), s.Now().Add(wait)
	})
	a.await(job)
	s.Log.Warn().Str("archive", job.ID).Str("reason", job.Reason).Int("attempts", job.Attempts).Time("next", job.Next).
		Msg("import waits")
	return job
}

// fail puts an archive into quarantine.
func (s *Service) fail(ctx context.Context, a *attempt, job store.Job, cause error) store.Job {
	path, err := s.quarantined(job)
	old := job
	job, stored := s.turned(ctx, job, func(j *store.Job) {
		j.State, j.Reason, j.Path, j.Next = store.JobFailed, shorten(cause.Error()), path, time.Time{}
	})
	if stored != nil { // it stays where it is, and is tried again
		a.await(job)
		return old
	}
	s.over(a)
	if err = errors.Join(err, isolate(old, path)); err != nil {
		job = s.become(ctx, job, func(j *store.Job) {
			j.Path, j.Reason = old.Path, shorten(fmt.Sprintf("%v; the archive stays in the spool: %v", cause, err))
		})
	}
	s.stats.failed.Add(1)
	s.Log.Error().Str("archive", job.ID).Str("path", path).Str("server", job.Server).Str("reason", job.Reason).
		Int("attempts", job.Attempts).Msg("import failed: see bbbpool recording jobs")
	return job
}

// dismiss removes an archive of which nothing is to be taken.
func (s *Service) dismiss(ctx context.Context, a *attempt, job store.Job, why error) store.Job {
	if !job.Keep {
		if err := takeAway(job); err != nil {
			return s.postpone(ctx, a, job, err.Error(), s.backOff(job.Attempts), true)
		}
	}
	s.over(a)
	s.Log.Info().Str("archive", job.ID).Strs("recordIDs", job.Recordings).AnErr("reason", why).Msg("import dropped")
	return s.become(ctx, job, func(j *store.Job) {
		j.State, j.Next, j.Recordings, j.Reason = store.JobDropped, time.Time{}, job.Recordings, why.Error()
	})
}

// forget drops a job whose archive is gone, or is another one that will get a job of its own.
func (s *Service) forget(ctx context.Context, a *attempt, job store.Job, why error) store.Job {
	if errors.Is(why, errGone) && !job.Keep {
		if err := takeAway(job); err != nil { // what a crash in the middle of that has left
			s.Log.Warn().Err(err).Str("archive", job.ID).Msg("remove an archive")
		}
	}
	s.Log.Info().Str("archive", job.ID).AnErr("reason", why).Msg("import dropped")
	if err := s.Index.DeleteJob(ctx, job.ID); err != nil && !errors.Is(err, store.ErrNotFound) {
		s.Log.Error().Err(err).Msg("forget an import")
	}
	s.digests.remove(job)
	s.over(a)
	job.State, job.Reason = store.JobDropped, why.Error()
	return job
}

// become changes a job in the store. If that fails the job goes on in memory, and as the store has it after a restart.
func (s *Service) become(ctx context.Context, job store.Job, change func(*store.Job)) store.Job {
	job, _ = s.turned(ctx, job, change)
	return job
}

func (s *Service) turned(ctx context.Context, job store.Job, change func(*store.Job)) (store.Job, error) {
	stored, err := s.Index.UpdateJob(ctx, job.ID, func(j *store.Job) error {
		if j.State == "" { // removed meanwhile
			return errSettled
		}
		change(j)
		j.Changed = s.Now()
		return nil
	})
	if err != nil {
		s.Log.Error().Err(err).Str("archive", job.ID).Msg("note how an import stands")
		change(&job)
		return job, err
	}
	return stored, nil
}

func shorten(s string) string { return strings.ToValidUTF8(s[:min(len(s), maxReason)], "") }
