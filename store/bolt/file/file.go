// Package file opens the file of a bbolt database, or makes it where there is none.
//
// It owns what may stand in its place: its lock, that it is whole, and that a first start, killed at any moment, leaves a
// database or nothing. What is there and is no database is refused and left alone: no pool begins anew by accident. It never
// knows what the database keeps: its tree is made and checked by who opens it.
package file

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/files"
)

// What is in the place of a database and is none of ours must not become a new pool, with a new secret, in silence.
var (
	// ErrDamaged: the file is not what was written.
	ErrDamaged = errors.New("the database is damaged; move it away, and restore a backup by bbbpool restore, or put a copy of it " +
		"from before in its place")
	// ErrForeign: the file is a database, and of something else.
	ErrForeign = errors.New("not a database of bbbpool: put a copy of the pool's in its place, or move it away to begin a new pool")
	errEmpty   = errors.New("the file is empty, and bbbpool leaves none so: put a copy of the database in its place, " +
		"or remove the file to begin a new pool")
	errNowhere = errors.New("the symbolic link leads to nothing: mount or restore what it led to, " +
		"or remove the link to begin a new pool")
	errNoFile = errors.New("this is no file: move it away, and put a copy of the database in its place")
)

const (
	// A predecessor that is just shutting down may have its lock for this long.
	lockTimeout = time.Second
	// Address space, not memory. Within it the file can grow without waiting for readers.
	mapSize = 256 << 20
)

// Open opens the database, or makes one, readable by its owner alone, where there is nothing. A new one gets its tree from
// fill; that of one that is there is checked by prepare, and brought to today's form. The error is [store.ErrLocked] while
// another process has it. All errors say what to do.
func Open(path string, fill func(*bbolt.Tx) error, prepare func(*bbolt.DB) error) (*bbolt.DB, error) {
	there, err := Present(path)
	if err == nil && !there {
		db, err := create(path, fill)
		if !errors.Is(err, fs.ErrExist) { // else somebody was faster
			return db, err
		}
	}
	if err != nil {
		return nil, err
	}
	db, err := openIn(path)
	if err != nil {
		return nil, err
	}
	err = Guard(func() error {
		if err := whole(db, path); err != nil {
			return err
		}
		return prepare(db)
	})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// Present tells whether there is a file that may be a database. What bbolt would take for a new one is an error.
func Present(path string) (bool, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		link, err := os.Lstat(path)
		if err == nil && link.Mode()&fs.ModeSymlink != 0 {
			return false, errNowhere
		}
		return err == nil, nil // what is there now has just got its name, from another first start
	}
	switch {
	case err != nil:
		return false, err
	case !info.Mode().IsRegular():
		return false, errNoFile
	case info.Size() == 0:
		return false, errEmpty
	}
	return true, nil
}

// openIn opens what is there.
func openIn(path string) (db *bbolt.DB, err error) {
	err = Guard(func() error {
		db, err = bbolt.Open(path, 0o600, &bbolt.Options{
			Timeout:         lockTimeout,
			FreelistType:    bbolt.FreelistMapType,
			InitialMmapSize: mapSize,
			OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
				return os.OpenFile(name, flag&^os.O_CREATE, mode) //nolint:gosec // in the data directory
			},
		})
		return err
	})
	if errors.Is(err, berrors.ErrTimeout) {
		return nil, fmt.Errorf("%w: stop the other bbbpool, or give this one a data directory of its own",
			store.ErrLocked)
	}
	if _, system := errors.AsType[syscall.Errno](err); err != nil && !system && !errors.Is(err, ErrDamaged) {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return db, err
}

// create makes a database under another name, and gives it its own once it is whole: killed at any moment, a first start
// leaves a database or none. It is [fs.ErrExist] where another process was faster.
func create(path string, fill func(*bbolt.Tx) error) (db *bbolt.DB, err error) {
	dir := filepath.Dir(path)
	temp, err := os.CreateTemp(dir, "."+filepath.Base(path)+"-*") // with mode 0600
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.Remove(temp.Name()) }() // it may have been renamed
	if err := temp.Close(); err != nil {
		return nil, err
	}
	if db, err = openIn(temp.Name()); err != nil {
		return nil, err
	}
	err = db.Update(fill)
	if err == nil {
		err = publish(temp.Name(), path)
	}
	if err == nil {
		err = files.SyncDir(dir)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// publish gives a file its name, unless that is taken. Where files cannot have two names it is renamed.
func publish(temp, path string) error {
	err := os.Link(temp, path)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	return os.Rename(temp, path)
}

// whole tells whether a file has all the pages that it says it has. A write beyond its end would end the process.
func whole(db *bbolt.DB, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return db.View(func(tx *bbolt.Tx) error {
		if info.Size() < tx.Size() {
			return fmt.Errorf("%w: it is cut off: %d bytes of %d", ErrDamaged, info.Size(), tx.Size())
		}
		return nil
	})
}

// Guard turns into an error what bbolt does about a file that is damaged: it panics, or reaches for memory that is not
// there.
func Guard(do func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%w: %v", ErrDamaged, v)
		}
	}()
	return do()
}
