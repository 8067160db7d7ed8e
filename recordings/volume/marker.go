package volume

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/files"
)

const (
	workDir    = ".bbbpool"
	markerFile = workDir + "/volume"
	probeFile  = workDir + "/probe"
	maxMarker  = 200 // bytes that are read of a marker
)

var markers = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// Mark writes on a volume which one it is, so that it can be told from another one, and from the empty directory that
// is there when none is mounted. An ID has letters, digits, dots, underscores and dashes, at most 100.
func Mark(path, id string) error {
	if !markers.MatchString(id) {
		return fmt.Errorf("mark the volume at %s: %.100q is no ID", path, id)
	}
	if err := within(path, func(root *os.Root) error { return mark(root, id) }); err != nil {
		return fmt.Errorf("mark the volume at %s: %w", path, err)
	}
	return nil
}

func mark(root *os.Root, id string) error {
	if err := root.MkdirAll(workDir, 0o700); err != nil {
		return err
	}
	temp := markerFile + "." + newMark()[:8] // not another program's, which may mark it at the same time
	if err := files.Write(root, temp, []byte(id+"\n")); err != nil {
		return errors.Join(err, store.Ignore(root.Remove(temp), fs.ErrNotExist))
	}
	if err := root.Rename(temp, markerFile); err != nil {
		return err
	}
	return syncDirs(root, workDir, ".")
}

// MarkerOf returns the ID that a volume was marked with; "" if it was not. A directory that is not there is an error.
func MarkerOf(path string) (id string, err error) {
	err = within(path, func(root *os.Root) (err error) {
		id, err = markerOf(root)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("read the mark of the volume at %s: %w", path, err)
	}
	return id, nil
}

func markerOf(root *os.Root) (string, error) {
	file, err := root.Open(markerFile)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, maxMarker))
	return strings.TrimSpace(string(text)), err
}

// within calls do with a directory, out of which nothing leads. The path in an error is complete.
func within(path string, do func(root *os.Root) error) error {
	root, err := os.OpenRoot(path)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	err = do(root)
	if e, ok := errors.AsType[*fs.PathError](err); ok && !filepath.IsAbs(e.Path) {
		return &fs.PathError{Op: e.Op, Path: filepath.Join(path, e.Path), Err: e.Err}
	}
	return err
}

// syncDirs makes durable which names are in directories, as far as the file system knows how.
func syncDirs(root *os.Root, names ...string) error {
	for _, name := range names {
		dir, err := root.Open(name)
		if err != nil {
			return err
		}
		_ = dir.Sync() // some file systems have no such thing
		_ = dir.Close()
	}
	return nil
}
