package imports

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/bbbpool/bbbpool/recordings/archive"
	"github.com/bbbpool/bbbpool/recordings/imports/edition"
	"github.com/bbbpool/bbbpool/recordings/imports/queue"
	"github.com/bbbpool/bbbpool/recordings/imports/room"
	"github.com/bbbpool/bbbpool/recordings/library"
	"github.com/bbbpool/bbbpool/recordings/record"
	"github.com/bbbpool/bbbpool/store"
)

const (
	// MaxPause is the longest pause between two attempts.
	MaxPause = 15 * time.Minute
)

// conclude decides by how an attempt went what becomes of the job and of its archive, and writes that down. That the program
// is about to end changes nothing about it.
func (a *attempt) conclude(ctx context.Context, err error) {
	after := context.WithoutCancel(ctx)
	if err == nil {
		a.succeed(after)
		return
	}
	switch {
	case errors.Is(err, queue.ErrTaken):
		a.retire()
		a.importer.Log.Info().Str("archive", a.ID).Msg("import was taken over by another instance")
	case errors.Is(err, store.ErrFenced):
		a.postpone(after, "another instance may be at it: "+err.Error(), a.importer.Config.Retry, false)
	case errors.Is(err, store.ErrAway):
		a.wait(after, err)
	case errors.Is(err, errSettled), errors.Is(err, store.ErrNotFound) && a.job.State == "":
		a.retire()
	case errors.Is(err, edition.ErrGone) && a.arriving():
		a.postpone(after, "the archive is on its way from where another instance has received it", a.importer.Config.Retry, false)
	case errors.Is(err, edition.ErrGone), errors.Is(err, edition.ErrChanged):
		a.forget(after, err)
	case ctx.Err() != nil:
		a.postpone(after, "it was broken off, and goes on by itself", 0, false)
	case errors.Is(err, errDropped), errors.Is(err, errSame):
		a.dismiss(after, err)
	case errors.Is(err, errVanished):
		a.startOver(after)
	case room.Lacking(err):
		a.importer.gate.Shut(a.importer.Now(), a.importer.Config.Retry)
		a.postpone(after, err.Error(), a.importer.backOff(a.importer.crowded.Add(a.ID)), false)
	case a.job.State == store.JobImporting && hopeless(err, a.job.Attempts):
		a.fail(after, err)
	default:
		a.postpone(after, err.Error(), a.importer.backOff(a.job.Attempts), true)
	}
}

// hopeless tells whether trying an archive again would lead to nothing: it is bad, it has seemed to be cut off or could
// not be read for some time, or something in it cannot be stored. What the disk, or whoever has set permissions, is to
// blame for is tried for ever.
func hopeless(err error, attempts int) bool {
	if bad, ok := errors.AsType[*archive.Error](err); ok && !bad.Incomplete {
		return true
	}
	if room.Lacking(err) || attempts < queue.MaxAttempts {
		return false
	}
	_, system := errors.AsType[syscall.Errno](err)
	return !system || errors.Is(err, syscall.EIO)
}

// backOff is the pause after so many attempts, with jitter.
func (i *Importer) backOff(attempts int) time.Duration {
	d := i.Config.Retry << min(max(attempts-1, 0), 10)
	d = min(d, MaxPause)
	return d - time.Duration(rand.Int64N(int64(d)/5+1))
}

// succeed removes the archive, unless it is to be kept, and ends the job.
func (a *attempt) succeed(ctx context.Context) {
	i, reason := a.importer, ""
	if !a.job.Keep {
		err := a.remove(ctx)
		if errors.Is(err, store.ErrFenced) { // whoever imports next removes it
			a.postpone(ctx, err.Error(), i.Config.Retry, false)
			return
		}
		if err != nil {
			reason = record.Shorten("imported, but the archive cannot be removed: " + err.Error())
		}
	}
	_ = a.change(ctx, func(j *store.Job) { // goes on in memory
		j.State, j.Reason, j.Staging, j.Next = store.JobDone, reason, "", time.Time{}
		a.Mark(j)
	})
	a.retire()
	i.gate.Open()
	took := i.Now().Sub(a.begun)
	i.counts.done(a.job.Bytes, took)
	for _, id := range a.job.Recordings {
		r, err := i.Index.Recording(ctx, id)
		if err != nil {
			continue // deleted in this very moment
		}
		i.Log.Info().Str("recordID", id).Str("meetingID", r.MeetingID).Str("internalMeetingID", id).
			Str("tenant", r.Tenant).Str("server", r.Server).Str("state", string(r.State)).Str("archive", a.ID).
			Int64("bytes", record.Bytes(r)).Strs("formats", record.FormatNames(r)).Dur("ms", took).
			Str("sinceEnd", record.Age(i.Now(), r.End).Round(time.Second).String()).Msg("recording imported")
	}
}

// startOver takes an archive once more from the start, whose recordings somebody has taken out of the index.
func (a *attempt) startOver(ctx context.Context) {
	if err := a.importer.Library.Discard(a.job.Staging); err != nil {
		a.postpone(ctx, err.Error(), a.importer.backOff(a.job.Attempts), true)
		return
	}
	_ = a.change(ctx, func(j *store.Job) { // goes on in memory
		j.State, j.Staging, j.Reason, j.Next = store.JobWaiting, "", errVanished.Error(), time.Time{}
		a.Mark(j)
	})
	a.Await(a.job)
}

// postpone lets the job wait for its next try. With blame, the attempt is counted.
func (a *attempt) postpone(ctx context.Context, reason string, wait time.Duration, blame bool) {
	_ = a.change(ctx, func(j *store.Job) { // goes on in memory
		if j.State == store.JobImporting {
			j.State = store.JobWaiting
		}
		if !blame && j.Attempts > 0 {
			j.Attempts--
		}
		j.Reason, j.Next = record.Shorten(reason), a.importer.Now().Add(wait)
	})
	a.Await(a.job)
	a.importer.Log.Warn().Str("archive", a.ID).Str("reason", a.job.Reason).Int("attempts", a.job.Attempts).
		Time("next", a.job.Next).Msg("import waits")
}

// fail moves the archive into quarantine. The job says so first: an archive there without one is nobody's.
func (a *attempt) fail(ctx context.Context, cause error) {
	path, err := a.quarantinePath()
	before := a.job
	unnoted := a.change(ctx, func(j *store.Job) {
		j.State, j.Reason, j.Path, j.Next = store.JobFailed, record.Shorten(cause.Error()), path, time.Time{}
	})
	if errors.Is(unnoted, queue.ErrTaken) {
		a.retire()
		return
	}
	if unnoted != nil { // it stays where it is, and is tried again
		a.Await(a.job)
		a.job = before
		return
	}
	a.retire()
	if err = errors.Join(err, a.moveTo(ctx, before, path)); err != nil {
		_ = a.change(ctx, func(j *store.Job) {
			j.Path, j.Reason = before.Path, record.Shorten(fmt.Sprintf("%v; the archive stays in the spool: %v", cause, err))
		})
	}
	a.importer.counts.failed.Add(1)
	a.importer.Log.Error().Str("archive", a.ID).Str("path", path).Str("server", a.job.Server).
		Str("reason", a.job.Reason).Int("attempts", a.job.Attempts).Msg("import failed: see bbbpool recording jobs")
}

// quarantinePath makes the quarantine, and returns a free path there for the archive of a job that cannot be imported: the
// job is told before the archive is moved. What is not in the spool stays where it is.
func (a *attempt) quarantinePath() (string, error) {
	path, spool := a.job.Path, a.importer.Config.Spool
	if a.job.Keep || filepath.Dir(path) != filepath.Clean(spool) {
		return path, nil
	}
	dir := filepath.Join(spool, edition.Quarantine)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return path, library.Explain(err)
	}
	for _, name := range edition.FreeNames(filepath.Join(dir, filepath.Base(path))) {
		if _, err := os.Lstat(name); errors.Is(err, fs.ErrNotExist) {
			return name, nil
		}
	}
	return path, fmt.Errorf("%s has too many archives of that name", dir)
}

// dismiss removes an archive of which nothing is to be taken.
func (a *attempt) dismiss(ctx context.Context, why error) {
	if !a.job.Keep {
		if err := a.remove(ctx); err != nil {
			a.postpone(ctx, err.Error(), a.importer.backOff(a.job.Attempts), true)
			return
		}
	}
	a.retire()
	recordings := a.job.Recordings
	a.importer.Log.Info().Str("archive", a.ID).Strs("recordIDs", recordings).AnErr("reason", why).Msg("import dropped")
	_ = a.change(ctx, func(j *store.Job) { // goes on in memory
		j.State, j.Next, j.Recordings, j.Reason = store.JobDropped, time.Time{}, recordings, why.Error()
	})
}

// forget deletes a job whose archive is gone, or is another one that will get a job of its own.
func (a *attempt) forget(ctx context.Context, why error) {
	i := a.importer
	if err := a.still(ctx); err != nil {
		a.retire()
		return
	}
	if errors.Is(why, edition.ErrGone) && !a.job.Keep {
		if err := a.remove(ctx); err != nil { // what a crash in the middle of that has left
			i.Log.Warn().Err(err).Str("archive", a.ID).Msg("remove an archive")
		}
	}
	i.Log.Info().Str("archive", a.ID).AnErr("reason", why).Msg("import dropped")
	if err := i.Index.DeleteJob(ctx, a.ID); err != nil && !errors.Is(err, store.ErrNotFound) {
		i.Log.Error().Err(err).Msg("forget an import")
	}
	i.digests.remove(a.job)
	a.retire()
	a.job.State, a.job.Reason = store.JobDropped, why.Error()
}
