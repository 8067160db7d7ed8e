package bolt

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/files"
)

// What is in the place of a database and is none of ours must not become a new pool, with a new secret, in silence.
var (
	errDamaged = errors.New("the database is damaged; move it away, and put a copy of it from before in its place")
	errForeign = errors.New("not a database of bbbpool: put a copy of the pool's in its place, or move it away to begin a new pool")
	errEmpty   = errors.New("the file is empty, and bbbpool leaves none so: put a copy of the database in its place, " +
		"or remove the file to begin a new pool")
	errNowhere = errors.New("the symbolic link leads to nothing: mount or restore what it led to, " +
		"or remove the link to begin a new pool")
	errNoFile = errors.New("this is no file: move it away, and put a copy of the database in its place")
)

// openFile opens the database, or makes one where there is nothing.
func openFile(path string) (*bbolt.DB, error) {
	there, err := present(path)
	if err == nil && !there {
		file, err := makeFile(path)
		if !errors.Is(err, fs.ErrExist) { // else somebody was faster
			return file, err
		}
	}
	if err != nil {
		return nil, err
	}
	file, err := openIn(path)
	if err != nil {
		return nil, err
	}
	err = damaged(func() error {
		if err := whole(file, path); err != nil {
			return err
		}
		return prepare(file)
	})
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// present tells whether there is a file that may be a database. What bbolt would take for a new one is an error.
func present(path string) (bool, error) {
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
	err = damaged(func() error {
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
	if _, system := errors.AsType[syscall.Errno](err); err != nil && !system && !errors.Is(err, errDamaged) {
		return nil, fmt.Errorf("%w: %w", errDamaged, err)
	}
	return db, err
}

// makeFile makes a database under another name, and gives it its own once it is whole: killed at any moment, a first start
// leaves a database or none. It is [fs.ErrExist] where another process was faster.
func makeFile(path string) (file *bbolt.DB, err error) {
	dir := filepath.Dir(path)
	temp, err := os.CreateTemp(dir, "."+File+"-*") // with mode 0600
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.Remove(temp.Name()) }() // it may have been renamed
	if err := temp.Close(); err != nil {
		return nil, err
	}
	if file, err = openIn(temp.Name()); err != nil {
		return nil, err
	}
	err = file.Update(func(tx *bbolt.Tx) error { return migrate(tx, 0) })
	if err == nil {
		err = publish(temp.Name(), path)
	}
	if err == nil {
		err = files.SyncDir(dir)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
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
			return fmt.Errorf("%w: it is cut off: %d bytes of %d", errDamaged, info.Size(), tx.Size())
		}
		return nil
	})
}
