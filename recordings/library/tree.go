package library

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/files"
)

// Names of directories in a tree.
const (
	workDir    = ".bbbpool"
	stagingDir = workDir + "/staging"
	asideDir   = workDir + "/aside"
	copiesDir  = workDir + "/copies"
	doomedDir  = workDir + "/doomed"
	notesDir   = workDir + "/notes"
)

// Modes of directories: anybody may read recordings, as a web server before us, but nothing that is unfinished.
const (
	openMode   = 0o755
	closedMode = 0o700
)

// tree is the directory of all recordings in one state.
type tree struct {
	dir   string // absolute
	state store.RecordingState
	guard *guard // of the library
}

// part is one format of one recording.
type part struct{ format, id string }

// newPart returns a part whose names may become a path.
func newPart(format, recordID string) (part, error) {
	switch {
	case !ValidFormat(format):
		return part{}, fmt.Errorf("%.200q: %w", format, errFormat)
	case !ValidID(recordID):
		return part{}, fmt.Errorf("%.200q: %w", recordID, errID)
	}
	return part{format, recordID}, nil
}

// flat is the name of a part among others in one directory. Neither half has a dot.
func (p part) flat() string { return p.id + "." + p.format }

// unflatten is the reverse of flat.
func unflatten(name string) (part, bool) {
	id, format, _ := strings.Cut(name, ".")
	p, err := newPart(format, id)
	return p, err == nil
}

// live is where a part is seen.
func (t tree) live(p part) string { return filepath.Join(t.dir, p.format, p.id) }

func (t tree) staging(name string) string { return filepath.Join(t.dir, stagingDir, name) }

func (t tree) staged(name string, p part) string {
	return filepath.Join(t.dir, stagingDir, name, p.format, p.id)
}

func (t tree) aside(name string) string { return filepath.Join(t.dir, asideDir, name) }

func (t tree) setAside(name string, p part) string { return filepath.Join(t.aside(name), p.flat()) }

func (t tree) doomed(name string) string { return filepath.Join(t.dir, doomedDir, name) }

// prepare makes what a tree needs. That a read-only file system has no room for our own things is no reason not to play
// what is there.
func (t tree) prepare() error {
	if err := os.MkdirAll(t.dir, openMode); err != nil {
		return err
	}
	for _, dir := range []string{stagingDir, asideDir, copiesDir, doomedDir} {
		if err := t.mkdir(dir, closedMode); err != nil && !errors.Is(err, syscall.EROFS) {
			return err
		}
	}
	leftover, err := os.ReadDir(filepath.Join(t.dir, doomedDir))
	for _, entry := range leftover {
		_ = t.removeAll(t.doomed(entry.Name())) // costs room alone, and is tried again
	}
	return errors.Join(store.Ignore(err, fs.ErrNotExist), t.forgetCopies())
}

// mkdir makes a directory and its parents below the tree, but not the tree: one that has vanished must not be made anew
// in passing.
func (t tree) mkdir(name string, mode fs.FileMode) error {
	root, err := os.OpenRoot(t.dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	if err := root.MkdirAll(name, mode); err != nil {
		return fmt.Errorf("in %s: %w", t.dir, under(err, t.dir))
	}
	return nil
}

// under completes the path in an error of an [os.Root], which tells only the part below it.
func under(err error, dir string) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok && !filepath.IsAbs(e.Path) {
		return &fs.PathError{Op: e.Op, Path: filepath.Join(dir, e.Path), Err: e.Err}
	}
	return err
}

// has tells whether a part is in the tree. Anything else in its place is an error: neither is it a recording, nor may
// it be lost.
func (t tree) has(p part) (bool, error) {
	if ok, err := isDir(t.live(p)); !ok {
		return false, err
	}
	return isDir(filepath.Join(t.dir, p.format))
}

// isDir tells whether there is a directory. Anything else there is an error.
func isDir(path string) (bool, error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return false, nil
	case err != nil:
		return false, err
	case !info.IsDir():
		return false, fmt.Errorf("%s is no directory: links are not followed, move it away", path)
	}
	return true, nil
}

// parts returns what the tree has of a recording, by format.
func (t tree) parts(recordID string) ([]part, error) {
	entries, err := os.ReadDir(t.dir)
	if err != nil {
		return nil, err
	}
	var parts []part
	for _, entry := range entries {
		p := part{entry.Name(), recordID}
		if !ValidFormat(p.format) {
			continue
		}
		ok, err := t.has(p)
		if err != nil {
			return nil, err
		}
		if ok {
			parts = append(parts, p)
		}
	}
	return parts, nil
}

// sync makes durable that a part has come to the tree, or has left it.
func (t tree) sync(p part) error { return t.syncUp(filepath.Dir(t.live(p))) }

// syncUp makes durable what has changed in a directory of the tree, and that it is there.
func (t tree) syncUp(dir string) error {
	for {
		if err := files.SyncDirIfAble(dir); err != nil || dir == t.dir {
			return err
		}
		dir = filepath.Dir(dir)
	}
}

// doom deletes a directory so that nobody ever sees half of it.
func (t tree) doom(path, name string) error {
	if err := t.condemn(path, name); err != nil {
		return err
	}
	return t.removeAll(t.doomed(name))
}

// condemn moves a directory to where things are deleted. The name there is fixed, not made up, so that this needs no
// room and leaves nothing that the next deletion does not find.
func (t tree) condemn(path, name string) error {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := t.mkdir(doomedDir, closedMode); err != nil {
		return err
	}
	if err := t.removeAll(t.doomed(name)); err != nil {
		return err
	}
	return t.rename(path, t.doomed(name))
}
