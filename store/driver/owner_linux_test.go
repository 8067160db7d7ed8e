package driver_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/bbbpool/bbbpool/store/bolt"
	"github.com/bbbpool/bbbpool/store/driver"
)

// Root that opens the data directory of another account leaves it nothing that it could not change, and is root again
// afterwards, whether the store has opened or not. Where that was not asked for root stays root.
func TestOpen_Owned(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can act as somebody else")
	}
	const nobody = 65534
	ownerOf := func(path string) uint32 {
		t.Helper()
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Sys().(*syscall.Stat_t).Uid
	}
	for owned, want := range map[bool]int{true: nobody, false: 0} {
		dir := t.TempDir()
		if err := errors.Join(os.Chmod(filepath.Dir(dir), 0o755), os.Chown(dir, nobody, nobody)); err != nil {
			t.Skip(err)
		}
		stores, err := driver.Open(driver.Config{Data: dir, Owned: owned})
		if err != nil {
			t.Fatal(err)
		}
		uid, gid := os.Geteuid(), os.Getegid()
		if err := stores.Close(); err != nil {
			t.Error(err)
		}
		if uid != want || gid != want || os.Geteuid() != 0 || os.Getegid() != 0 {
			t.Errorf("owned %v: was %d:%d while it was open, and is %d:%d", owned, uid, gid, os.Geteuid(), os.Getegid())
		}
		database := filepath.Join(dir, bolt.File)
		if got := ownerOf(database); got != uint32(want) {
			t.Errorf("owned %v: the database belongs to %d", owned, got)
		}
		if err := os.WriteFile(database, []byte("none of ours"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := driver.Open(driver.Config{Data: dir, Owned: owned}); err == nil || os.Geteuid() != 0 || os.Getegid() != 0 {
			t.Errorf("owned %v: opened a damaged one: %v, as %d:%d", owned, err, os.Geteuid(), os.Getegid())
		}
	}
	dir := t.TempDir() // root's own
	stores, err := driver.Open(driver.Config{Data: dir, Owned: true})
	if err != nil || os.Geteuid() != 0 {
		t.Fatalf("root's own: %v, as %d", err, os.Geteuid())
	}
	if err := stores.Close(); err != nil {
		t.Error(err)
	}
}
