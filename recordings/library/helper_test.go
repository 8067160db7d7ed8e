package library_test

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/recordings/library"
	"github.com/bbbpool/bbbpool/store"
)

const id = "0123456789abcdef0123456789abcdef01234567-1712758751753"

var states = []store.RecordingState{store.Published, store.Unpublished, store.Deleted}

// rig is a library, and where it is.
type rig struct {
	*library.Library
	library.Dirs
}

// What a test does to a recording, it holds it for.

func (r rig) Place(name, recordID string, formats []string, state store.RecordingState) error {
	held := r.Hold(recordID)
	defer held.Release()
	return r.Library.Place(name, held, formats, state)
}

func (r rig) Move(recordID string, state store.RecordingState) error {
	held := r.Hold(recordID)
	defer held.Release()
	return r.Library.Move(held, state)
}

func (r rig) Remove(recordID string) error {
	held := r.Hold(recordID)
	defer held.Release()
	return r.Library.Remove(held)
}

func (r rig) AddTrack(recordID string, t store.TextTrack, vtt []byte) error {
	held := r.Hold(recordID)
	defer held.Release()
	return r.Library.AddTrack(held, t, vtt)
}

func (r rig) SetNote(recordID string, note []byte) error {
	held := r.Hold(recordID)
	defer held.Release()
	return r.Library.SetNote(held, note)
}

func (r rig) Note(recordID string) ([]byte, error) {
	held := r.Hold(recordID)
	defer held.Release()
	return r.Library.Note(held)
}

func newRig(t *testing.T) rig {
	t.Helper()
	return open(t, dirsIn(quick(t)))
}

// memory is where making something durable costs nothing, on most systems.
const memory = "/dev/shm"

// quick is a directory for a test that is about many steps.
func quick(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp(memory, "library-test-") //nolint:usetesting // elsewhere than those
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func dirsIn(dir string) library.Dirs {
	in := func(name string) string { return filepath.Join(dir, name) }
	return library.Dirs{Published: in("published"), Unpublished: in("unpublished"), Deleted: in("deleted")}
}

func open(t *testing.T, d library.Dirs) rig {
	t.Helper()
	l, err := library.New(d)
	succeed(t, err)
	succeed(t, l.Prepare())
	return rig{l, d}
}

// tree is the directory of a state.
func (r rig) tree(state store.RecordingState) string {
	return map[store.RecordingState]string{
		store.Published: r.Published, store.Unpublished: r.Unpublished, store.Deleted: r.Deleted,
	}[state]
}

// stage stages formats of a recording.
func (r rig) stage(t *testing.T, name, recordID, content string, formats ...string) {
	t.Helper()
	dir, err := r.Stage(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range formats {
		write(t, filepath.Join(dir, format, recordID), content)
	}
	if err := r.Seal(name); err != nil {
		t.Fatal(err)
	}
}

// put imports formats of a recording.
func (r rig) put(t *testing.T, content string, state store.RecordingState, formats ...string) {
	t.Helper()
	r.stage(t, "put", id, content, formats...)
	if err := errors.Join(r.Place("put", id, formats, state), r.Discard("put")); err != nil {
		t.Fatal(err)
	}
}

// files are what every format has here.
var files = []string{"metadata.xml", "video/webcams.webm", "presentation/a/slide-1.png"}

// write makes a format of which every file has the same content.
func write(t *testing.T, dir, content string) {
	t.Helper()
	for _, file := range files {
		writeFile(t, filepath.Join(dir, file), content)
	}
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// look returns what the trees have of a recording: the content by <state>/<format>. Half a format is an error.
func (r rig) look(recordID string) (map[string]string, error) {
	seen := map[string]string{}
	for _, state := range states {
		dirs, err := filepath.Glob(filepath.Join(r.tree(state), "[a-z]*", recordID))
		if err != nil {
			return nil, err
		}
		for _, dir := range dirs {
			content, err := whole(dir)
			if err != nil {
				return nil, err
			}
			seen[string(state)+"/"+filepath.Base(filepath.Dir(dir))] = content
		}
	}
	return seen, nil
}

// whole returns the content that all files of a format have.
func whole(dir string) (string, error) {
	contents := map[string]bool{}
	for _, file := range files {
		content, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			return "", fmt.Errorf("half of a format: %w", err)
		}
		contents[string(content)] = true
	}
	all := slices.Sorted(maps.Keys(contents))
	if len(all) != 1 {
		return "", fmt.Errorf("%s is mixed of %s", dir, all)
	}
	return all[0], nil
}

// wants checks what the trees have of the recording.
func (r rig) wants(t *testing.T, want map[string]string) {
	t.Helper()
	got, err := r.look(id)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("in the trees (-want +got):\n%s", diff)
	}
}

// leftover returns what there is in our own directories but notes.
func (r rig) leftover() (left []string) {
	for _, state := range states {
		root := filepath.Join(r.tree(state), ".bbbpool")
		_ = filepath.WalkDir(root, func(path string, _ fs.DirEntry, _ error) error {
			name, _ := filepath.Rel(root, path)
			if strings.Count(name, "/") == 1 && !strings.HasPrefix(name, "notes/") {
				left = append(left, path)
			}
			return nil
		})
	}
	return left
}

func (r rig) wantsNoLeftover(t *testing.T) {
	t.Helper()
	if left := r.leftover(); len(left) > 0 {
		t.Errorf("left over: %s", left)
	}
}

// mentions checks that an error is there and says something.
func mentions(t *testing.T, err error, is error, texts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want one with %q", texts)
		return
	}
	if is != nil && !errors.Is(err, is) {
		t.Errorf("error %q is not %q", err, is)
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error %q does not mention %q", err, text)
		}
	}
}

func succeed(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}
