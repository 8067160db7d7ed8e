package library

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/files"
)

// maxNote bounds a note, in bytes.
const maxNote = 1 << 20

// notePath returns where in the published tree the note of a recording is: in one of 256 directories, so that none gets
// too long.
func notePath(recordID string) (dir, name string) {
	sum := sha256.Sum256([]byte(recordID))
	return filepath.Join(notesDir, hex.EncodeToString(sum[:1])), recordID + ".json"
}

// SetNote keeps what the index knows of a recording beyond its files, at most 1 MiB, wholly or not at all. An empty
// note is removed.
func (l *Library) SetNote(r *Held, note []byte) (err error) {
	defer fail(&err, "note recording %.200s", r.ID)
	if err := valid(r.ID); err != nil {
		return err
	}
	if err := l.guard.allowed(); err != nil {
		return err
	}
	if len(note) == 0 {
		return l.removeNote(r.ID)
	}
	if len(note) > maxNote {
		return fmt.Errorf("%d bytes are too much: at most %d", len(note), maxNote)
	}
	dir, name := notePath(r.ID)
	if err := l.published.mkdir(dir, closedMode); err != nil {
		return err
	}
	root, err := os.OpenRoot(filepath.Join(l.published.dir, dir))
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	temp := "." + name // one, so that a crash leaves nothing that grows
	if err := files.Write(root, temp, note); err != nil {
		return errors.Join(under(err, root.Name()), store.Ignore(root.Remove(temp), fs.ErrNotExist))
	}
	if err := root.Rename(temp, name); err != nil {
		return err
	}
	return l.published.syncUp(root.Name())
}

// Note returns what SetNote has kept of a recording; nil if there is nothing.
func (l *Library) Note(r *Held) (note []byte, err error) { return l.LastNote(r.ID) }

// LastNote returns the same for whoever only looks: it may be about to change.
func (l *Library) LastNote(recordID string) (note []byte, err error) {
	defer fail(&err, "read the note on recording %.200s", recordID)
	if err := valid(recordID); err != nil {
		return nil, err
	}
	dir, name := notePath(recordID)
	path := filepath.Join(l.published.dir, dir, name)
	file, err := os.Open(path) //nolint:gosec // made of a valid record ID
	if err != nil {
		return nil, store.Ignore(err, fs.ErrNotExist)
	}
	defer func() { _ = file.Close() }()
	note, err = io.ReadAll(io.LimitReader(file, maxNote+1))
	if err == nil && len(note) > maxNote {
		err = fmt.Errorf("%s has more than %d bytes: remove it", path, maxNote)
	}
	return note, err
}

func (l *Library) removeNote(recordID string) error {
	dir, name := notePath(recordID)
	dir = filepath.Join(l.published.dir, dir)
	for _, file := range []string{"." + name, name} {
		if err := os.Remove(filepath.Join(dir, file)); store.Ignore(err, fs.ErrNotExist) != nil {
			return err
		}
	}
	return store.Ignore(files.SyncDirIfAble(dir), fs.ErrNotExist)
}
