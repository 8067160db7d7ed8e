package edition_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/recordings/imports/edition"
)

// lying writes an archive into a directory and returns it as it lies there.
func lying(t *testing.T, dir, name, content string) edition.File {
	t.Helper()
	path := filepath.Join(dir, name)
	write(t, path, content)
	return known(t, name, path)
}

// known is what lies at a path now, as the archive of a job.
func known(t *testing.T, id, path string) edition.File {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return edition.File{Identity: edition.Of(info), Job: id, Path: path}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o750), os.WriteFile(path, []byte(content), 0o600)); err != nil {
		t.Fatal(err)
	}
}

// names are the files in a directory, hidden ones included.
func names(t *testing.T, dir string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func content(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return string(text)
}

// An archive is removed while it is the one that the job was made for, and no other; that it is gone is no error.
func TestFile_Remove(t *testing.T) {
	dir := t.TempDir()
	old := lying(t, dir, "a.tar", "old")
	write(t, old.Path, "a newer edition")
	if err := old.Remove(); err != nil || content(t, old.Path) != "a newer edition" {
		t.Errorf("%v: %q", err, content(t, old.Path))
	}
	old = known(t, "a.tar", old.Path)
	for range 2 {
		if err := old.Remove(); err != nil || len(names(t, dir)) != 0 {
			t.Errorf("%v: %v", err, names(t, dir))
		}
	}
}

// A crash after an archive was moved aside loses nothing: it is removed the next time, or given back if it is another one.
func TestFile_Aside(t *testing.T) {
	dir := t.TempDir()
	old := lying(t, dir, "a.tar", "old")
	if err := os.Rename(old.Path, old.Aside()); err != nil {
		t.Fatal(err)
	}
	write(t, old.Path, "a newer edition") // that has come meanwhile
	if err := old.Remove(); err != nil || !slices.Equal(names(t, dir), []string{"a.tar"}) {
		t.Errorf("%v: %v", err, names(t, dir))
	}

	write(t, old.Aside(), "some other one")
	if err := old.Remove(); err != nil {
		t.Error(err)
	}
	if got := names(t, dir); !slices.Equal(got, []string{"a-again2.tar", "a.tar"}) || content(t, filepath.Join(dir, got[0])) != "some other one" {
		t.Errorf("not given back: %v", got)
	}
}

// An archive goes to quarantine without taking anybody's place there.
func TestFile_MoveTo(t *testing.T) {
	dir := t.TempDir()
	old := lying(t, dir, "a.tar", "bad")
	to := filepath.Join(dir, "quarantine", "a.tar")
	write(t, to, "another one")
	if err := old.MoveTo(old.Path); err != nil {
		t.Errorf("to where it is: %v", err)
	}
	if err := old.MoveTo(to); !errors.Is(err, fs.ErrExist) || content(t, old.Path) != "bad" || content(t, to) != "another one" {
		t.Errorf("to a name that is taken: %v", err)
	}
	free := filepath.Join(dir, "quarantine", "a-again2.tar")
	for range 2 { // the second time it is there already
		if err := old.MoveTo(free); err != nil || content(t, free) != "bad" || content(t, old.Path) != "" {
			t.Errorf("%v", err)
		}
	}
}

// Archives of one name lie beside each other under names that still begin with the record ID.
func TestFreeNames(t *testing.T) {
	got := edition.FreeNames("/spool/abc.TAR.gz")
	if len(got) != 100 || got[0] != "/spool/abc.TAR.gz" || got[1] != "/spool/abc-again2.TAR.gz" || got[99] != "/spool/abc-again100.TAR.gz" {
		t.Errorf("%d: %v", len(got), got[:2])
	}
	if got := edition.FreeNames("/spool/abc"); !slices.Equal(got, []string{"/spool/abc"}) {
		t.Errorf("of what is no archive: %v", got)
	}
}

// A file is renamed to a name that nobody has, in one step or after a look.
func TestRenameFresh(t *testing.T) {
	for name, rename := range map[string]func(from, to string) error{
		"fresh": edition.RenameFresh, "looked": edition.RenameLooked,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			a, b, c := filepath.Join(dir, "a"), filepath.Join(dir, "b"), filepath.Join(dir, "c")
			write(t, a, "a")
			write(t, b, "b")
			if err := rename(a, b); !errors.Is(err, fs.ErrExist) || content(t, b) != "b" {
				t.Errorf("taken: %v", err)
			}
			if err := rename(a, c); err != nil || content(t, c) != "a" {
				t.Errorf("free: %v", err)
			}
			if err := rename(a, filepath.Join(dir, "d")); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("gone: %v", err)
			}
		})
	}
}

// modes are kinds of files by their letters.
var modes = map[string]fs.FileMode{"d": fs.ModeDir, "L": fs.ModeSymlink, "p": fs.ModeNamedPipe}

// What lies in the spool and nothing takes has a reason; what is taken, or nobody's business, has none.
func TestUnwanted(t *testing.T) {
	for name, want := range map[string]string{
		"a.tar": "", "a.TAR.GZ": "", "a.tgz": "", "a.tar.zst": "", ".hidden": "", ".taken.0a1b.a.tar": "",
		"a.zip":    "is packed as .zip, which bbbpool does not read: want .tar, .tar.gz, .tgz or .tar.zst",
		"a.tar.xz": "is packed as .xz, which bbbpool does not read: want .tar, .tar.gz, .tgz or .tar.zst",
		"readme":   "has not the name of an archive: want .tar, .tar.gz, .tgz or .tar.zst",
	} {
		if got := edition.Unwanted(name, 0); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	for _, c := range []struct{ name, kind, want string }{
		{"quarantine", "d", ""},
		{"lost+found", "d", ""},
		{"a.tar", "d", "is a directory"},
		{"a.tar", "L", "is a link"},
		{"a.tar", "p", "is no file"},
	} {
		if got := edition.Unwanted(c.name, modes[c.kind]); !strings.HasPrefix(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%s %s: %q", c.kind, c.name, got)
		}
	}
}
