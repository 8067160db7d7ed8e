package library

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// transfer moves a directory of a part from one tree to a free path in another. Between file systems, a complete and
// durable copy appears there before the original goes.
func transfer(p part, from tree, path string, to tree, dest string) error {
	err := to.rename(path, dest)
	if !errors.Is(err, syscall.EXDEV) {
		return err
	}
	if err := to.mkdir(copiesDir, closedMode); err != nil {
		return err
	}
	temp := to.copied(p)
	if err := to.removeAll(temp); err != nil { // of an attempt before
		return err
	}
	if err := copySealed(path, temp); err != nil {
		return errors.Join(err, to.removeAll(temp))
	}
	if err := to.rename(temp, dest); err != nil {
		return err
	}
	if err := to.syncUp(filepath.Dir(dest)); err != nil {
		return err
	}
	return from.doom(path, p.flat())
}

// copySealed copies a directory and makes the copy durable.
func copySealed(from, to string) error {
	source, err := os.OpenRoot(from)
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }()
	if err := os.Mkdir(to, openMode); err != nil {
		return err
	}
	dest, err := os.OpenRoot(to)
	if err != nil {
		return err
	}
	defer func() { _ = dest.Close() }()
	dir, err := dest.Open(".") // before anything is written, so that it hears of every loss
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	if err := copyDir(source, dest); err != nil {
		return fmt.Errorf("copy %s to %s: %w", from, to, err)
	}
	return syncAll(dir, to)
}

// copyDir copies what is in a directory, with modes and times of the files. Links are copied as they are.
func copyDir(from, to *os.Root) error {
	return fs.WalkDir(from.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		switch {
		case entry.IsDir():
			return to.Mkdir(name, openMode)
		case entry.Type()&fs.ModeSymlink != 0:
			target, err := from.Readlink(name)
			if err != nil {
				return err
			}
			return to.Symlink(target, name)
		case entry.Type().IsRegular():
			return copyFile(from, to, name)
		}
		return fmt.Errorf("%s is neither a file nor a directory: remove it", name)
	})
}

func copyFile(from, to *os.Root, name string) error {
	source, err := from.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }()
	info, err := source.Stat()
	if err != nil {
		return err
	}
	dest, err := to.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, info.Mode().Perm())
	if err != nil {
		return err
	}
	_, err = io.Copy(dest, source)
	if err = errors.Join(err, dest.Close()); err != nil {
		return err
	}
	return to.Chtimes(name, info.ModTime(), info.ModTime())
}
