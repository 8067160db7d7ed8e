package imports

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/recordings/imports/edition"
	"github.com/bbbpool/bbbpool/recordings/imports/queue"
	"github.com/bbbpool/bbbpool/store"
)

// This file is about several instances, of which one imports at a time, with an epoch for each (package queue). The index does
// not know who may write to it. So it is asked before each commit whether this instance still may, and what is committed is
// compared with the job in the same step.

// epoch is the one of now; 0 where there are none.
func (i *Importer) epoch() uint64 {
	if i.Epoch == nil {
		return 0
	}
	return i.Epoch()
}

// Renew forgets what was so when this instance imported before, and takes over the jobs as they stand now.
func (i *Importer) Renew(ctx context.Context) error {
	i.queue.Renew(i.epoch())
	i.gate.Open()
	i.crowded.Clear()
	i.away.over()
	return i.Load(ctx)
}

// Working tells whether this instance imports: what it accepts waits here only then.
func (i *Importer) Working(works bool) { i.running.Store(works) }

// authorised returns a context that ends before another instance may do the same, or store.ErrFenced.
func (i *Importer) authorised(ctx context.Context) (context.Context, context.CancelFunc, error) {
	if i.May == nil {
		return ctx, func() {}, nil
	}
	within, done, ok := i.May(ctx)
	if !ok {
		if done != nil {
			done()
		}
		return nil, nil, store.ErrFenced
	}
	return within, done, nil
}

// still looks into the store whether the job is this instance's. It may be called within a commit, which keeps others from
// committing the same recordings: whoever takes the job over after this look commits after it, too.
func (a *attempt) still(ctx context.Context) error {
	if a.Epoch == 0 {
		return nil
	}
	j, err := a.importer.Index.Job(ctx, a.ID)
	if err != nil {
		return store.Ignore(err, store.ErrNotFound)
	}
	return a.Mine(j)
}

// inherit takes over what another epoch has staged and committed. The files change their names first, and the job tells the new
// one after that: whatever breaks off in between, the next one finds them by the names of all epochs since.
func (a *attempt) inherit(ctx context.Context) error {
	if a.Epoch == 0 || a.job.Staging == a.Staging {
		return nil
	}
	names, err := a.importer.Library.Stagings()
	if err != nil {
		return err
	}
	own := queue.Staging(0, a.ID)
	for _, name := range names {
		ours := name == own || strings.HasSuffix(name, "-"+own)
		if !ours || name == a.Staging || queue.EpochOf(name) < queue.EpochOf(a.job.Staging) {
			continue
		}
		if err := a.importer.Library.Rename(name, a.Staging); err != nil {
			return err
		}
	}
	return a.change(ctx, a.Mark)
}

// remove removes the archive, if this instance may.
func (a *attempt) remove(ctx context.Context) error {
	_, done, err := a.importer.authorised(ctx)
	if err != nil {
		return err
	}
	defer done()
	return edition.OfJob(a.job).Remove()
}

// moveTo moves an archive, if this instance may.
func (a *attempt) moveTo(ctx context.Context, j store.Job, path string) error {
	_, done, err := a.importer.authorised(ctx)
	if err != nil {
		return err
	}
	defer done()
	return edition.OfJob(j).MoveTo(path)
}

// away is since when the index could not be asked.
type away struct {
	mu  sync.Mutex
	why string // "" while it can
}

func (w *away) since(why string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.why = why
}

func (w *away) over() { w.since("") }

func (w *away) reason() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.why
}

// wait lets the job, and all others, wait for the index. The archive is not to blame.
func (a *attempt) wait(ctx context.Context, cause error) {
	i := a.importer
	i.gate.Shut(i.Now(), i.Config.Retry)
	i.away.since(cause.Error())
	next := i.backOff(1)
	if a.job.State == "" { // nothing is known of it but that it waits
		a.Later(i.Now().Add(next))
		i.Log.Warn().Str("archive", a.ID).Err(cause).Msg("import waits for the index")
		return
	}
	a.postpone(ctx, cause.Error(), next, false)
}

// Away is the name of the problem that imports wait for the index.
const Away = "index-away"

// awayProblem says that imports wait for the index.
func (i *Importer) awayProblem() []problems.Problem {
	why := i.away.reason()
	if why == "" {
		return nil
	}
	return []problems.Problem{{
		Severity: problems.Stuck, Name: Away, Logged: true, Text: "imports wait for the index of recordings: " + why,
		Remedy: "nothing is lost: they go on by themselves when it is back",
	}}
}

// LookForUploads takes over the jobs of archives that other instances have received.
func (i *Importer) LookForUploads(ctx context.Context) error {
	jobs, err := i.Index.Jobs(ctx, store.JobFilter{States: []store.JobState{store.JobWaiting}})
	if err != nil {
		return err
	}
	for _, j := range jobs {
		i.digests.add(j)
		if !i.queue.Has(j.ID) {
			i.queue.Load(j)
		}
	}
	i.queue.Nudge()
	return nil
}

// lookEvery is how often it is looked at most for what other instances have accepted.
const lookEvery = 2 * time.Second

// elsewhere looks in the store for an archive of that digest, which another instance may have accepted; "" for none.
func (i *Importer) elsewhere(ctx context.Context, sha256 string) (id string) {
	if i.Epoch == nil || !i.looked.due(i.Now()) {
		return ""
	}
	jobs, err := i.Index.Jobs(ctx, store.JobFilter{})
	if err != nil {
		return "" // Accept finds out
	}
	for _, j := range jobs {
		i.digests.add(j)
	}
	return i.digests.of(sha256)
}

// pace is when something was done last.
type pace struct {
	mu   sync.Mutex
	last time.Time
}

// due tells whether it is to be done now, and takes it for done.
func (p *pace) due(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.last) < lookEvery {
		return false
	}
	p.last = now
	return true
}

// arrivalTime is how long an archive may take from the instance that has received it to its place in the spool.
const arrivalTime = time.Minute

// arriving tells whether the archive may be on its way into the spool still: its job is noted first.
func (a *attempt) arriving() bool {
	return a.Epoch > 0 && a.job.Source == fromUpload && a.importer.Now().Sub(a.job.Created) < arrivalTime
}
