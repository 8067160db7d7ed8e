package imports

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/bbbpool/bbbpool/recordings/archive"
	"github.com/bbbpool/bbbpool/recordings/imports/edition"
	"github.com/bbbpool/bbbpool/recordings/imports/sources"
	"github.com/bbbpool/bbbpool/recordings/library"
	"github.com/bbbpool/bbbpool/recordings/record"
	"github.com/bbbpool/bbbpool/recordings/volume"
	"github.com/bbbpool/bbbpool/store"
)

// ErrNothing is that there is nothing to import.
var ErrNothing = errors.New("no archive and no recording there")

// Options say what to import, and how.
type Options struct {
	Path   string // an archive, or a directory of archives or of recordings
	Tenant string // for recordings that do not tell
	Force  bool   // bring back what was deleted
	Notify bool   // tell the front ends of their meetings, as of what servers send
}

// Report is the outcome of an import.
type Report struct {
	Imported []string         // record IDs that are new, or have something new
	Same     int              // recordings that were there already, just so
	Skipped  []record.Finding // what nothing was wanted of, and why
	Failed   []record.Finding
}

// NewReport is the report of an import that has not found anything yet.
func NewReport() Report { return Report{Imported: []string{}, Failed: []record.Finding{}} }

// Locate is where a path really is that an operator has named. It reads links, and returns ErrNothing where nothing is.
func Locate(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err == nil {
		path, err = filepath.EvalSymlinks(path)
	}
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNothing, library.Explain(err))
	}
	return path, nil
}

// Import takes in what the operator names, by its real path: an archive, a directory of archives, or one of recordings as
// BigBlueButton and Scalelite have them. All of it stays where it is. What cannot be imported is named in the report, and
// the rest goes on; what is here already costs a look. It works for as long as that takes.
func (i *Importer) Import(ctx context.Context, path string, o Options, tell func(record.Progress)) (Report, error) {
	report := NewReport()
	if err := i.Files.Prepare(ctx); err != nil {
		return report, err
	}
	found, err := sources.In(path)
	if err != nil {
		return report, fmt.Errorf("%w: %w", ErrNothing, library.Explain(err))
	}
	if len(found.Sources)+len(found.Failed)+len(found.Skipped) == 0 {
		return report, fmt.Errorf("%s: %w", path, ErrNothing)
	}
	report.Failed, report.Skipped = append(report.Failed, found.Failed...), found.Skipped
	r := &operatorRun{importer: i, ctx: ctx, options: o, report: report, tell: tell}
	err = r.all(found.Sources)
	return r.report, err
}

// operatorRun is one run of Import.
type operatorRun struct {
	importer *Importer
	ctx      context.Context //nolint:containedctx // one run, one context
	options  Options
	report   Report
	tell     func(record.Progress)
}

// all imports one source after the other. It ends early with the context, and where nothing can be imported any more.
func (r *operatorRun) all(list []sources.Source) error {
	for n, c := range list {
		r.tell(record.Progress{Done: n, Total: len(list), Current: cmp.Or(c.RecordID, filepath.Base(c.Path))})
		failed := len(r.report.Failed)
		if err := r.one(c); err != nil {
			return err
		}
		for _, f := range r.report.Failed[failed:] {
			r.tell(record.Progress{Done: n, Total: len(list), Current: f.Path, Problem: f.Text})
		}
	}
	r.tell(record.Progress{Done: len(list), Total: len(list)})
	return nil
}

// one imports one source by a job of its own, so that what breaks off here goes on by itself. Its errors are those that
// everything behind it would have, too.
func (r *operatorRun) one(c sources.Source) error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	if err := volume.Unusable(r.importer.Disk.Problem()); err != nil {
		return err
	}
	of, size, err := r.look(c)
	if err != nil {
		r.fail(c, c.Path, err)
		return r.ctx.Err()
	}
	if c.RecordID != "" && len(of) == 0 {
		return nil // all that is wrong with it was said
	}
	same, why, err := r.unchanged(c, of)
	switch {
	case err != nil:
		r.fail(c, c.Path, err)
	case why != "":
		r.report.Skipped = append(r.report.Skipped, record.Finding{
			Kind: record.Skipped, Path: c.At(of), RecordID: c.RecordID, Text: why,
		})
	case same:
		r.report.Same++
		return errors.Join(r.notify(c), r.ctx.Err())
	default:
		return r.take(c, of, size)
	}
	return r.ctx.Err()
}

func (r *operatorRun) fail(c sources.Source, path string, err error) {
	r.report.Failed = append(r.report.Failed, record.Finding{
		Kind: record.Unreadable, Path: path, RecordID: c.RecordID, Text: err.Error(),
	})
}

// look reads a source and notes what of it cannot be imported. Of archives it tells nothing but what they are.
func (r *operatorRun) look(c sources.Source) (whole []archive.Tree, of edition.Identity, err error) {
	info, err := os.Stat(c.Path)
	if err != nil {
		return nil, of, library.Explain(err)
	}
	of = edition.Of(info)
	if c.RecordID == "" {
		return nil, of, nil
	}
	whole, bad, err := c.Read()
	for _, b := range bad {
		r.fail(c, b.Dir, b.Err)
	}
	of.Size = 0
	for _, tree := range whole {
		of.Size += tree.Bytes
	}
	return whole, of, err
}

// take imports what is not here.
func (r *operatorRun) take(c sources.Source, whole []archive.Tree, of edition.Identity) error {
	t := r.importer.queue.Begin(c.ID())
	if t == nil {
		r.fail(c, c.At(whole), ErrBusy)
		return nil
	}
	defer t.Done()
	if err := r.enlist(c, of); err != nil {
		return err
	}
	job := r.importer.try(r.ctx, t, r.options.Force)
	r.report.add(c.At(whole), c.RecordID, job)
	quarantine := filepath.Join(r.importer.Config.Spool, edition.Quarantine)
	if job.State == store.JobDone && filepath.Dir(c.Path) == sources.Resolved(quarantine) {
		if err := r.endQuarantine(c.Path); err != nil {
			return err
		}
	}
	return r.ctx.Err()
}

// endQuarantine ends the quarantine of an archive that has been imported from there.
func (r *operatorRun) endQuarantine(path string) error {
	failed, err := r.importer.Index.Jobs(r.ctx, store.JobFilter{States: []store.JobState{store.JobFailed}})
	if err != nil {
		return err
	}
	for _, j := range failed {
		if sources.Resolved(j.Path) == path {
			return r.importer.DropJob(r.ctx, j.ID)
		}
	}
	return nil
}

// add notes what has become of a source.
func (r *Report) add(path, recordID string, job store.Job) {
	finding := record.Finding{Kind: record.Stuck, Path: path, RecordID: recordID, Text: job.Reason}
	switch job.State {
	case store.JobDone:
		r.Imported = append(r.Imported, job.Recordings...)
		return
	case store.JobDropped:
		finding.Kind = record.Skipped
		r.Skipped = append(r.Skipped, finding)
		return
	case store.JobWaiting, store.JobPlacing:
		finding.Text = "waits, and goes on by itself (bbbpool recording jobs): " + job.Reason
	case store.JobImporting, store.JobFailed:
	}
	r.Failed = append(r.Failed, finding)
}

// enlist makes the job of a source.
func (r *operatorRun) enlist(c sources.Source, of edition.Identity) error {
	_, err := r.importer.Index.UpdateJob(r.ctx, c.ID(), func(j *store.Job) error {
		if j.State == store.JobPlacing {
			return nil // goes on where it was
		}
		staging := j.Staging // tells whose it was
		*j = r.importer.newJob(c.ID(), c.Path, fromCommand, of)
		j.Staging = staging
		j.Keep, j.Tenant, j.Notify = true, r.options.Tenant, r.options.Notify
		if c.RecordID != "" {
			j.Recordings = []string{c.RecordID}
		}
		return nil
	})
	return err
}

// unchanged tells whether a source was imported before, is the same now, and is still here; or why nothing of it is
// wanted.
func (r *operatorRun) unchanged(c sources.Source, whole []archive.Tree) (same bool, why string, err error) {
	i, ctx := r.importer, r.ctx
	if r.options.Force {
		return false, "", nil
	}
	if c.RecordID != "" {
		return r.hasAll(c.RecordID, whole)
	}
	job, err := i.Index.Job(ctx, c.Path)
	if errors.Is(err, store.ErrNotFound) {
		return false, "", nil
	}
	info, missing := os.Stat(c.Path)
	if err != nil || missing != nil {
		return false, "", errors.Join(err, missing)
	}
	known := job.State == store.JobDone || job.State == store.JobDropped
	if !known || !edition.Of(info).Equal(edition.OfJob(job).Identity) || len(job.Recordings) == 0 {
		return false, "", nil
	}
	deleted := 0
	for _, id := range job.Recordings {
		known, err := i.Index.Recording(ctx, id)
		if err != nil {
			return false, "", store.Ignore(err, store.ErrNotFound)
		}
		if known.State == store.Deleted {
			deleted++
			continue
		}
		if whole, err := i.Files.Complete(known); !record.Here(&known) || !whole || err != nil {
			return false, "", err
		}
	}
	if deleted == len(job.Recordings) {
		return false, errDropped.Error(), nil
	}
	return deleted == 0 || job.State == store.JobDone, "", nil
}

// hasAll tells whether a recording in directories is here with every format, of the same size, or was deleted here.
func (r *operatorRun) hasAll(recordID string, whole []archive.Tree) (same bool, why string, err error) {
	known, err := r.importer.Index.Recording(r.ctx, recordID)
	if err == nil && known.State == store.Deleted {
		return false, errDropped.Error(), nil
	}
	if err != nil || !record.Here(&known) {
		return false, "", store.Ignore(err, store.ErrNotFound)
	}
	for _, tree := range whole {
		n := slices.IndexFunc(known.Formats, func(f store.Format) bool { return f.Type == tree.Format })
		if n < 0 || tree.Recording.Formats[0].Size != known.Formats[n].Size || tree.Bytes != known.Formats[n].Bytes {
			return false, "", nil
		}
	}
	same, err = r.importer.Files.Complete(known)
	return same, "", err
}
