package imports_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/recordings/imports"
	"github.com/bbbpool/bbbpool/store"
)

// lying writes an archive into a directory and returns the job that was made for it.
func lying(t *testing.T, dir, name, content string) store.Job {
	t.Helper()
	path := filepath.Join(dir, name)
	write(t, path, []byte(content))
	return known(t, name, path)
}

// known is a job for what lies at a path now.
func known(t *testing.T, id, path string) store.Job {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return imports.Identity(store.Job{ID: id, Path: path}, info.Size(), info.ModTime().UTC())
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
func TestArchiveFile_Remove(t *testing.T) {
	dir := t.TempDir()
	job := lying(t, dir, "a.tar", "old")
	write(t, job.Path, []byte("a newer edition"))
	if err := imports.Removed(job); err != nil || content(t, job.Path) != "a newer edition" {
		t.Errorf("%v: %q", err, content(t, job.Path))
	}
	job = known(t, "a.tar", job.Path)
	for range 2 {
		if err := imports.Removed(job); err != nil || len(names(t, dir)) != 0 {
			t.Errorf("%v: %v", err, names(t, dir))
		}
	}
}

// A crash after an archive was moved aside loses nothing: it is removed the next time, or given back if it is another one.
func TestArchiveFile_Aside(t *testing.T) {
	dir := t.TempDir()
	job := lying(t, dir, "a.tar", "old")
	if err := os.Rename(job.Path, imports.Aside(job)); err != nil {
		t.Fatal(err)
	}
	write(t, job.Path, []byte("a newer edition")) // that has come meanwhile
	if err := imports.Removed(job); err != nil || !slices.Equal(names(t, dir), []string{"a.tar"}) {
		t.Errorf("%v: %v", err, names(t, dir))
	}

	write(t, imports.Aside(job), []byte("some other one"))
	if err := imports.Removed(job); err != nil {
		t.Error(err)
	}
	if got := names(t, dir); !slices.Equal(got, []string{"a-again2.tar", "a.tar"}) || content(t, filepath.Join(dir, got[0])) != "some other one" {
		t.Errorf("not given back: %v", got)
	}
}

// An archive goes to quarantine without taking anybody's place there.
func TestArchiveFile_MoveTo(t *testing.T) {
	dir := t.TempDir()
	job := lying(t, dir, "a.tar", "bad")
	to := filepath.Join(dir, "quarantine", "a.tar")
	write(t, to, []byte("another one"))
	if err := imports.MovedTo(job, job.Path); err != nil {
		t.Errorf("to where it is: %v", err)
	}
	if err := imports.MovedTo(job, to); !errors.Is(err, fs.ErrExist) || content(t, job.Path) != "bad" || content(t, to) != "another one" {
		t.Errorf("to a name that is taken: %v", err)
	}
	free := filepath.Join(dir, "quarantine", "a-again2.tar")
	for range 2 { // the second time it is there already
		if err := imports.MovedTo(job, free); err != nil || content(t, free) != "bad" || content(t, job.Path) != "" {
			t.Errorf("%v", err)
		}
	}
}

// Archives of one name lie beside each other under names that still begin with the record ID.
func TestFreeNames(t *testing.T) {
	got := imports.FreeNames("/spool/abc.TAR.gz")
	if len(got) != 100 || got[0] != "/spool/abc.TAR.gz" || got[1] != "/spool/abc-again2.TAR.gz" || got[99] != "/spool/abc-again100.TAR.gz" {
		t.Errorf("%d: %v", len(got), got[:2])
	}
	if got := imports.FreeNames("/spool/abc"); !slices.Equal(got, []string{"/spool/abc"}) {
		t.Errorf("of what is no archive: %v", got)
	}
}

// A file is renamed to a name that nobody has, in one step or after a look.
func TestRenameFresh(t *testing.T) {
	for name, rename := range map[string]func(from, to string) error{
		"fresh": imports.RenameFresh, "looked": imports.RenameLooked,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			a, b, c := filepath.Join(dir, "a"), filepath.Join(dir, "b"), filepath.Join(dir, "c")
			write(t, a, []byte("a"))
			write(t, b, []byte("b"))
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

// What a crash has left aside of jobs that are not there any more goes back into the spool; of jobs that are, it stays.
func TestSettle_Aside(t *testing.T) {
	r := newRig(t)
	wanted := lying(t, r.Config.Spool, "wanted.tar", "wanted")
	left := lying(t, r.Config.Spool, "left.tar", "left")
	for _, j := range []store.Job{wanted, left} {
		if err := os.Rename(j.Path, imports.Aside(j)); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(r.Config.Spool, ".taken.x"), nil) // nobody's
	if _, err := r.db.UpdateJob(t.Context(), wanted.ID, func(j *store.Job) error {
		*j = wanted
		j.State = store.JobWaiting
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := r.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := names(t, r.Config.Spool)
	if want := []string{filepath.Base(imports.Aside(wanted)), ".taken.x", "left.tar"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if content(t, left.Path) != "left" || content(t, wanted.Path) != "" {
		t.Errorf("left: %v", got)
	}
}

// Stagings that no job wants are discarded at the start, and those of jobs that wait are not.
func TestSettle_Stagings(t *testing.T) {
	r := newRig(t)
	for _, name := range []string{"broken", "off"} {
		if _, err := r.lib.Stage(name); err != nil {
			t.Fatal(err)
		}
	}
	left, err := r.Leftovers(t.Context())
	if err != nil || !slices.Equal(left, []string{"broken", "off"}) {
		t.Errorf("%v %v", left, err)
	}
	if err := r.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left, err := r.Leftovers(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("%v %v", left, err)
	}
}

// A record ID that names a moment that is yet to come is of no meeting that could have been recorded.
func TestInFuture(t *testing.T) {
	id := recordID(0) // of 1,760,000,000,000 ms
	at := time.UnixMilli(1_760_000_000_000)
	for _, c := range []struct {
		id   string
		now  time.Time
		want bool
	}{{id, at, false}, {id, at.Add(-time.Millisecond), true}, {id, at.Add(time.Hour), false}, {"x", at.Add(-time.Hour), false}} {
		if got := imports.InFuture(c.id, c.now); got != c.want {
			t.Errorf("%s at %s: %t", c.id, c.now, got)
		}
	}
}
