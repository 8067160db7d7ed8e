package sources_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/recordings/imports/sources"
	"github.com/bbbpool/bbbpool/recordings/record"
)

// recordID makes an ID in BigBlueButton's form.
func recordID(n int) string { return fmt.Sprintf("%040x-%013d", n, 1_760_000_000_000+int64(n)) }

// tree lays out a recording in directories, as BigBlueButton has it.
func tree(t *testing.T, dir, id string, formats ...string) {
	t.Helper()
	for _, format := range formats {
		write(t, filepath.Join(dir, format, id, "metadata.xml"), nil)
	}
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o750), os.WriteFile(path, content, 0o600)); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, target, path string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o750), os.Symlink(target, path)); err != nil {
		t.Fatal(err)
	}
}

// texts say where something is, and what is the matter with it.
func texts(list []record.Finding) (all []string) {
	for _, f := range list {
		all = append(all, filepath.Base(f.Path)+" "+f.Text)
	}
	return all
}

// found looks through a directory, and tells the sources as paths below it, and what is not imported.
func found(t *testing.T, dir string) (list, failed, skipped []string) {
	t.Helper()
	s, err := sources.In(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range s.Sources {
		list = append(list, strings.TrimPrefix(strings.TrimPrefix(c.ID(), dir), "/"))
	}
	return list, texts(s.Failed), texts(s.Skipped)
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
	list, failed, skipped := found(t, dir)
	want := []string{"published#" + id, "spool/a.tar", "spool/b.tar.gz", "unpublished#" + recordID(2)}
	if diff := cmp.Diff(want, list); diff != "" {
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
		found, err := sources.In(filepath.Join(dir, path))
		if err != nil || len(found.Sources) != 1 || found.Sources[0].RecordID != want {
			t.Errorf("%s: %v %v", path, found, err)
		}
	}
	if found, err := sources.In(filepath.Join(dir, "video", id)); err != nil || found.Sources[0].Path != dir {
		t.Errorf("%v %v", found, err)
	}
	if _, err := sources.In(filepath.Join(dir, "none")); err == nil {
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
		if got := sources.Within(c.dir, c.path); got != c.want {
			t.Errorf("%s in %s: %t", c.path, c.dir, got)
		}
	}
	dir := sources.Resolved(t.TempDir())
	if err := os.Symlink(dir, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if got := sources.Resolved(filepath.Join(dir, "link")); got != dir {
		t.Errorf("%s leads to %s", dir, got)
	}
	if got := sources.Resolved("/none/there"); got != "/none/there" {
		t.Error(got)
	}
}

// What lies behind links is found as if it lay there, once, and not far behind them; links that lead in a circle, or nowhere,
// are told.
func TestSurvey_Links(t *testing.T) {
	dir, outside := sources.Resolved(t.TempDir()), sources.Resolved(t.TempDir())
	in := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
	out := func(name string) string { return filepath.Join(outside, filepath.FromSlash(name)) }
	tree(t, out("old/published"), recordID(1), "video")
	write(t, out("old/published/video/1/2/3/deep.tar"), nil)
	write(t, out("film.tar"), nil)
	write(t, out("film.zip"), nil)
	tree(t, in("here"), recordID(2), "video")
	link(t, out("old"), in("linked"))
	link(t, out("old/published"), in("linked-again"))
	link(t, out("film.tar"), in("a.tar"))
	link(t, out("film.zip"), in("b.zip"))
	link(t, dir, in("loop"))
	link(t, in("here"), in("there"))
	link(t, filepath.Dir(dir), in("up"))
	link(t, out("none"), in("No format/nowhere"))
	link(t, out("none.tar"), in("nowhere.tar"))
	link(t, out("none"), in("here/video/"+recordID(3)))
	list, failed, skipped := found(t, dir)
	if diff := cmp.Diff([]string{"a.tar", "here#" + recordID(2), "linked/published#" + recordID(1)}, list); diff != "" {
		t.Errorf("sources (-want +got):\n%s", diff)
	}
	slices.Sort(failed)
	if diff := cmp.Diff([]string{recordID(3) + " is a link that leads nowhere", "nowhere.tar is a link that leads nowhere"}, failed); diff != "" {
		t.Errorf("failed (-want +got):\n%s", diff)
	}
	slices.Sort(skipped)
	if diff := cmp.Diff([]string{
		"2 lies too deep: name it to import it",
		"b.zip is packed as .zip, which bbbpool does not read: want .tar, .tar.gz, .tgz or .tar.zst",
		"up is a link to what this lies in",
	}, skipped); diff != "" {
		t.Errorf("skipped (-want +got):\n%s", diff)
	}
}
