package recordings

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bbbpool/bbbpool/recordings/archive"
	"github.com/bbbpool/bbbpool/recordings/library"
	"github.com/bbbpool/bbbpool/store"
)

// maxDepth is how deep archives and recordings may lie below a directory that is imported.
const maxDepth = 6

// ErrNothing is that there is nothing to import.
var ErrNothing = errors.New("no archive and no recording there")

// source is something to import: an archive, or a recording in directories.
type source struct {
	path     string // of the archive, or of the directory that holds <format>/<recordID>
	recordID string // "" for an archive
}

func (c source) id() string {
	if c.recordID == "" {
		return c.path
	}
	return c.path + "#" + c.recordID
}

// Import takes in what the operator names: an archive, a directory of archives, or one of recordings as BigBlueButton and
// Scalelite have them. All of it stays where it is. What lies in the library already is adopted there.
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
	sources, err := sourcesIn(path)
	if err != nil {
		return report, fmt.Errorf("%w: %w", ErrNothing, library.Explain(err))
	}
	if len(sources) == 0 {
		return report, fmt.Errorf("%s: %w", path, ErrNothing)
	}
	for i, c := range sources {
		tell(Progress{Done: i, Total: len(sources), Current: cmp.Or(c.recordID, filepath.Base(c.path))})
		if err := s.importOne(ctx, c, o, &report); err != nil {
			return report, err
		}
		if n := len(report.Failed); n > 0 && report.Failed[n-1].Path == c.path {
			tell(Progress{Done: i, Total: len(sources), Current: c.id(), Problem: report.Failed[n-1].Text})
		}
	}
	tell(Progress{Done: len(sources), Total: len(sources)})
	return report, nil
}

// inLibrary tells whether a directory is one of the library's, or in one.
func (s *Service) inLibrary(path string) bool {
	if path == resolved(s.Config.Root) {
		return true
	}
	for _, dir := range []string{s.Config.Published, s.Config.Unpublished, s.Config.Trash} {
		if dir = resolved(dir); path == dir || strings.HasPrefix(path, dir+string(filepath.Separator)) {
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
		case f.Kind == kindOrphan, f.Kind == kindLeftover && f.RecordID != "":
			report.Failed = append(report.Failed, f)
		}
	}
	report.Same = max(0, report.Same-len(report.Imported))
	return report, err
}

// importOne imports one source by a job of its own, so that what breaks off here goes on by itself.
func (s *Service) importOne(ctx context.Context, c source, o ImportOptions, report *ImportReport) error {
	id := c.id()
	same, err := s.unchanged(ctx, c, o.Force)
	if err != nil {
		report.Failed = append(report.Failed, Finding{Kind: kindUnread, Path: c.path, RecordID: c.recordID, Text: err.Error()})
		return ctx.Err()
	}
	if same {
		report.Same++
		return nil
	}
	a := s.queue.begin(id)
	if a == nil {
		return fmt.Errorf("%s: %w", id, ErrBusy)
	}
	defer a.done()
	if err := s.enlist(ctx, c, o); err != nil {
		return err
	}
	job := s.try(ctx, a, o.Force)
	report.add(c, job)
	if job.State == store.JobDone && filepath.Dir(c.path) == resolved(filepath.Join(s.Config.Spool, quarantine)) {
		if err := s.release(ctx, c.path); err != nil {
			return err
		}
	}
	return ctx.Err()
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
func (r *ImportReport) add(c source, job store.Job) {
	if job.State == store.JobDone {
		r.Imported = append(r.Imported, job.Recordings...)
		return
	}
	text := job.Reason
	if job.State == store.JobWaiting || job.State == store.JobPlacing {
		text = "waits, and goes on by itself (bbbpool recording jobs): " + text
	}
	r.Failed = append(r.Failed, Finding{Kind: kindStuck, Path: c.path, RecordID: c.recordID, Text: text})
}

// enlist makes the job of a source.
func (s *Service) enlist(ctx context.Context, c source, o ImportOptions) error {
	info, err := os.Stat(c.path)
	if err != nil {
		return library.Explain(err)
	}
	id := identityOf(info)
	if c.recordID != "" {
		if id.size, err = sizeOf(c); err != nil {
			return err
		}
	}
	_, err = s.Index.UpdateJob(ctx, c.id(), func(j *store.Job) error {
		if j.State == store.JobPlacing {
			return nil // goes on where it was
		}
		*j = s.newJob(c.id(), c.path, fromCommand, id)
		j.Keep, j.Tenant = true, o.Tenant
		if c.recordID != "" {
			j.Recordings = []string{c.recordID}
		}
		return nil
	})
	return err
}

// sizeOf is how many bytes a recording in directories has.
func sizeOf(c source) (bytes int64, err error) {
	dirs, err := formatDirs(c.path, c.recordID)
	for _, dir := range dirs {
		tree, err := archive.Read(dir)
		if err != nil {
			return 0, err
		}
		bytes += tree.Bytes
	}
	return bytes, err
}

// unchanged tells whether a source was imported before, is the same now, and is still here.
func (s *Service) unchanged(ctx context.Context, c source, force bool) (bool, error) {
	if force {
		return false, nil
	}
	if c.recordID != "" {
		return s.hasAll(ctx, c)
	}
	job, err := s.Index.Job(ctx, c.path)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	info, missing := os.Stat(c.path)
	if err != nil || missing != nil {
		return false, errors.Join(err, missing)
	}
	if job.State != store.JobDone || !identityOf(info).is(job) {
		return false, nil
	}
	for _, id := range job.Recordings {
		r, err := s.Index.Recording(ctx, id)
		if err != nil || !here(&r) {
			return false, ignoreMissing(err)
		}
		if whole, err := s.hasFiles(r); !whole || err != nil {
			return false, err
		}
	}
	return true, nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// hasFiles tells whether all formats of a recording are on the disk.
func (s *Service) hasFiles(r store.Recording) (bool, error) {
	places, err := s.Library.Formats(r.RecordID)
	if err != nil {
		return false, err
	}
	return !slices.ContainsFunc(r.Formats, func(f store.Format) bool { return !inPlace(places, f.Type) }), nil
}

// hasAll tells whether the recording in a source is here with every format, of the same size.
func (s *Service) hasAll(ctx context.Context, c source) (bool, error) {
	r, err := s.Index.Recording(ctx, c.recordID)
	if err != nil || !here(&r) {
		return false, ignoreMissing(err)
	}
	dirs, err := formatDirs(c.path, c.recordID)
	if err != nil {
		return false, err
	}
	for _, dir := range dirs {
		format := filepath.Base(filepath.Dir(dir))
		i := slices.IndexFunc(r.Formats, func(f store.Format) bool { return f.Type == format })
		if i < 0 {
			return false, nil
		}
		tree, err := archive.Read(dir)
		if err != nil {
			return false, err
		}
		if tree.Recording.Formats[0].Size != r.Formats[i].Size || tree.Bytes != r.Formats[i].Bytes {
			return false, nil
		}
	}
	return s.hasFiles(r)
}

// formatDirs are the directories of a recording's formats below a directory, whatever that is called.
func formatDirs(path, recordID string) ([]string, error) {
	itself := strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
	return filepath.Glob(filepath.Join(itself, "*", recordID))
}

// sourcesIn finds what there is to import at a path, in the order of the paths.
func sourcesIn(path string) (list []source, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []source{{path: path}}, nil
	}
	if c, ok := recordingAt(path); ok {
		return []source{c}, nil
	}
	seen := map[source]bool{}
	err = filepath.WalkDir(path, func(at string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			return descend(path, at, seen)
		}
		if e.Type().IsRegular() && isArchive(e.Name()) {
			seen[source{path: at}] = true
		}
		return nil
	})
	for c := range seen {
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b source) int {
		return cmp.Or(strings.Compare(a.path, b.path), strings.Compare(a.recordID, b.recordID))
	})
	return list, err
}

// descend notes a recording, or lets the search go on below a directory.
func descend(root, at string, seen map[source]bool) error {
	if c, ok := recordingAt(at); ok {
		seen[c] = true
		return fs.SkipDir
	}
	rel, err := filepath.Rel(root, at)
	if err != nil {
		return err
	}
	name := filepath.Base(at)
	deleted := name == "deleted" || name == quarantine || strings.HasPrefix(name, ".")
	if at != root && (deleted || strings.Count(rel, string(filepath.Separator)) >= maxDepth) {
		return fs.SkipDir
	}
	return nil
}

// recordingAt tells whether a directory is <format>/<recordID> of a recording.
func recordingAt(dir string) (source, bool) {
	id, format := filepath.Base(dir), filepath.Base(filepath.Dir(dir))
	if !library.ValidID(id) || !library.ValidFormat(format) {
		return source{}, false
	}
	if info, err := os.Lstat(filepath.Join(dir, "metadata.xml")); err != nil || !info.Mode().IsRegular() {
		return source{}, false
	}
	return source{path: filepath.Dir(filepath.Dir(dir)), recordID: id}, true
}
