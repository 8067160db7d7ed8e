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
	"github.com/bbbpool/bbbpool/recordings/imports/edition"
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
	return store.Job{ID: id, Path: path, Bytes: info.Size(), Modified: info.ModTime().UTC()}
}

func content(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return string(text)
}

// What a crash has left aside of jobs that are not there any more goes back into the spool; of jobs that are, it stays.
func TestSettle_Aside(t *testing.T) {
	r := newRig(t)
	wanted := lying(t, r.Config.Spool, "wanted.tar", "wanted")
	left := lying(t, r.Config.Spool, "left.tar", "left")
	for _, j := range []store.Job{wanted, left} {
		if err := os.Rename(j.Path, edition.OfJob(j).Aside()); err != nil {
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
	if want := []string{filepath.Base(edition.OfJob(wanted).Aside()), ".taken.x", "left.tar"}; !slices.Equal(got, want) {
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
