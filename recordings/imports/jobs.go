package imports

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/bbbpool/bbbpool/recordings/imports/edition"
	"github.com/bbbpool/bbbpool/recordings/record"
	"github.com/bbbpool/bbbpool/store"
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
func (i *Importer) Jobs(ctx context.Context, f store.JobFilter) ([]store.Job, error) {
	jobs, err := i.Index.Jobs(ctx, f)
	if err == nil {
		jobs = i.withIgnored(jobs, f)
	}
	problem := i.Disk.Problem()
	for n, j := range jobs {
		if j.State == store.JobWaiting && j.Reason == "" {
			jobs[n].Reason = problem
		}
	}
	return jobs, err
}

// Retry lets a job be tried at once, from the start; one in quarantine leaves it. One that is done is not tried again.
func (i *Importer) Retry(ctx context.Context, id string) (store.Job, error) {
	t := i.queue.Begin(id)
	if t == nil {
		return store.Job{}, ErrBusy
	}
	defer t.Done()
	job, err := i.Index.Job(ctx, id)
	if store.Ignore(err, store.ErrNotFound) != nil { // which is said below
		return job, err
	}
	// Somebody may have mended the archive. The look at it comes before the transaction: a disk that does not answer must not
	// keep all who write to the store.
	file, missing := os.Stat(job.Path)
	job, err = i.Index.UpdateJob(ctx, id, func(j *store.Job) error {
		switch j.State {
		case store.JobFailed, store.JobWaiting, store.JobImporting:
			j.State, j.Attempts, j.Reason = store.JobWaiting, 0, ""
			if missing == nil && !file.IsDir() {
				of := edition.Of(file)
				j.Bytes, j.Modified = of.Size, of.Modified
			}
		case store.JobPlacing:
		case "":
			return store.ErrNotFound
		default:
			return fmt.Errorf("import %s %w", id, ErrOver)
		}
		j.Next, j.Changed = time.Time{}, i.Now()
		return nil
	})
	if err != nil {
		return job, err
	}
	t.Await(job)
	return job, nil
}

// DropJob forgets a job that has failed, and removes its archive from quarantine.
func (i *Importer) DropJob(ctx context.Context, id string) error {
	t := i.queue.Begin(id)
	if t == nil {
		return ErrBusy
	}
	defer t.Done()
	job, err := i.Index.Job(ctx, id)
	if err != nil {
		return err
	}
	if job.State == store.JobPlacing {
		return ErrBusy
	}
	if !job.Keep {
		if err := edition.OfJob(job).Remove(); err != nil {
			return err
		}
	}
	i.digests.remove(job)
	t.Over()
	i.crowded.Remove(id)
	return i.Index.DeleteJob(ctx, id)
}

// keepJobs is how long jobs are remembered that are over.
const keepJobs = 7 * 24 * time.Hour

// ForgetOld deletes jobs that have been over for long from the store.
func (i *Importer) ForgetOld(ctx context.Context) error {
	jobs, err := i.Index.Jobs(ctx, store.JobFilter{States: []store.JobState{store.JobDone, store.JobDropped}})
	errs := []error{err}
	for _, j := range jobs {
		if record.Age(i.Now(), j.Changed) > keepJobs && (j.Reason == "" || j.State == store.JobDropped) {
			i.digests.remove(j)
			errs = append(errs, i.Index.DeleteJob(ctx, j.ID))
		}
	}
	return errors.Join(errs...)
}
