package driver_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/driver"
)

// What one opening wrote, the next one finds, in a directory that is nobody else's to read.
func TestOpen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "var", "pool")
	for range 2 {
		stores, err := driver.Open(driver.Config{Data: dir})
		if err != nil {
			t.Fatal(err)
		}
		if err := stores.Index.AddSession(t.Context(), store.Session{ID: "s"}); err != nil {
			t.Error(err)
		}
		_, err = stores.State.CreateTenant(t.Context(), store.Tenant{ID: store.DefaultTenant})
		if err != nil && !errors.Is(err, store.ErrExists) {
			t.Error(err)
		}
		for range 2 {
			if err := stores.Close(); err != nil {
				t.Error(err)
			}
		}
		if _, err := stores.State.Servers(t.Context()); err == nil {
			t.Error("a closed store answers")
		}
	}
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o700 {
		t.Errorf("the data directory has mode %v", info.Mode())
	}
}

// Two pools on one data directory would undo each other's work.
func TestOpen_Locked(t *testing.T) {
	dir := t.TempDir()
	stores, err := driver.Open(driver.Config{Data: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stores.Close() }()
	if _, err := driver.Open(driver.Config{Data: dir}); !errors.Is(err, store.ErrLocked) {
		t.Errorf("opened twice: %v", err)
	}
}

// Without a directory there is nothing to guess, and a file in its place is left alone.
func TestOpen_NoDirectory(t *testing.T) {
	if _, err := driver.Open(driver.Config{}); err == nil {
		t.Error("opened nothing")
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var pathError *fs.PathError
	if _, err := driver.Open(driver.Config{Data: file}); !errors.As(err, &pathError) {
		t.Errorf("opened a file as a directory: %v", err)
	}
}
