package library

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
)

// Open opens a file or a directory of a recording to be delivered; published ones come first, and the trash never. The
// name is separated by slashes, "." is the format's own directory. The file can seek: it is an [os.File].
//
// The error is [fs.ErrNotExist] where there is nothing to deliver, which includes names that start with a dot, links
// that lead out of the recording, and what is neither a file nor a directory.
func (l *Library) Open(recordID, format, name string) (fs.File, error) {
	p, err := newPart(format, recordID)
	nothing := &fs.PathError{Op: "open", Path: fmt.Sprintf("%.500s", format+"/"+recordID+"/"+name), Err: fs.ErrNotExist}
	if err != nil || !visible(name) {
		return nil, nothing
	}
	for _, t := range l.shown() {
		file, err := t.openFile(p, name)
		if !errors.Is(err, fs.ErrNotExist) {
			return file, err
		}
	}
	return nil, nothing
}

// Path returns the directory in which a format can be delivered now, published or not.
func (l *Library) Path(recordID, format string) (dir string, ok bool) {
	p, err := newPart(format, recordID)
	if err != nil {
		return "", false
	}
	for _, t := range l.shown() {
		if ok, err := t.has(p); ok && err == nil {
			return t.live(p), true
		}
	}
	return "", false
}

// shown are the trees to look for what is delivered, in that order. The published one is there twice, for what is
// published in this very moment.
func (l *Library) shown() []tree { return []tree{l.trees[0], l.trees[1], l.trees[0]} }

// visible tells whether a name is a path without dotfiles.
func visible(name string) bool {
	if name == "." {
		return true
	}
	return fs.ValidPath(name) && !slices.ContainsFunc(strings.Split(name, "/"), func(element string) bool {
		return strings.HasPrefix(element, ".") || strings.Contains(element, "\x00")
	})
}

func (t tree) openFile(p part, name string) (fs.File, error) {
	if ok, err := t.has(p); err != nil {
		return nil, err
	} else if !ok {
		return nil, fs.ErrNotExist
	}
	root, err := os.OpenRoot(t.live(p))
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	return openIn(root, name)
}

// openIn opens a file or a directory, and nothing else.
func openIn(root *os.Root, name string) (*os.File, error) {
	file, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe would wait for a writer
	if err != nil {
		return nil, absent(under(err, root.Name()))
	}
	info, err := file.Stat()
	if err == nil && !info.IsDir() && !info.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err != nil {
		_ = file.Close() // was only opened
		return nil, err
	}
	return file, nil
}

// nameErrors say that nothing has such a name, or nothing to deliver.
var nameErrors = []syscall.Errno{syscall.ENOENT, syscall.ENOTDIR, syscall.ELOOP, syscall.ENAMETOOLONG, syscall.ENXIO}

// absent makes [fs.ErrNotExist] of every error that is about the name and not about the disk. That a link leads out of
// an [os.Root] has no number.
func absent(err error) error {
	number, ok := errors.AsType[syscall.Errno](err)
	if ok && !slices.Contains(nameErrors, number) {
		return err
	}
	return fmt.Errorf("%w: %w", fs.ErrNotExist, err)
}
