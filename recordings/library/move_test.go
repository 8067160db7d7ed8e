package library_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/recordings/library"
	"github.com/bbbpool/bbbpool/store"
)

// All formats follow the state of their recording, from wherever they are.
func TestMove(t *testing.T) {
	for _, from := range states {
		for _, to := range states {
			t.Run(fmt.Sprintf("%s to %s", from, to), func(t *testing.T) {
				r := newRig(t)
				r.put(t, "x", from, "presentation", "video")
				for range 2 {
					succeed(t, r.Move(id, to))
				}
				r.wants(t, map[string]string{string(to) + "/presentation": "x", string(to) + "/video": "x"})
				r.wantsNoLeftover(t)
				got, err := r.Formats(id)
				want := map[store.RecordingState][]string{to: {"presentation", "video"}}
				if err != nil || !cmp.Equal(got, want) {
					t.Errorf("formats %v, %v", got, err)
				}
			})
		}
	}
}

// Of two copies of a format the one in the right tree wins, but never a wreck over a whole one.
func TestMove_Both(t *testing.T) {
	tests := []struct {
		name  string
		right func(t *testing.T, dir string)
		want  string
	}{
		{"both whole", func(t *testing.T, dir string) { write(t, dir, "right") }, "right"},
		{"empty", func(t *testing.T, dir string) { succeed(t, os.MkdirAll(dir, 0o755)) }, "other"},
		{"wreck", func(t *testing.T, dir string) { writeFile(t, filepath.Join(dir, "video.webm"), "") }, "other"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t)
			test.right(t, filepath.Join(r.Published, "video", id))
			write(t, filepath.Join(r.Unpublished, "video", id), "other")
			succeed(t, r.Move(id, store.Published))
			r.wants(t, map[string]string{"published/video": test.want})
			r.wantsNoLeftover(t)
		})
	}
}

// A link in the place of a recording is neither followed nor removed.
func TestMove_Link(t *testing.T) {
	r := newRig(t)
	outside := t.TempDir()
	write(t, outside, "outside")
	link := filepath.Join(r.Published, "video", id)
	succeed(t, os.Mkdir(filepath.Dir(link), 0o755), os.Symlink(outside, link))
	mentions(t, r.Move(id, store.Unpublished), nil, link, "links are not followed")
	mentions(t, r.Remove(id), nil, link)
	if _, ok := r.Path(id, "video"); ok {
		t.Error("a path through a link")
	}
	if content, err := whole(outside); err != nil || content != "outside" {
		t.Errorf("outside: %q, %v", content, err)
	}
}

// Deleting means that the bytes are gone, wherever they were, with what was known of them, and nothing of others.
func TestRemove(t *testing.T) {
	r := newRig(t)
	r.put(t, "x", store.Published, "presentation")
	r.put(t, "x", store.Unpublished, "video")
	r.put(t, "x", store.Deleted, "podcast")
	other := filepath.Join(r.Published, "video", id+"-2")
	write(t, other, "other")
	succeed(t, r.SetNote(id, []byte("{}")), r.SetNote(id+"-2", []byte("{}")))
	succeed(t, os.Symlink(other, filepath.Join(r.Published, "presentation", id, "link")))
	for range 2 {
		succeed(t, r.Remove(id))
	}
	r.wants(t, map[string]string{})
	r.wantsNoLeftover(t)
	if note, err := r.Note(id); err != nil || note != nil {
		t.Errorf("note %q, %v", note, err)
	}
	if note, err := r.Note(id + "-2"); err != nil || note == nil {
		t.Errorf("note of another one %q, %v", note, err)
	}
	if _, err := whole(other); err != nil {
		t.Error(err)
	}
}

// What an interrupted deletion or copy has left goes with the next call, and what was to be deleted at the next start.
func TestRemove_Leftover(t *testing.T) {
	r := newRig(t)
	for _, dir := range []string{"doomed", "copies"} {
		write(t, filepath.Join(r.Deleted, ".bbbpool", dir, id+".video"), "half")
	}
	succeed(t, r.Remove(id))
	r.wantsNoLeftover(t)
	write(t, filepath.Join(r.Deleted, ".bbbpool/doomed", id+".video"), "half")
	open(t, r.Dirs).wantsNoLeftover(t)
}

// Where a directory has vanished nothing is concluded from what is not there, and it is not made anew in passing.
func TestVanished(t *testing.T) {
	for _, state := range states {
		t.Run(string(state), func(t *testing.T) {
			r := newRig(t)
			r.put(t, "x", store.Published, "video")
			r.stage(t, "job", id, "new", "video")
			dir := r.tree(state)
			succeed(t, os.Rename(dir, dir+".away"))
			_, err := r.Stage("job2")
			_, formatsErr := r.Formats(id)
			for _, err := range []error{
				err, formatsErr, r.Place("job", id, []string{"video"}, store.Published), r.Move(id, store.Unpublished),
				r.Remove(id), r.Discard("job"),
				r.Walk(t.Context(), func(library.Found) error { return nil }),
			} {
				mentions(t, err, fs.ErrNotExist, dir)
			}
			succeed(t, os.Rename(dir+".away", dir))
			succeed(t, r.Place("job", id, []string{"video"}, store.Published), r.Discard("job"))
			r.wants(t, map[string]string{"published/video": "new"})
		})
	}
}
