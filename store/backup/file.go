package backup

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/store/files"
)

// unfinished begins the names of files that are being written.
const unfinished = ".bbbpool-unfinished-"

// Create writes a file that its owner alone may read: beside its place, and renamed when it is whole and on the disk. What was
// there before stays until then, and for good where write fails. What is there and is no file, as a directory, a pipe or a
// device, is never replaced.
func Create(path string, write func(io.Writer) error) (err error) {
	if there, err := os.Stat(path); err == nil && !there.Mode().IsRegular() {
		return fmt.Errorf("%s is there and is no file: name a file in a directory, or - for the standard output", path)
	}
	dir := filepath.Dir(path)
	temp, err := os.CreateTemp(dir, unfinished) // with mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(temp.Name())
		}
	}()
	out := bufio.NewWriterSize(temp, 256<<10)
	err = write(out)
	if err = errors.Join(err, out.Flush()); err == nil {
		err = temp.Sync()
	}
	if err = errors.Join(err, temp.Close()); err != nil {
		return err
	}
	if err = os.Rename(temp.Name(), path); err != nil {
		return err
	}
	return files.SyncDirIfAble(dir)
}

// Sweep takes away what a process has left in a directory that ended while it wrote: what was not touched for so long.
func Sweep(dir string, age time.Duration) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, gone := e.Info()
		if strings.HasPrefix(e.Name(), unfinished) && gone == nil && time.Since(info.ModTime()) >= age {
			err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	return err
}

// Spool is a file without a name in a directory, for what is read at the speed of a disk and handed on at that of whoever asks
// for it: no store is kept waiting for them. It is gone when it is closed, or the process ends.
func Spool(dir string) (*os.File, error) {
	file, err := os.CreateTemp(dir, unfinished)
	if err != nil {
		return nil, err
	}
	if err := os.Remove(file.Name()); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// Scratch is a directory in another for what is thrown away, which Sweep knows.
func Scratch(dir string) (string, error) { return os.MkdirTemp(dir, unfinished) }
