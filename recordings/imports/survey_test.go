package imports_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/recordings/imports"
	"github.com/bbbpool/bbbpool/store"
)

// found looks through a directory, and tells the sources as paths below it, and what is not imported.
func found(t *testing.T, dir string) (sources, failed, skipped []string) {
	t.Helper()
	list, s, err := imports.SourcesIn(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		sources = append(sources, strings.TrimPrefix(strings.TrimPrefix(c.ID(), dir), "/"))
	}
	return sources, s.Failed(), s.Skipped()
}

// Archives and recordings are found wherever they lie, each once, and what is no import is told where somebody would wonder.
func TestSurvey(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
	id := recordID(1)
	tree(t, in("published"), id, "presentation", "video")
	tree(t, in("unpublished"), recordID(2), "video")
	write(t, in("spool/a.tar"), nil)
	write(t, in("spool/b.tar.gz"), nil)
	write(t, in("spool/c.zip"), nil)
	write(t, in("spool/notes.txt"), nil)
	write(t, in(".hidden/d.tar"), nil)
	write(t, in("deleted/e.tar"), nil)
	write(t, in("quarantine/f.tar"), nil)
	write(t, in("1/2/3/4/5/6/7/g.tar"), nil)
	write(t, in("named.tar/x"), nil)
	write(t, in("published/video/"+recordID(3)+"/media.txt"), nil)
	sources, failed, skipped := found(t, dir)
	want := []string{"published#" + id, "spool/a.tar", "spool/b.tar.gz", "unpublished#" + recordID(2)}
	if diff := cmp.Diff(want, sources); diff != "" {
		t.Errorf("sources (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"named.tar is a directory with the name of an archive"}, failed); diff != "" {
		t.Errorf("failed (-want +got):\n%s", diff)
	}
	slices.Sort(skipped)
	if diff := cmp.Diff([]string{
		recordID(3) + " has no metadata.xml: it was not published, or is broken",
		"7 lies too deep: name it to import it",
		"c.zip is packed as .zip, which bbbpool does not read: want .tar, .tar.gz, .tgz or .tar.zst",
		"deleted what lies in directories of this name was thrown away: name it to import it",
		"quarantine what lies in directories of this name was thrown away: name it to import it",
	}, skipped); diff != "" {
		t.Errorf("skipped (-want +got):\n%s", diff)
	}
}

// A path can be an archive, whatever its name, or the directory of a recording itself.
func TestSurvey_Itself(t *testing.T) {
	dir := t.TempDir()
	id := recordID(1)
	tree(t, dir, id, "video")
	write(t, filepath.Join(dir, "a.dat"), nil)
	for path, want := range map[string]string{"a.dat": "", "video/" + id: id} {
		list, _, err := imports.SourcesIn(filepath.Join(dir, path))
		if err != nil || len(list) != 1 || list[0].RecordID() != want {
			t.Errorf("%s: %v %v", path, list, err)
		}
	}
	if list, _, err := imports.SourcesIn(filepath.Join(dir, "video", id)); err != nil || list[0].Path() != dir {
		t.Errorf("%v %v", list, err)
	}
	if _, _, err := imports.SourcesIn(filepath.Join(dir, "none")); err == nil {
		t.Error("what is not there was found")
	}
}

// A path is within a directory by whole names, and links are looked through.
func TestWithin(t *testing.T) {
	for _, c := range []struct {
		dir, path string
		want      bool
	}{
		{"/a", "/a", true}, {"/a", "/a/b", true}, {"/a", "/ab", false}, {"/a/b", "/a", false}, {"/", "/a", true}, {"/a/", "/a/b", true},
	} {
		if got := imports.Within(c.dir, c.path); got != c.want {
			t.Errorf("%s in %s: %t", c.path, c.dir, got)
		}
	}
	dir := imports.Resolved(t.TempDir())
	if err := os.Symlink(dir, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if got := imports.Resolved(filepath.Join(dir, "link")); got != dir {
		t.Errorf("%s leads to %s", dir, got)
	}
	if got := imports.Resolved("/none/there"); got != "/none/there" {
		t.Error(got)
	}
	if _, err := imports.Locate(filepath.Join(dir, "none")); err == nil || !strings.HasPrefix(err.Error(), imports.ErrNothing.Error()) {
		t.Errorf("of nothing: %v", err)
	}
}

// What is imported is new, the same, or not wanted; the report tells which, and each archive stays where it is.
func TestImport_Again(t *testing.T) {
	r, dir := newRig(t), t.TempDir()
	id := recordID(1)
	tree(t, dir, id, "video")
	write(t, filepath.Join(dir, "a.tar"), pack(t, recordID(2), "presentation"))
	write(t, filepath.Join(dir, "bad.tar"), []byte("no archive"))
	report := r.take(t, imports.Options{Path: dir})
	slices.Sort(report.Imported)
	if !slices.Equal(report.Imported, []string{id, recordID(2)}) || len(report.Failed) != 1 || report.Same != 0 {
		t.Errorf("first: %+v", report)
	}
	if len(names(t, dir)) != 3 {
		t.Errorf("left: %v", names(t, dir))
	}
	if report = r.take(t, imports.Options{Path: dir}); report.Same != 2 || len(report.Imported) != 0 {
		t.Errorf("again: %+v", report)
	}
	if report = r.take(t, imports.Options{Path: dir, Force: true}); report.Same != 0 || len(report.Imported) != 2 {
		t.Errorf("by force: %+v", report)
	}
	for _, gone := range []string{id, recordID(2)} {
		if _, err := r.db.UpdateRecording(t.Context(), "default", gone, func(r *store.Recording) error {
			r.State, r.Formats = store.Deleted, nil
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	report = r.take(t, imports.Options{Path: dir})
	if len(report.Imported) != 0 || len(report.Skipped) != 2 || !strings.Contains(report.Skipped[0].Text, "was deleted here") {
		t.Errorf("deleted: %+v", report)
	}
}

// What an import cannot finish is said in its report, and goes on by itself.
func TestImport_Waits(t *testing.T) {
	r, dir := newRig(t), t.TempDir()
	path := filepath.Join(dir, "a.tar")
	write(t, path, pack(t, recordID(1), "video"))
	r.disk.set("", 1)
	report := r.take(t, imports.Options{Path: path})
	const want = "waits, and goes on by itself (bbbpool recording jobs): "
	if len(report.Failed) != 1 || report.Failed[0].Kind != "stuck" || !strings.HasPrefix(report.Failed[0].Text, want) {
		t.Errorf("%+v", report)
	}
	if j := r.job(t, path); j.State != store.JobWaiting || j.Attempts != 0 || !j.Keep {
		t.Errorf("%+v", j)
	}
	r.disk.set("published is full", 0)
	if _, err := r.Import(t.Context(), path, imports.Options{}, nil); err == nil || !strings.HasSuffix(err.Error(), "published is full") {
		t.Errorf("on a disk with a problem: %v", err)
	}
	r.disk.set("", 0)
	if _, err := r.Import(t.Context(), t.TempDir(), imports.Options{}, nil); err == nil || !strings.Contains(err.Error(), imports.ErrNothing.Error()) {
		t.Errorf("of nothing: %v", err)
	}
	if _, err := r.Import(t.Context(), filepath.Join(dir, "none"), imports.Options{}, nil); err == nil {
		t.Error("of what is not there")
	}
}

// An archive that is imported from quarantine leaves it.
func TestImport_FromQuarantine(t *testing.T) {
	r := newRig(t)
	r.run(t)
	id := recordID(1)
	good := pack(t, id, "video")
	r.drop(t, id+".tar", broken(good))
	eventually(t, "it is in quarantine", func() bool {
		j := r.job(t, id+".tar")
		return j.State == store.JobFailed && content(t, j.Path) != "" && filepath.Base(filepath.Dir(j.Path)) == "quarantine"
	})
	path := r.job(t, id+".tar").Path
	if paths, err := r.Quarantined(); err != nil || !slices.Equal(paths, []string{path}) {
		t.Errorf("%v %v", paths, err)
	}
	write(t, path, good)
	j := known(t, id+".tar", path)
	if _, err := r.db.UpdateJob(t.Context(), id+".tar", func(job *store.Job) error {
		job.Bytes, job.Modified = j.Bytes, j.Modified
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if report := r.take(t, imports.Options{Path: path}); !slices.Equal(report.Imported, []string{id}) {
		t.Errorf("%+v", report)
	}
	if r.job(t, id+".tar").State != "" || content(t, path) != "" {
		t.Errorf("still there: %+v", r.job(t, id+".tar"))
	}
}

// A recording in directories that holds more than it may is not imported, and one bad format does not take the others along.
func TestImport_Directories(t *testing.T) {
	r, dir := newRig(t), t.TempDir()
	id := recordID(1)
	tree(t, dir, id, "video")
	write(t, filepath.Join(dir, "podcast", id, "metadata.xml"), []byte("<recording"))
	report := r.take(t, imports.Options{Path: dir})
	if !slices.Equal(report.Imported, []string{id}) || len(report.Failed) != 1 || !strings.Contains(report.Failed[0].Path, "podcast") {
		t.Errorf("%+v", report)
	}

	many := t.TempDir()
	tree(t, many, recordID(2), "video")
	r.Config.MaxFiles = 1
	report = r.take(t, imports.Options{Path: many})
	if len(report.Failed) != 1 || !strings.Contains(report.Failed[0].Text, "has more files than --max-recording-files") {
		t.Errorf("too many files: %+v", report)
	}
	r.Config.MaxFiles, r.Config.MaxBytes = 1000, 10
	report = r.take(t, imports.Options{Path: many})
	if len(report.Failed) != 1 || !strings.Contains(report.Failed[0].Text, "makes it more than 10 bytes") {
		t.Errorf("too large: %+v", report)
	}
}
