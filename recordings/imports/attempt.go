package imports

import (
	"context"
	"errors"
	"time"

	"github.com/bbbpool/bbbpool/recordings/archive"
	"github.com/bbbpool/bbbpool/recordings/imports/queue"
	"github.com/bbbpool/bbbpool/recordings/imports/room"
	"github.com/bbbpool/bbbpool/recordings/record"
	"github.com/bbbpool/bbbpool/store"
)

// attempt is one try of one job, by whoever has its ticket. Its steps are in the order in which they are taken: start,
// bring (unpack, commit), finish, conclude.
type attempt struct {
	*queue.Ticket

	importer *Importer
	job      store.Job // as it stands; the store has the same, but for what could not be written there
	force    bool      // recordings come back that were deleted
	begun    time.Time
}

var (
	errSettled  = errors.New("nothing to be done")
	errVanished = errors.New("a recording was taken out of the index while its files were put in place")
)

// try tries a job once and returns what has become of it. It reads, unpacks and writes as long as that takes.
func (i *Importer) try(ctx context.Context, t *queue.Ticket, force bool) store.Job {
	a := &attempt{Ticket: t, importer: i, job: store.Job{ID: t.ID}, force: force, begun: i.Now()}
	err := a.start(ctx)
	if err == nil && a.job.State == store.JobImporting {
		err = a.bring(ctx)
	}
	if err == nil {
		err = a.finish(ctx)
	}
	a.conclude(ctx, err)
	return a.job
}

// start notes in the store that a job is being tried, and looks whether there is room. What was committed already goes on
// where it was.
func (a *attempt) start(ctx context.Context) error {
	cutOff := false
	job, err := a.importer.Index.UpdateJob(ctx, a.ID, func(j *store.Job) error {
		if err := a.Mine(*j); err != nil {
			return err
		}
		switch j.State {
		case store.JobWaiting, store.JobImporting:
			cutOff = j.State == store.JobImporting // and nobody could note why
			j.State, j.Changed = store.JobImporting, a.importer.Now()
			a.Mark(j)
		case store.JobPlacing:
		default:
			return errSettled
		}
		j.Attempts++
		return nil
	})
	if err != nil {
		return err
	}
	a.job = job
	a.importer.away.over()
	if cutOff && job.Attempts > queue.MaxAttempts {
		return &archive.Error{What: "bbbpool ended, each time, when it was being imported"}
	}
	if problem := a.importer.Disk.Problem(); problem != "" {
		return room.Lack(errors.New(problem))
	}
	if job.State == store.JobImporting {
		if err := a.importer.Disk.Room(job.Bytes); err != nil {
			return room.Lack(err)
		}
	}
	return nil
}

// bring unpacks an archive beside the library, makes that durable and commits it to the index. From then on the job is
// placing.
func (a *attempt) bring(ctx context.Context) error {
	dir, err := a.importer.Library.Stage(a.Staging)
	if err != nil {
		return err
	}
	found, err := a.unpack(ctx, dir)
	if err == nil {
		err = a.importer.Library.Seal(a.Staging)
	}
	if err == nil {
		if err = a.commit(ctx, found); unsure(err) {
			return err
		}
	}
	if err != nil {
		err = errors.Join(err, a.importer.Library.Discard(a.Staging))
	}
	return err
}

// unsure tells whether the index may have what was committed, although there was an error: then what was staged stays, and the
// next try finds out.
func unsure(err error) bool {
	return errors.Is(err, store.ErrAway) || errors.Is(err, context.Canceled) ||
		errors.Is(err, context.DeadlineExceeded)
}

// finish puts in place what the index has. It can be repeated.
func (a *attempt) finish(ctx context.Context) error {
	if err := a.inherit(ctx); err != nil {
		return err
	}
	for _, id := range a.job.Recordings {
		if err := a.place(ctx, id); err != nil {
			return err
		}
	}
	return a.importer.Library.Discard(a.job.Staging)
}

// place holds a recording and puts what the job has staged of it where its state says. Bring takes along the formats that
// were here before and are elsewhere, if there are any, and writes the note beside the files. A recording that was deleted
// meanwhile goes to the trash, if there is one.
func (a *attempt) place(ctx context.Context, id string) error {
	held := a.importer.Files.Hold(id)
	defer held.Release()
	r, err := a.importer.Index.Recording(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return errVanished // whoever deletes one leaves a mark: this is a mistake of somebody's
	}
	if err != nil || r.State == store.Deleted && len(r.Formats) == 0 {
		return err
	}
	staged, err := a.importer.Library.Staged(a.job.Staging, id)
	if err == nil {
		err = a.importer.Library.MarkStaged(a.job.Staging, held, r.Protected)
	}
	if err == nil {
		err = a.importer.Library.Place(a.job.Staging, held, staged, r.State)
	}
	if err == nil {
		err = a.importer.Files.Bring(held, r)
	}
	if err != nil {
		return err
	}
	// What was taken out while its files were on their way must not be done with: the archive would be removed.
	if _, err = a.importer.Index.Recording(ctx, id); errors.Is(err, store.ErrNotFound) {
		return errVanished
	}
	return err
}

// change changes the job in the store. If that fails it goes on in memory, and as the store has it after a restart.
func (a *attempt) change(ctx context.Context, change func(*store.Job)) error {
	stored, err := a.importer.Index.UpdateJob(ctx, a.ID, func(j *store.Job) error {
		if j.State == "" { // removed meanwhile
			return errSettled
		}
		if err := a.Mine(*j); err != nil {
			return err
		}
		change(j)
		j.Changed = a.importer.Now()
		return nil
	})
	if err != nil {
		if !errors.Is(err, queue.ErrTaken) {
			a.importer.Log.Error().Err(err).Str("archive", a.ID).Msg("note how an import stands")
		}
		change(&a.job)
		return err
	}
	a.job = stored
	return nil
}

// retire takes the job out of all that goes on.
func (a *attempt) retire() {
	a.Over()
	a.importer.crowded.Remove(a.ID)
}

// origin is where what is in the archive comes from.
func (a *attempt) origin() record.Origin {
	return record.Origin{Server: a.job.Server, Tenant: a.job.Tenant, Foreign: a.job.Source == fromUpload}
}
