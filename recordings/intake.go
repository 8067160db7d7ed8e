package recordings

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bbbpool/bbbpool/recordings/archive"
	"github.com/bbbpool/bbbpool/recordings/library"
	"github.com/bbbpool/bbbpool/store"
)

// ErrNothing is that there is nothing to import.
var ErrNothing = errors.New("no archive and no recording there")

// Import takes in what the operator names: an archive, a directory of archives, or one of recordings as BigBlueButton and
// Scalelite have them. All of it stays where it is. What lies in the library already is adopted there. What cannot be
// imported is named in the report, and the rest goes on; what is here already costs a look.
func (s *Service) Import(ctx context.Context, o ImportOptions, tell func(Progress)) (ImportReport, error) {
	report := ImportReport{Imported: []string{}, Failed: []Finding{}}
	if o.Tenant != "" {
		if _, err := s.Tenants.Tenant(ctx, o.Tenant); err != nil {
			return report, ErrNoTenant
		}
	}
	path, err := filepath.Abs(o.Path)
	if err == nil {
		path, err = filepath.EvalSymlinks(path)
	}
	if err != nil {
		return report, fmt.Errorf("%w: %w", ErrNothing, library.Explain(err))
	}
	ctx, done, err := s.work(ctx)
	if err != nil {
		return report, err
	}
	defer done()
	if s.inLibrary(path) {
		return s.importInPlace(ctx, o, report, tell)
	}
	if err := s.prepare(ctx); err != nil {
		return report, err
	}
	sources, seen, err := sourcesIn(path)
	if err != nil {
		return report, fmt.Errorf("%w: %w", ErrNothing, library.Explain(err))
	}
	if len(sources)+len(seen.failed)+len(seen.skipped) == 0 {
		return report, fmt.Errorf("%s: %w", path, ErrNothing)
	}
	report.Failed, report.Skipped = append(report.Failed, seen.failed...), seen.skipped
	i := &intake{Service: s, ctx: ctx, options: o, report: report, tell: tell}
	err = i.all(sources)
	return i.report, err
}

// inLibrary tells whether a directory is one of the library's, or in one.
func (s *Service) inLibrary(path string) bool {
	if path == resolved(s.Config.Root) {
		return true
	}
	for _, dir := range []string{s.Config.Published, s.Config.Unpublished, s.Config.Trash} {
		if within(resolved(dir), path) {
			return true
		}
	}
	return false
}

// resolved is where a path really is.
func resolved(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	return path
}

// importInPlace adopts what is in the library.
func (s *Service) importInPlace(
	ctx context.Context, o ImportOptions, report ImportReport, tell func(Progress),
) (ImportReport, error) {
	v := &verification{Service: s, ctx: ctx, options: VerifyOptions{Adopt: true}, adoption: o, tell: tell}
	err := v.run()
	report.Same = v.report.Recordings
	for _, f := range v.report.Findings {
		switch {
		case f.Kind == kindOrphan && f.Repaired:
			if n := len(report.Imported); n == 0 || report.Imported[n-1] != f.RecordID { // they are in order
				report.Imported = append(report.Imported, f.RecordID)
			}
		case f.Kind == kindOrphan, f.Kind == kindUnread, f.Kind == kindLeftover && f.RecordID != "":
			if _, why, found := strings.Cut(f.Text, notMended); found {
				f.Text = why // what verify finds is no news to whoever imports it
			}
			report.Failed = append(report.Failed, f)
		}
	}
	report.Same = max(0, report.Same-len(report.Imported))
	return report, err
}

// intake is one run of Import.
type intake struct {
	*Service
	ctx     context.Context //nolint:containedctx // one run, one context
	options ImportOptions
	report  ImportReport
	tell    func(Progress)
}

// all imports one source after the other. It ends early with the context, and where nothing can be imported any more.
func (i *intake) all(sources []source) error {
	for n, c := range sources {
		i.tell(Progress{Done: n, Total: len(sources), Current: cmp.Or(c.recordID, filepath.Base(c.path))})
		failed := len(i.report.Failed)
		if err := i.one(c); err != nil {
			return err
		}
		for _, f := range i.report.Failed[failed:] {
			i.tell(Progress{Done: n, Total: len(sources), Current: f.Path, Problem: f.Text})
		}
	}
	i.tell(Progress{Done: len(sources), Total: len(sources)})
	return nil
}

// one imports one source by a job of its own, so that what breaks off here goes on by itself. Its errors are those that
// everything behind it would have, too.
func (i *intake) one(c source) error {
	if err := i.ctx.Err(); err != nil {
		return err
	}
	if problem := i.Disk.Problem(); problem != "" {
		return fmt.Errorf("%w: %s", ErrVolume, problem)
	}
	of, size, err := i.look(c)
	if err != nil {
		i.fail(c, c.path, err)
		return i.ctx.Err()
	}
	if c.recordID != "" && len(of) == 0 {
		return nil // all that is wrong with it was said
	}
	same, why, err := i.unchanged(i.ctx, c, of, i.options.Force)
	switch {
	case err != nil:
		i.fail(c, c.path, err)
	case why != "":
		i.report.Skipped = append(i.report.Skipped, Finding{
			Kind: kindSkipped, Path: c.at(of), RecordID: c.recordID, Text: why,
		})
	case same:
		i.report.Same++
	default:
		return i.take(c, of, size)
	}
	return i.ctx.Err()
}

func (i *intake) fail(c source, path string, err error) {
	i.report.Failed = append(i.report.Failed, Finding{Kind: kindUnread, Path: path, RecordID: c.recordID, Text: err.Error()})
}

// at is where the first format of a recording lies, or the archive.
func (c source) at(of []archive.Tree) string {
	if len(of) == 0 {
		return c.path
	}
	return of[0].Dir
}

// look reads a source and notes what of it cannot be imported. Of archives it tells nothing but what they are.
func (i *intake) look(c source) (whole []archive.Tree, of identity, err error) {
	info, err := os.Stat(c.path)
	if err != nil {
		return nil, of, library.Explain(err)
	}
	of = identityOf(info)
	if c.recordID == "" {
		return nil, of, nil
	}
	whole, bad, err := c.read()
	for _, b := range bad {
		i.fail(c, b.dir, b.err)
	}
	of.size = 0
	for _, tree := range whole {
		of.size += tree.Bytes
	}
	return whole, of, err
}

// take imports what is not here.
func (i *intake) take(c source, whole []archive.Tree, of identity) error {
	a := i.queue.begin(c.id())
	if a == nil {
		i.fail(c, c.at(whole), ErrBusy)
		return nil
	}
	defer a.done()
	if err := i.enlist(i.ctx, c, i.options, of); err != nil {
		return err
	}
	job := i.try(i.ctx, a, i.options.Force)
	i.report.add(c.at(whole), c.recordID, job)
	if job.State == store.JobDone && filepath.Dir(c.path) == resolved(filepath.Join(i.Config.Spool, quarantine)) {
		if err := i.release(i.ctx, c.path); err != nil {
			return err
		}
	}
	return i.ctx.Err()
}

// release ends the quarantine of an archive that has been imported from there.
func (s *Service) release(ctx context.Context, path string) error {
	failed, err := s.Index.Jobs(ctx, store.JobFilter{States: []store.JobState{store.JobFailed}})
	if err != nil {
		return err
	}
	for _, j := range failed {
		if resolved(j.Path) == path {
			return s.DropJob(ctx, j.ID)
		}
	}
	return nil
}

// add notes what has become of a source.
func (r *ImportReport) add(path, recordID string, job store.Job) {
	finding := Finding{Kind: kindStuck, Path: path, RecordID: recordID, Text: job.Reason}
	switch job.State {
	case store.JobDone:
		r.Imported = append(r.Imported, job.Recordings...)
		return
	case store.JobDropped:
		finding.Kind = kindSkipped
		r.Skipped = append(r.Skipped, finding)
		return
	case store.JobWaiting, store.JobPlacing:
		finding.Text = "waits, and goes on by itself (bbbpool recording jobs): " + job.Reason
	case store.JobImporting, store.JobFailed:
	}
	r.Failed = append(r.Failed, finding)
}

// enlist makes the job of a source.
func (s *Service) enlist(ctx context.Context, c source, o ImportOptions, of identity) error {
	_, err := s.Index.UpdateJob(ctx, c.id(), func(j *store.Job) error {
		if j.State == store.JobPlacing {
			return nil // goes on where it was
		}
		*j = s.newJob(c.id(), c.path, fromCommand, of)
		j.Keep, j.Tenant = true, o.Tenant
		if c.recordID != "" {
			j.Recordings = []string{c.recordID}
		}
		return nil
	})
	return err
}

// unchanged tells whether a source was imported before, is the same now, and is still here; or why nothing of it is
// wanted.
func (s *Service) unchanged(
	ctx context.Context, c source, whole []archive.Tree, force bool,
) (same bool, why string, err error) {
	if force {
		return false, "", nil
	}
	if c.recordID != "" {
		return s.hasAll(ctx, c.recordID, whole)
	}
	job, err := s.Index.Job(ctx, c.path)
	if errors.Is(err, store.ErrNotFound) {
		return false, "", nil
	}
	info, missing := os.Stat(c.path)
	if err != nil || missing != nil {
		return false, "", errors.Join(err, missing)
	}
	known := job.State == store.JobDone || job.State == store.JobDropped
	if !known || !identityOf(info).is(job) || len(job.Recordings) == 0 {
		return false, "", nil
	}
	deleted := 0
	for _, id := range job.Recordings {
		r, err := s.Index.Recording(ctx, id)
		if err != nil {
			return false, "", store.Ignore(err, store.ErrNotFound)
		}
		if r.State == store.Deleted {
			deleted++
			continue
		}
		if whole, err := s.hasFiles(r); !here(&r) || !whole || err != nil {
			return false, "", err
		}
	}
	if deleted == len(job.Recordings) {
		return false, errDropped.Error(), nil
	}
	return deleted == 0 || job.State == store.JobDone, "", nil
}

// hasFiles tells whether all formats of a recording are on the disk.
func (s *Service) hasFiles(r store.Recording) (bool, error) {
	places, err := s.Library.Formats(r.RecordID)
	if err != nil {
		return false, err
	}
	return !slices.ContainsFunc(r.Formats, func(f store.Format) bool { return !inPlace(places, f.Type) }), nil
}

// hasAll tells whether a recording in directories is here with every format, of the same size, or was deleted here.
func (s *Service) hasAll(ctx context.Context, recordID string, whole []archive.Tree) (same bool, why string, err error) {
	r, err := s.Index.Recording(ctx, recordID)
	if err == nil && r.State == store.Deleted {
		return false, errDropped.Error(), nil
	}
	if err != nil || !here(&r) {
		return false, "", store.Ignore(err, store.ErrNotFound)
	}
	for _, tree := range whole {
		i := slices.IndexFunc(r.Formats, func(f store.Format) bool { return f.Type == tree.Format })
		if i < 0 || tree.Recording.Formats[0].Size != r.Formats[i].Size || tree.Bytes != r.Formats[i].Bytes {
			return false, "", nil
		}
	}
	same, err = s.hasFiles(r)
	return same, "", err
}
