package file

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/files"
)

const (
	// infix stands between the name of a database and the schema that a snapshot of it has.
	infix = ".schema-"
	// snapshots is how many of them are kept.
	snapshots = 3
)

// SnapshotName is what a snapshot of a database with that schema is called.
func SnapshotName(path string, schema int) string { return path + infix + strconv.Itoa(schema) }

// Snapshot keeps a copy of a database that is open and that nobody writes to, byte for byte, before its schema is raised: the
// version that has written it opens it, under the database's name. Where the disk has no room for it, and for what the new
// schema may take, it is an error that says what to do.
func Snapshot(path string, schema int) (err error) {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	if err := sweep(path); err != nil {
		return fmt.Errorf("take away what is left of a copy of it: %w", err)
	}
	if free, known := files.Room(dir); known && free/2 < uint64(max(0, info.Size())) {
		return fmt.Errorf("its schema is to be raised, before which a copy of it is kept beside it: make room for that, "+
			"%d MB are free and %d are needed", free>>20, info.Size()>>19+1)
	}
	from, err := os.Open(path) //nolint:gosec // in the data directory
	if err != nil {
		return err
	}
	defer func() { _ = from.Close() }()
	temp, err := os.CreateTemp(dir, unfinished(path)) // with mode 0600
	if err != nil {
		return fmt.Errorf("keep a copy of it before its schema is raised: %w", err)
	}
	defer func() { _ = os.Remove(temp.Name()) }() // it may have been renamed
	_, err = io.Copy(temp, from)
	if err == nil {
		err = temp.Sync()
	}
	if err = errors.Join(err, temp.Close()); err != nil {
		return fmt.Errorf("keep a copy of it before its schema is raised: %w", err)
	}
	if err := os.Rename(temp.Name(), SnapshotName(path, schema)); err != nil {
		return err
	}
	if err := files.SyncDir(dir); err != nil {
		return err
	}
	return prune(path)
}

// unfinished begins the names of copies that are being made.
func unfinished(path string) string { return "." + filepath.Base(path) + infix }

// sweep takes away what processes have left that ended while they made a copy: nobody else makes one now, as the database has
// been locked.
func sweep(path string) error {
	dir := filepath.Dir(path)
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), unfinished(path)) {
			err = errors.Join(err, os.Remove(filepath.Join(dir, e.Name())))
		}
	}
	return err
}

// prune takes away the snapshots of the oldest schemas.
func prune(path string) error {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return err
	}
	var schemas []int
	for _, e := range entries {
		number, ours := strings.CutPrefix(e.Name(), filepath.Base(path)+infix)
		if schema, err := strconv.Atoi(number); ours && err == nil {
			schemas = append(schemas, schema)
		}
	}
	slices.Sort(schemas)
	for len(schemas) > snapshots {
		err = errors.Join(err, os.Remove(SnapshotName(path, schemas[0])))
		schemas = schemas[1:]
	}
	return err
}

// Look opens a database to read it, and changes nothing there. The error is [store.ErrLocked] while another process has it.
func Look(path string, look func(*bbolt.Tx) error) error {
	return Guard(func() error {
		db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true, Timeout: time.Second})
		if errors.Is(err, berrors.ErrTimeout) {
			return store.ErrLocked
		}
		if err != nil {
			return err
		}
		return errors.Join(db.View(look), db.Close())
	})
}
