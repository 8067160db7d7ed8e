package files_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/bbbpool/bbbpool/store/files"
)

// A directory is synced, and one that is not there is told.
func TestSyncDir(t *testing.T) {
	dir := t.TempDir()
	for name, sync := range map[string]func(string) error{"SyncDir": files.SyncDir, "SyncDirIfAble": files.SyncDirIfAble} {
		if err := sync(dir); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := sync(filepath.Join(dir, "missing")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: a missing directory: %v", name, err)
		}
	}
}

// A file system that cannot sync a directory is told of where what is written must be safe, and is put up with where that is
// known not to matter. The one below /proc is such.
func TestSyncDir_Unable(t *testing.T) {
	const unable = "/proc/self"
	if _, err := os.Stat(unable); err != nil {
		t.Skip(err)
	}
	if err := files.SyncDir(unable); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("SyncDir: got %v, want %v", err, syscall.EINVAL)
	}
	if err := files.SyncDirIfAble(unable); err != nil {
		t.Errorf("SyncDirIfAble: %v", err)
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
