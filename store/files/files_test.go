package files_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/bbbpool/bbbpool/store/files"
)

// A directory is synced, and one that is not there is told.
func TestSyncDir(t *testing.T) {
	dir := t.TempDir()
	if err := files.SyncDir(dir); err != nil {
		t.Error(err)
	}
	if err := files.SyncDir(filepath.Join(dir, "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing directory: %v", err)
	}
}

// A file is its owner's alone, has what was written last and nothing of before, and lies in the root.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	for _, text := range []string{"the first, and longer", "the last"} {
		if err := files.Write(root, "file", []byte(text)); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(dir, "file"))
		if err != nil || string(got) != text {
			t.Errorf("read %q, %v", got, err)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, "file")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode: %v, %v", info.Mode(), err)
	}
	if err := files.Write(root, "../outside", nil); err == nil {
		t.Error("wrote outside of the root")
	}
}
