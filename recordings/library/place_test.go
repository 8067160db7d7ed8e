package library_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/recordings/library"
	"github.com/bbbpool/bbbpool/store"
)

// Whatever tree a format is in, an import replaces it and puts it where its state says, there alone.
func TestPlace(t *testing.T) {
	for _, old := range append([]store.RecordingState{""}, states...) {
		for _, state := range states {
			t.Run(fmt.Sprintf("%s to %s", old, state), func(t *testing.T) {
				r := newRig(t)
				if old != "" {
					r.put(t, "old", old, "presentation", "podcast")
				}
				r.stage(t, "job", id, "new", "presentation", "video")
				for range 2 { // a repeat changes nothing
					succeed(t, r.Place("job", id, []string{"presentation", "video"}, state))
				}
				succeed(t, r.Discard("job"))
				want := map[string]string{
					string(state) + "/presentation": "new",
					string(state) + "/video":        "new",
				}
				if old != "" {
					want[string(old)+"/podcast"] = "old"
				}
				r.wants(t, want)
				r.wantsNoLeftover(t)
			})
		}
	}
}

// The state may have changed before a placing that was interrupted is repeated.
func TestPlace_OtherState(t *testing.T) {
	r := newRig(t)
	r.put(t, "old", store.Published, "presentation")
	r.stage(t, "job", id, "new", "presentation")
	succeed(t, r.Place("job", id, []string{"presentation"}, store.Published))
	succeed(t, r.Place("job", id, []string{"presentation"}, store.Unpublished))
	r.wants(t, map[string]string{"unpublished/presentation": "new"})
}

// What was never staged and is nowhere cannot be placed.
func TestPlace_Nothing(t *testing.T) {
	r := newRig(t)
	r.stage(t, "job", id, "new", "video")
	mentions(t, r.Place("job", id, []string{"presentation"}, store.Published), fs.ErrNotExist, id, "format presentation")
	mentions(t, r.Place("job", id, []string{"video"}, store.Processing), nil, `"processing"`, "no files")
}

// A crash between setting aside the old format and moving in the new one leaves none in its place. The next call puts
// in the new one; giving up, or beginning anew under the name, brings back the old one.
func TestPlace_Halfway(t *testing.T) {
	tests := []struct {
		name string
		do   func(r rig) error
		want string
	}{
		{"again", func(r rig) error { return r.Place("job", id, []string{"video"}, store.Published) }, "new"},
		{"discard", func(r rig) error { return r.Discard("job") }, "old"},
		{"stage", func(r rig) error { _, err := r.Stage("job"); return err }, "old"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t)
			r.put(t, "old", store.Published, "video")
			r.stage(t, "job", id, "new", "video")
			aside := filepath.Join(r.Published, ".bbbpool/aside/job")
			succeed(t, os.Mkdir(aside, 0o755))
			succeed(t, os.Rename(filepath.Join(r.Published, "video", id), filepath.Join(aside, id+".video")))
			if names, err := r.Stagings(); err != nil || len(names) != 1 {
				t.Errorf("stagings %q, %v", names, err)
			}
			succeed(t, test.do(r), r.Discard("job"))
			r.wants(t, map[string]string{"published/video": test.want})
			r.wantsNoLeftover(t)
		})
	}
}

// A recording that is removed does not come back with what was set aside for an import that was interrupted.
func TestRemove_Aside(t *testing.T) {
	r := newRig(t)
	r.stage(t, "job", id, "new", "video")
	write(t, filepath.Join(r.Published, ".bbbpool/aside/job", id+".video"), "old")
	succeed(t, r.Remove(id), r.Discard("job"))
	r.wants(t, map[string]string{})
	r.wantsNoLeftover(t)
}

// Something that cannot be moved in leaves what was there.
func TestPlace_Failure(t *testing.T) {
	r := newRig(t)
	r.put(t, "old", store.Published, "video")
	r.stage(t, "job", id, "new", "video")
	file := filepath.Join(r.Unpublished, "video", id)
	writeFile(t, file, "a file in the place of a recording")
	mentions(t, r.Place("job", id, []string{"video"}, store.Published), nil, file, "no directory")
	succeed(t, os.Remove(file))
	r.wants(t, map[string]string{"published/video": "old"})
	succeed(t, r.Place("job", id, []string{"video"}, store.Published))
	r.wants(t, map[string]string{"published/video": "new"})
}

// A name that is not a plain one never becomes part of a path.
func TestNames(t *testing.T) {
	r := newRig(t)
	for _, bad := range []string{"", ".", "..", "../x", "a/b", ".hidden", "a\x00b", strings.Repeat("a", 201)} {
		t.Run(fmt.Sprintf("%.10q", bad), func(t *testing.T) {
			_, stage := r.Stage(bad)
			_, formats := r.Formats(bad)
			_, note := r.Note(bad)
			_, file := r.Open(bad, "video", "metadata.xml")
			_, format := r.Open(id, bad, "metadata.xml")
			for what, err := range map[string]error{
				"Stage": stage, "Formats": formats, "Note": note, "Open": file, "Open format": format,
				"Seal": r.Seal(bad), "Discard": r.Discard(bad), "Remove": r.Remove(bad),
				"Move": r.Move(bad, store.Deleted), "SetNote": r.SetNote(bad, []byte("{}")),
				"Place staging": r.Place(bad, id, []string{"video"}, store.Published),
				"Place":         r.Place("job", bad, []string{"video"}, store.Published),
				"Place format":  r.Place("job", id, []string{bad}, store.Published),
			} {
				mentions(t, err, nil, "")
				if err != nil && len(err.Error()) > 700 {
					t.Errorf("%s: long error", what)
				}
			}
			if _, ok := r.Path(id, bad); ok {
				t.Error("Path")
			}
		})
	}
	r.wantsNoLeftover(t)
}

// A staging is empty at first, whatever was there, and gone when it is discarded, which can be repeated.
func TestStage(t *testing.T) {
	r := newRig(t)
	r.stage(t, "job.tar", id, "old", "video")
	dir, err := r.Stage("job.tar")
	if err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("not empty: %v, %v", entries, err)
	}
	if names, err := r.Stagings(); err != nil || !cmp.Equal(names, []string{"job.tar"}) {
		t.Errorf("stagings %q, %v", names, err)
	}
	again := open(t, r.Dirs) // another run of the program
	succeed(t, again.Seal("job.tar"), again.Discard("job.tar"), again.Discard("job.tar"))
	mentions(t, again.Seal("job.tar"), fs.ErrNotExist, "job.tar")
	r.wantsNoLeftover(t)
}

// Imports of different recordings, and calls on one, at the same time do not get in each other's way.
func TestLibrary_Concurrent(t *testing.T) {
	r := newRig(t)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			other, name := fmt.Sprint("r", i), fmt.Sprint("job", i)
			for n := range 5 {
				r.stage(t, name, other, fmt.Sprint(n), "video")
				err := errors.Join(
					r.Place(name, other, []string{"video"}, store.Published), r.Discard(name),
					r.Move(other, store.Unpublished), r.Move(id, states[(n+i)%2]), r.SetNote(id, []byte(name)),
				)
				if err != nil {
					t.Error(err)
				}
				if _, err := r.Note(id); err != nil {
					t.Error(err)
				}
			}
			if got, err := r.look(other); err != nil || got["unpublished/video"] != "4" {
				t.Errorf("recording %d: %v, %v", i, got, err)
			}
		})
	}
	r.put(t, "x", store.Published, "presentation")
	wg.Wait()
	if got, err := r.look(id); err != nil || len(got) != 1 {
		t.Errorf("%v, %v", got, err)
	}
	r.wantsNoLeftover(t)
}

// What is placed is staged no more, and another recording's is not this one's.
func TestStaged(t *testing.T) {
	r := newRig(t)
	wants := func(name, recordID string, want ...string) {
		t.Helper()
		got, err := r.Staged(name, recordID)
		succeed(t, err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s, %s: %s", name, recordID, diff)
		}
	}
	wants("job", id)
	r.stage(t, "job", id, "new", "video", "presentation", "podcast")
	wants("job", id, "podcast", "presentation", "video")
	wants("job", "another")
	wants("elsewhere", id)
	succeed(t, r.Place("job", id, []string{"presentation"}, store.Unpublished))
	wants("job", id, "podcast", "video")
	// A crash has left one of them near two trees.
	succeed(t, os.MkdirAll(filepath.Join(r.Unpublished, ".bbbpool/staging/job/video", id), 0o700))
	wants("job", id, "podcast", "video")
	succeed(t, r.Discard("job"))
	wants("job", id)
	for name, recordID := range map[string]string{"../job": id, "job": "../x"} {
		if _, err := r.Staged(name, recordID); err == nil {
			t.Errorf("%s, %s: no error", name, recordID)
		}
	}
	succeed(t, os.RemoveAll(r.Unpublished))
	if got, err := r.Staged("job", id); err == nil {
		t.Errorf("a tree is gone: %q", got)
	}
}

// A format is called like none of our own addresses.
func TestValidFormat(t *testing.T) {
	for name, want := range map[string]bool{
		"presentation": true, "video": true, "api2": true, "my-api": true, "": false, "Video": false, "a.b": false,
		"api": false, "bigbluebutton": false, "callbacks": false, "fsapi": false, "healthz": false, "readyz": false,
		"health_check": false, "metrics": false, "playback": false, "recording": false, "scalelite": false,
		"static-resource": false,
	} {
		if got := library.ValidFormat(name); got != want {
			t.Errorf("%q: %t", name, got)
		}
	}
}
