package library

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// explained is an error to which nothing is to be added.
type explained struct {
	error
	advice string
}

func (e explained) Error() string { return e.error.Error() + ": " + e.advice }
func (e explained) Unwrap() error { return e.error }

// Explain adds to an error of permission whose the file or directory is, who we are and what to do, and to one of a
// read-only file system what to do. Other errors, and nil, are returned as they are.
func Explain(err error) error {
	if _, ok := errors.AsType[explained](err); ok {
		return err
	}
	switch {
	case errors.Is(err, syscall.EROFS):
		return explained{err, "mount it for writing, and see in the kernel's log why it is not"}
	case !errors.Is(err, fs.ErrPermission):
		return err
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return blame(err, e.Op, e.Path)
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		for _, path := range []string{e.Old, e.New} {
			if at, _ := culprit(path); !writable(at) {
				return blame(err, e.Op, path)
			}
		}
	}
	return err
}

// blame says what stands in the way of an operation on a path.
func blame(err error, op, path string) error {
	at, info := culprit(path)
	if info == nil {
		return err
	}
	if op != "mkdir" || at == path { // of a directory that the operator has named, not of one inside it
		path = ""
	}
	return explained{err, describe(at, info, path)}
}

// culprit finds what does not let us write to a path: what is there, or the directory that it is or would be in.
func culprit(path string) (at string, info fs.FileInfo) {
	path = filepath.Clean(path)
	for at = path; at != filepath.Dir(at); at = filepath.Dir(at) {
		if info, _ = os.Stat(at); info != nil {
			break
		}
	}
	if parent := filepath.Dir(path); at == path && writable(at) && !writable(parent) {
		at = parent
		info, _ = os.Stat(at)
	}
	return at, info
}
