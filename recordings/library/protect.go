package library

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/files"
)

// A format of a protected recording has a mark beside its files, so that it is known for one where nobody can be asked: what lies
// published and has no mark plays then. So a mark is there before the recording is protected for anybody, and as long as it is; and
// before all that lies here was once compared with what is known of it, marks say nothing.
const (
	// protectedMark is the mark, which nobody gets delivered.
	protectedMark = ".protected"
	// marksFile says that marks can be relied on.
	marksFile = workDir + "/marks"
)

// ErrMarks is that marks do not tell yet what is protected.
var ErrMarks = errors.New("it is not known yet which of the recordings here are protected")

// Protect marks all that is here of a recording as protected, or takes the marks away. It can be repeated.
func (l *Library) Protect(r *Held, protected bool) (err error) {
	defer fail(&err, "mark recording %.200s", r.ID)
	if err := valid(r.ID); err != nil {
		return err
	}
	for _, t := range l.trees {
		parts, err := t.parts(r.ID)
		if err != nil {
			return err
		}
		for _, p := range parts {
			if err := t.mark(t.live(p), protected); err != nil {
				return err
			}
		}
	}
	return nil
}

// MarkStaged does the same with what is staged of a recording, before it is put in place.
func (l *Library) MarkStaged(name string, r *Held, protected bool) (err error) {
	defer fail(&err, "mark recording %.200s in staging %.200q", r.ID, name)
	formats, err := l.Staged(name, r.ID)
	if err != nil {
		return err
	}
	for _, t := range l.trees {
		for _, format := range formats {
			dir := t.staged(name, part{format, r.ID})
			if ok, err := isDir(dir); err != nil {
				return err
			} else if ok {
				if err := t.mark(dir, protected); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// mark marks one directory, or takes the mark away. Whatever has the name is a mark.
func (t tree) mark(dir string, protected bool) error {
	path := filepath.Join(dir, protectedMark)
	marked, err := isMarked(dir)
	switch {
	case err != nil || marked == protected:
		return err
	case !protected:
		err = t.removeAll(path)
	default:
		if err = t.guard.allowed(); err == nil {
			err = os.WriteFile(path, nil, fileMode) //nolint:gosec // below one of our own trees
		}
	}
	return errors.Join(err, files.SyncDirIfAble(dir))
}

func isMarked(dir string) (bool, error) {
	_, err := os.Lstat(filepath.Join(dir, protectedMark))
	return err == nil, store.Ignore(err, fs.ErrNotExist)
}

// IsProtected tells whether a format that was found is marked as one of a protected recording.
func (l *Library) IsProtected(f Found) (bool, error) { return isMarked(f.Dir) }

// RelyOnMarks says that all that is here is marked as it is to be, from now on.
func (l *Library) RelyOnMarks() (err error) {
	defer fail(&err, "note that recordings are marked")
	if err := l.guard.allowed(); err != nil {
		return err
	}
	root, err := os.OpenRoot(l.published.dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	if _, err := root.Stat(marksFile); err == nil {
		return nil
	}
	if err := root.MkdirAll(workDir, closedMode); err != nil {
		return err
	}
	if err := files.Write(root, marksFile, nil); err != nil {
		return err
	}
	return l.published.syncUp(filepath.Join(l.published.dir, workDir))
}

// Shelved tells, from the disk alone, which formats of a recording are published, and whether it is protected. It returns
// fs.ErrNotExist where none are, and ErrMarks where that cannot be told.
func (l *Library) Shelved(recordID string) (formats []string, protected bool, err error) {
	defer fail(&err, "look for recording %.200s", recordID)
	if err := valid(recordID); err != nil {
		return nil, false, fs.ErrNotExist
	}
	if _, err := os.Lstat(filepath.Join(l.published.dir, marksFile)); err != nil {
		return nil, false, errors.Join(ErrMarks, store.Ignore(err, fs.ErrNotExist))
	}
	parts, err := l.published.parts(recordID)
	if err == nil && len(parts) == 0 {
		err = fmt.Errorf("nothing of it is published: %w", fs.ErrNotExist)
	}
	for _, p := range parts {
		marked, unknown := isMarked(l.published.live(p))
		err = errors.Join(err, unknown)
		formats, protected = append(formats, p.format), protected || marked
	}
	return formats, protected, err
}
