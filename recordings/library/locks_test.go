package library_test

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/recordings/library"
	"github.com/bbbpool/bbbpool/store"
)

// One at a time has a key, and keys do not wait for each other.
func TestLocks(t *testing.T) {
	var locks library.Locks
	var wait sync.WaitGroup
	var inside [3]atomic.Int64
	for n := range 300 {
		wait.Go(func() {
			held := locks.Hold(string(rune('a' + n%3)))
			defer held.Release()
			if inside[n%3].Add(1) != 1 {
				t.Errorf("%s is held twice", held.ID)
			}
			inside[n%3].Add(-1)
		})
	}
	wait.Wait()
	first, second := locks.Hold("a"), locks.Hold("b")
	ours := make(chan *library.Held)
	go func() { ours <- locks.Hold("a") }()
	select {
	case <-ours:
		t.Error("held twice")
	case <-time.After(10 * time.Millisecond):
	}
	first.Release()
	(<-ours).Release()
	second.Release()
}

// Whoever places a recording and whoever discards the staging that it comes from lock two things, and never wait for each
// other: also where an earlier crash has set something aside for that staging.
func TestPlace_Discarded(t *testing.T) {
	r := newRig(t)
	r.put(t, "old", store.Published, "video")
	for n := range 50 {
		r.stage(t, "job", id, "new", "video")
		aside := filepath.Join(r.Published, ".bbbpool", "aside", "job")
		live := filepath.Join(r.Published, "video", id)
		if n%2 == 0 { // as a crash in the middle of a swap leaves it
			if err := errors.Join(os.MkdirAll(aside, 0o700), os.Rename(live, filepath.Join(aside, id+".video"))); err != nil {
				t.Fatal(err)
			}
		}
		var both sync.WaitGroup
		both.Go(func() { _ = r.Place("job", id, []string{"video"}, store.Published) }) // the staging may be gone
		both.Go(func() { _ = r.Discard("job") })
		both.Wait()
		if err := r.Discard("job"); err != nil {
			t.Fatal(err)
		}
		if seen, err := r.look(id); err != nil || seen["published/video"] == "" {
			t.Fatalf("%d: %v %v", n, seen, err)
		}
		if _, err := os.Lstat(aside); !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("left: %v", err)
		}
	}
}
