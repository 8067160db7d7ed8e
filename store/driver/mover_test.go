package driver_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/bolt"
	"github.com/bbbpool/bbbpool/store/driver"
)

// Where a pool was, what fills a database may make one, and leaves none that it has put nothing into: that would be a new pool.
func TestOpen_Mover(t *testing.T) {
	dir := t.TempDir()
	database := filepath.Join(dir, bolt.File)
	if err := os.WriteFile(filepath.Join(dir, "playback.key"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, filled := range []bool{false, true} {
		stores, err := driver.Open(driver.Config{Data: dir, Mover: true})
		if err != nil {
			t.Fatal(err)
		}
		if filled {
			err = stores.State.CreateServer(t.Context(), store.Server{ID: "bbb1"})
		}
		if err := errors.Join(err, stores.Close()); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(database); errors.Is(err, fs.ErrNotExist) == filled {
			t.Errorf("filled %v: %v", filled, err)
		}
	}
}

// What records are to be taken from is never made: a name that was mistyped is told, and leaves nothing.
func TestOpen_Source(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "typo")
	_, err := driver.Open(driver.Config{Data: dir, Mover: true, Source: true})
	if err == nil || !strings.Contains(err.Error(), "is missing") || !strings.Contains(err.Error(), dir) {
		t.Errorf("opened: %v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("left: %v", err)
	}
}
