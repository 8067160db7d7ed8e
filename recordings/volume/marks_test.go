package volume_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/recordings/volume"
)

// places are directories of a pool whose data are elsewhere.
func places(t *testing.T) (data string, dirs []volume.Dir) {
	t.Helper()
	data, root := t.TempDir(), t.TempDir()
	for _, name := range []string{"published", "unpublished", "spool"} {
		dirs = append(dirs, volume.Dir{Name: name, Path: filepath.Join(root, name)})
	}
	return data, dirs
}

// On the first start the directories are made and marked, and from then on they are known by that mark.
func TestMarked(t *testing.T) {
	data, dirs := places(t)
	first, err := volume.Marked(data, dirs...)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range first {
		if got, err := volume.MarkerOf(d.Path); err != nil || got != d.Marker || len(got) != 32 || got != first[0].Marker {
			t.Errorf("%s says %q, want %q: %v", d.Name, got, d.Marker, err)
		}
	}
	if err := os.RemoveAll(filepath.Join(first[1].Path, ".bbbpool")); err != nil { // an empty mount point
		t.Fatal(err)
	}
	again, err := volume.Marked(data, dirs...)
	if err != nil || again[1].Marker != first[0].Marker {
		t.Errorf("the second time: %+v %v", again, err)
	}
	if got, err := volume.MarkerOf(first[1].Path); got != "" || err != nil {
		t.Errorf("an empty mount point was marked: %q %v", got, err)
	}
	if err := volume.MarkAgain(again...); err != nil {
		t.Error(err)
	}
	if got, err := volume.MarkerOf(first[1].Path); got != first[0].Marker || err != nil {
		t.Errorf("marked on purpose: %q %v", got, err)
	}
}

// A volume that another program of the same pool has marked is taken as it is.
func TestMarked_Shared(t *testing.T) {
	data, dirs := places(t)
	if err := errors.Join(os.MkdirAll(dirs[0].Path, 0o750), volume.Mark(dirs[0].Path, "ours")); err != nil {
		t.Fatal(err)
	}
	got, err := volume.Marked(data, dirs...)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range got {
		if d.Marker != "ours" {
			t.Errorf("%+v", d)
		}
	}
	text, err := os.ReadFile(filepath.Join(data, "volume.id"))
	if strings.TrimSpace(string(text)) != "ours" || err != nil {
		t.Errorf("remembered %q: %v", text, err)
	}
}

// Where the directories cannot be marked, they get marks that no volume has: nothing is read from them or written to them.
func TestMarked_Fails(t *testing.T) {
	data, dirs := places(t)
	if err := os.WriteFile(dirs[2].Path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := volume.Marked(data, dirs...)
	if err == nil {
		t.Fatal("no error")
	}
	there, readErr := volume.MarkerOf(dirs[0].Path)
	if readErr != nil || got[0].Marker == "" || got[0].Marker == there {
		t.Errorf("%q is on the volume, and %q expected: %v", there, got[0].Marker, readErr)
	}
	if _, err := os.Stat(filepath.Join(data, "volume.id")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("remembered: %v", err)
	}
	if err := volume.MarkAgain(got...); err == nil {
		t.Error("marked a file")
	}
}

// A mark that was lost in the data directory, or is empty after a crash, is read from the volume.
func TestMarked_Forgotten(t *testing.T) {
	data, dirs := places(t)
	first, err := volume.Marked(data, dirs...)
	if err != nil {
		t.Fatal(err)
	}
	for name, lose := range map[string]func(path string) error{
		"removed": os.Remove,
		"empty":   func(path string) error { return os.WriteFile(path, []byte("\n"), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			if err := lose(filepath.Join(data, "volume.id")); err != nil {
				t.Fatal(err)
			}
			if got, err := volume.Marked(data, dirs...); err != nil || got[0].Marker != first[0].Marker {
				t.Errorf("%+v %v", got, err)
			}
		})
	}
}
