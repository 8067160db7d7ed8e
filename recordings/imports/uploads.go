package imports

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/bbbpool/bbbpool/recordings/imports/edition"
	"github.com/bbbpool/bbbpool/recordings/library"
	"github.com/bbbpool/bbbpool/recordings/record"
	"github.com/bbbpool/bbbpool/recordings/upload"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/files"
)

// digests are the archives that were accepted from senders that told their SHA-256, and their jobs.
type digests struct {
	mu   sync.Mutex
	jobs map[string]string
}

func (d *digests) add(j store.Job) {
	if j.SHA256 == "" {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.jobs == nil {
		d.jobs = map[string]string{}
	}
	d.jobs[j.SHA256] = j.ID
}

// clear forgets all of them.
func (d *digests) clear() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.jobs)
}

func (d *digests) remove(j store.Job) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.jobs[j.SHA256] == j.ID { // else it came again since, under another name
		delete(d.jobs, j.SHA256)
	}
}

func (d *digests) of(sha256 string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.jobs[sha256]
}

// Known tells whether an archive of that digest was accepted before, and how its import stands. One that could not be
// imported, or of which something is gone, may be sent again. What another server has sent is known once it is decided
// that it may: else that one would go to quarantine with what this one was told is here.
func (i *Importer) Known(ctx context.Context, server, sha256 string) (state string, known bool) {
	id := i.digests.of(sha256)
	if id == "" {
		id = i.elsewhere(ctx, sha256)
	}
	if id == "" {
		return "", false
	}
	job, err := i.Index.Job(ctx, id)
	if err != nil {
		return "", false
	}
	known, gone := true, false
	switch job.State {
	case store.JobFailed:
		gone = true
	case store.JobDone, store.JobDropped:
		gone = i.lost(ctx, job)
	case store.JobWaiting, store.JobImporting:
		known, gone = job.Server == server, !arrived(job)
	case store.JobPlacing:
	}
	if gone {
		return "", false
	}
	return string(job.State), known
}

// lost tells whether something of what a job has imported is not here any more, and not because somebody has deleted it.
// Where that cannot be told, nothing is.
func (i *Importer) lost(ctx context.Context, job store.Job) bool {
	if i.Disk.Problem() != "" {
		return false
	}
	return slices.ContainsFunc(job.Recordings, func(id string) bool {
		r, err := i.Index.Recording(ctx, id)
		if err != nil || r.State == store.Deleted {
			return errors.Is(err, store.ErrNotFound)
		}
		whole, err := i.Files.Complete(r)
		return err == nil && (!whole || !record.Here(&r))
	})
}

// arrived tells whether the archive of a job that has not been imported is here: a crash may have kept it from coming.
func arrived(j store.Job) bool {
	_, err := os.Lstat(j.Path)
	return !errors.Is(err, fs.ErrNotExist)
}

// Accept takes over an archive that a server has sent. The job comes first, so that nobody takes the archive for one
// without a sender; a job whose archive a crash has kept from coming is forgotten at its first try.
func (i *Importer) Accept(ctx context.Context, u upload.Upload) error {
	name := uploadName(u)
	t := i.queue.Begin(name)
	if t == nil {
		return i.removeTaken(ctx, u, ErrBusy)
	}
	defer t.Done()
	if err := i.removeTaken(ctx, u, errUnknown); !errors.Is(err, errUnknown) {
		return err
	}
	job, err := i.enlistUpload(ctx, t.ID, u)
	if err == nil && i.Epoch != nil {
		err = os.Chtimes(u.Path, job.Modified, job.Modified) // as the job has it, whichever instance has noted that
	}
	if err == nil {
		err = os.Rename(u.Path, job.Path)
	}
	if err == nil {
		err = files.SyncDir(i.Config.Spool)
	}
	if err != nil {
		return library.Explain(err)
	}
	i.digests.add(job)
	if i.running.Load() || i.Epoch == nil {
		t.Await(job)
	}
	if i.Arrived != nil {
		i.Arrived()
	}
	return nil
}

var errUnknown = errors.New("the archive was not accepted before")

// removeTaken removes an archive that was accepted already, from another connection, and returns err for any other.
func (i *Importer) removeTaken(ctx context.Context, u upload.Upload, err error) error {
	state, known := i.Known(ctx, u.Server, u.SHA256)
	switch {
	case known:
		return os.Remove(u.Path)
	case state != "": // another server's, and not decided about
		return ErrBusy
	}
	return err
}

// enlistUpload makes the job of an archive that a server has sent. What is being placed under its name is finished first.
func (i *Importer) enlistUpload(ctx context.Context, id string, u upload.Upload) (store.Job, error) {
	info, err := os.Stat(u.Path)
	if err != nil {
		return store.Job{}, err
	}
	return i.Index.UpdateJob(ctx, id, func(j *store.Job) error {
		if j.State == store.JobPlacing {
			return ErrBusy
		}
		waits := j.State == store.JobWaiting || j.State == store.JobImporting
		if i.Epoch != nil && waits && j.SHA256 == u.SHA256 { // another instance has received it just now
			if j.Server != u.Server {
				return ErrBusy
			}
			return nil
		}
		staging := j.Staging // tells whose it was
		*j = i.newJob(id, filepath.Join(i.Config.Spool, id), fromUpload, edition.Of(info))
		j.Server, j.SHA256, j.Staging = u.Server, u.SHA256, staging
		return nil
	})
}

// uploadName is an archive's name in the spool: one that is sent again with another format in it must not replace the
// one before.
func uploadName(u upload.Upload) string {
	stem, suffix, _ := edition.Cut(u.Name)
	return stem + "-" + u.SHA256[:min(12, len(u.SHA256))] + suffix
}
