package recordings

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/bbbpool/bbbpool/recordings/library"
	"github.com/bbbpool/bbbpool/recordings/upload"
	"github.com/bbbpool/bbbpool/recordings/volume"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/files"
)

// Errors for operators.
var (
	// ErrBusy: the job is at work.
	ErrBusy = errors.New("is being imported just now")
	// ErrOver: the job is done, or was dropped.
	ErrOver = errors.New("is over: there is nothing to try again")
)

// Jobs returns the selected jobs, and as jobs of their own what lies in the spool and nothing takes. One that nobody has
// tried yet waits for what keeps all of them.
func (s *Service) Jobs(ctx context.Context, f store.JobFilter) ([]store.Job, error) {
	jobs, err := s.Index.Jobs(ctx, f)
	if err == nil {
		jobs = s.withIgnored(jobs, f)
	}
	problem := s.Disk.Problem()
	for i, j := range jobs {
		if j.State == store.JobWaiting && j.Reason == "" {
			jobs[i].Reason = problem
		}
	}
	return jobs, err
}

// Volume returns how the directories of the recordings are, and looks first if nobody has.
func (s *Service) Volume() []volume.Status {
	list := s.Disk.Status()
	if slices.ContainsFunc(list, func(v volume.Status) bool { return v.At.IsZero() }) {
		s.Disk.Check(context.Background())
		list = s.Disk.Status()
	}
	return list
}

// Trouble is what wants looking at beside the volume, in words.
func (s *Service) Trouble() (list []string) {
	if n := s.stats.findings.Load(); n > 0 {
		list = append(list, fmt.Sprintf("index and disk differ in %d places: bbbpool recording verify lists them", n))
	}
	if s.gate.left(s.Now()) > 0 {
		list = append(list, "imports wait for room: bbbpool recording jobs says for how much")
	}
	return slices.Concat(list, s.laggards.trouble(), s.passedOver())
}

// Retry lets a job be tried at once, from the start; one in quarantine leaves it. One that is done is not tried again.
func (s *Service) Retry(ctx context.Context, id string) (store.Job, error) {
	a := s.queue.begin(id)
	if a == nil {
		return store.Job{}, ErrBusy
	}
	defer a.done()
	job, err := s.Index.UpdateJob(ctx, id, func(j *store.Job) error {
		switch j.State {
		case store.JobFailed, store.JobWaiting, store.JobImporting:
			j.State, j.Attempts, j.Reason = store.JobWaiting, 0, ""
			if now, err := os.Stat(j.Path); err == nil && !now.IsDir() { // somebody may have mended it
				id := identityOf(now)
				j.Bytes, j.Modified = id.size, id.modified
			}
		case store.JobPlacing:
		case "":
			return store.ErrNotFound
		default:
			return fmt.Errorf("import %s %w", id, ErrOver)
		}
		j.Next, j.Changed = time.Time{}, s.Now()
		return nil
	})
	if err != nil {
		return job, err
	}
	a.await(job)
	return job, nil
}

// DropJob forgets a job that has failed, and removes its archive from quarantine.
func (s *Service) DropJob(ctx context.Context, id string) error {
	a := s.queue.begin(id)
	if a == nil {
		return ErrBusy
	}
	defer a.done()
	job, err := s.Index.Job(ctx, id)
	if err != nil {
		return err
	}
	if job.State == store.JobPlacing {
		return ErrBusy
	}
	if !job.Keep {
		if err := takeAway(job); err != nil {
			return err
		}
	}
	s.digests.remove(job)
	s.over(a)
	return s.Index.DeleteJob(ctx, id)
}

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
func (s *Service) Known(ctx context.Context, server, sha256 string) (state string, known bool) {
	id := s.digests.of(sha256)
	if id == "" {
		return "", false
	}
	job, err := s.Index.Job(ctx, id)
	if err != nil {
		return "", false
	}
	known, gone := true, false
	switch job.State {
	case store.JobFailed:
		gone = true
	case store.JobDone, store.JobDropped:
		gone = s.lost(ctx, job)
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
func (s *Service) lost(ctx context.Context, job store.Job) bool {
	if s.Disk.Problem() != "" {
		return false
	}
	return slices.ContainsFunc(job.Recordings, func(id string) bool {
		r, err := s.Index.Recording(ctx, id)
		if err != nil || r.State == store.Deleted {
			return errors.Is(err, store.ErrNotFound)
		}
		whole, err := s.hasFiles(r)
		return err == nil && (!whole || !here(&r))
	})
}

// arrived tells whether the archive of a job that has not been imported is here: a crash may have kept it from coming.
func arrived(j store.Job) bool {
	_, err := os.Lstat(j.Path)
	return !errors.Is(err, fs.ErrNotExist)
}

// Accept takes over an archive that a server has sent. The job comes first, so that nobody takes the archive for one
// without a sender; a job whose archive a crash has kept from coming is forgotten at its first try.
func (s *Service) Accept(ctx context.Context, u upload.Upload) error {
	name := uploadName(u)
	a := s.queue.begin(name)
	if a == nil {
		return s.taken(ctx, u, ErrBusy)
	}
	defer a.done()
	if err := s.taken(ctx, u, errUnknown); !errors.Is(err, errUnknown) {
		return err
	}
	job, err := s.accept(ctx, a, u)
	if err == nil {
		err = os.Rename(u.Path, job.Path)
	}
	if err == nil {
		err = files.SyncDir(s.Config.Spool)
	}
	if err != nil {
		return library.Explain(err)
	}
	s.digests.add(job)
	a.await(job)
	return nil
}

var errUnknown = errors.New("the archive was not accepted before")

// taken removes an archive that was accepted already, from another connection, and returns err for any other.
func (s *Service) taken(ctx context.Context, u upload.Upload, err error) error {
	state, known := s.Known(ctx, u.Server, u.SHA256)
	switch {
	case known:
		return os.Remove(u.Path)
	case state != "": // another server's, and not decided about
		return ErrBusy
	}
	return err
}

// accept makes the job of an archive that a server has sent. What is being placed under its name is finished first.
func (s *Service) accept(ctx context.Context, a *attempt, u upload.Upload) (store.Job, error) {
	info, err := os.Stat(u.Path)
	if err != nil {
		return store.Job{}, err
	}
	return s.Index.UpdateJob(ctx, a.id, func(j *store.Job) error {
		if j.State == store.JobPlacing {
			return ErrBusy
		}
		*j = s.newJob(a.id, filepath.Join(s.Config.Spool, a.id), fromUpload, identityOf(info))
		j.Server, j.SHA256 = u.Server, u.SHA256
		return nil
	})
}

// uploadName is an archive's name in the spool: one that is sent again with another format in it must not replace the
// one before.
func uploadName(u upload.Upload) string {
	stem, suffix, _ := cutSuffix(u.Name)
	return stem + "-" + u.SHA256[:min(12, len(u.SHA256))] + suffix
}
