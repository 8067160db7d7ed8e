package library_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/bbbpool/bbbpool/store"
)

// epoch is a constant one.
func epoch(n uint64) func() uint64 { return func() uint64 { return n } }

// A process that stands still before any rename or deletion, while another one takes over, finishes its work and does more,
// finds nothing to go on with: neither where it learns that, nor where it does one thing more before it does.
func TestGuard_TakenOver(t *testing.T) {
	for _, notices := range []bool{true, false} {
		reached := true
		for at := 1; reached; at++ {
			t.Run(fmt.Sprintf("at %d, notices %t", at, notices), func(t *testing.T) {
				reached = takeOver(t, at, notices)
			})
			if at > 100 {
				t.Fatal("it never ends")
			}
		}
	}
}

// takeOver has the process stand still when it asks for the at-th time. It returns false where it has asked less often.
func takeOver(t *testing.T, at int, notices bool) (reached bool) {
	t.Helper()
	former := newRig(t)
	former.put(t, "old", store.Published, "presentation")
	former.stage(t, "1-x", id, "new", "presentation", "video")
	next := open(t, former.Dirs)
	next.Guard(nil, epoch(2))
	asked := 0
	former.Guard(func() error {
		asked++
		switch {
		case asked < at:
			return nil
		case asked > at:
			return store.ErrFenced
		}
		reached = true
		next.inherit(t)
		if notices {
			return store.ErrFenced
		}
		return nil
	}, epoch(1))

	err := former.Place("1-x", id, []string{"presentation", "video"}, store.Published)
	err = errors.Join(err, former.Move(id, store.Unpublished), former.Remove(id))
	if !reached {
		succeed(t, err)
		return false
	}
	if err == nil && asked > at {
		t.Error("what was taken over has gone through")
	}
	succeed(t, next.Move(id, store.Published), next.Discard("1-x"), next.Prepare())
	next.wants(t, map[string]string{"published/presentation": "newer", "published/video": "newer"})
	next.wantsNoLeftover(t)
	return true
}

// inherit finishes what another process has begun, and brings something newer.
func (r rig) inherit(t *testing.T) {
	t.Helper()
	succeed(t, r.Rename("1-x", "2-x"), r.Rename("1-x", "2-x"), r.Prepare())
	staged, err := r.Staged("2-x", id)
	if err != nil {
		t.Fatal(err)
	}
	succeed(t, r.Place("2-x", id, staged, store.Published), r.Discard("2-x"))
	r.stage(t, "2-y", id, "newer", "presentation", "video")
	succeed(t, r.Place("2-y", id, []string{"presentation", "video"}, store.Published), r.Discard("2-y"))
}

// Without the right to it nothing is renamed or deleted, and what is there can be read.
func TestGuard_Refuses(t *testing.T) {
	r := newRig(t)
	r.put(t, "film", store.Published, "video")
	r.stage(t, "a", id, "more", "presentation")
	copied := filepath.Join(r.Published, ".bbbpool", "copies", id+".video.1")
	write(t, copied, "half")
	r.Guard(func() error { return store.ErrFenced }, epoch(2))
	for name, err := range map[string]error{
		"place":   r.Place("a", id, []string{"presentation"}, store.Published),
		"move":    r.Move(id, store.Unpublished),
		"remove":  r.Remove(id),
		"discard": r.Discard("a"),
		"rename":  r.Rename("a", "b"),
		"note":    r.SetNote(id, []byte("{}")),
		"prepare": r.Prepare(),
		"track":   r.AddTrack(id, store.TextTrack{Kind: "captions", Lang: "en"}, nil),
	} {
		if !errors.Is(err, store.ErrFenced) {
			t.Errorf("%s: %v", name, err)
		}
	}
	r.wants(t, map[string]string{"published/video": "film"})
	if staged, err := r.Staged("a", id); err != nil || len(staged) != 1 {
		t.Errorf("staged: %v, %v", staged, err)
	}
	r.Guard(nil, epoch(2))
	succeed(t, r.Prepare(), r.Discard("a"))
	if _, err := os.Stat(copied); !os.IsNotExist(err) {
		t.Errorf("a copy of another epoch: %v", err)
	}
	r.wantsNoLeftover(t)
}
