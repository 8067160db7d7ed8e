package driver_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/bolt"
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

// Where a pool was, a database that is missing, or of which nothing is left, is not replaced by a new one, until somebody
// wants that.
func TestOpen_Used(t *testing.T) {
	for _, name := range []string{"playback.key", "volume.id", "recordings.json"} {
		dir := t.TempDir()
		rest := filepath.Join(dir, name)
		if err := os.WriteFile(rest, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		database := filepath.Join(dir, bolt.File)
		for range 2 {
			_, err := driver.Open(driver.Config{Data: dir})
			if err == nil || !strings.Contains(err.Error(), database+" is missing") || !strings.Contains(err.Error(), rest) {
				t.Errorf("without a database: %v", err)
			}
		}
		if err := os.WriteFile(database, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := driver.Open(driver.Config{Data: dir}); err == nil || !strings.Contains(err.Error(), database) {
			t.Errorf("with an empty one: %v", err)
		}
		if err := errors.Join(os.Remove(database), os.Rename(rest, rest+".old")); err != nil {
			t.Fatal(err)
		}
		stores, err := driver.Open(driver.Config{Data: dir})
		if err != nil {
			t.Fatalf("begun anew: %v", err)
		}
		if err := stores.Close(); err != nil {
			t.Error(err)
		}
	}
}

// The database is closed to others, and what cannot be closed is told.
func TestOpen_OpenToOthers(t *testing.T) {
	for mode, want := range map[os.FileMode]string{0o700: "", 0o755: "chmod 700", 0o710: "chmod 700", 0o770: "chmod go-w", 0o777: "chmod go-w"} {
		dir := filepath.Join(t.TempDir(), "data")
		database := filepath.Join(dir, bolt.File)
		for i := range 2 {
			var log strings.Builder
			stores, err := driver.Open(driver.Config{Data: dir, Log: zerolog.New(&log)})
			if err != nil {
				t.Fatal(err)
			}
			if told := log.String(); i > 0 && (told == "") != (want == "") || i > 0 && !strings.Contains(told, want) {
				t.Errorf("mode %o: told %q", mode, told)
			}
			info, err := os.Stat(database)
			if err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("mode %o: the database has %v, %v", mode, info.Mode(), err)
			}
			if err := errors.Join(stores.Close(), os.Chmod(dir, mode), os.Chmod(database, 0o664)); err != nil {
				t.Fatal(err)
			}
		}
	}
}
