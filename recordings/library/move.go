package library

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/bbbpool/bbbpool/store"
)

// Move takes all formats of a recording to where recordings in this state are; Deleted is the trash. Where the right
// tree has a format already, that wins and other copies are deleted, unless it lacks a metadata.xml that another copy
// has: then it is a wreck, and replaced. Without any format it does nothing.
func (l *Library) Move(r *Held, state store.RecordingState) (err error) {
	defer fail(&err, "move recording %.200s", r.ID)
	to, err := l.tree(state)
	if err == nil {
		err = l.changeable(r)
	}
	if err != nil {
		return err
	}
	for _, from := range l.trees {
		if from == to {
			continue
		}
		parts, err := from.parts(r.ID)
		if err != nil {
			return err
		}
		for _, p := range parts {
			if err := bring(p, from, to); err != nil {
				return fmt.Errorf("format %s: %w", p.format, err)
			}
		}
	}
	return to.syncAll(r.ID)
}

// syncAll makes durable that parts of a recording are in the tree, also those that a call before has left.
func (t tree) syncAll(recordID string) error {
	parts, err := t.parts(recordID)
	for _, p := range parts {
		err = errors.Join(err, t.sync(p))
	}
	return err
}

// settle takes a part to a tree from wherever it is. It must be somewhere.
func (l *Library) settle(p part, to tree) error {
	found := false
	for _, from := range l.trees {
		ok, err := from.has(p)
		if err == nil && ok && from != to {
			err = bring(p, from, to)
		}
		if err != nil {
			return err
		}
		found = found || ok
	}
	if !found {
		return fmt.Errorf("neither staged nor in %s: %w", to.live(p), fs.ErrNotExist)
	}
	return nil
}

// bring takes a part from one tree to another, or deletes it where the other has it already.
func bring(p part, from, to tree) error {
	if err := to.mkdir(p.format, openMode); err != nil {
		return err
	}
	stays, err := prevails(to.live(p), from.live(p))
	if err != nil {
		return err
	}
	if stays {
		if err := to.sync(p); err != nil { // may have come a moment before a crash
			return err
		}
		return from.doom(from.live(p), p.flat())
	}
	if err := to.condemn(to.live(p), p.flat()); err != nil {
		return err
	}
	if err := transfer(p, from, from.live(p), to, to.live(p)); err != nil {
		return err
	}
	if err := from.sync(p); err != nil {
		return err
	}
	return to.removeAll(to.doomed(p.flat())) // the wreck
}

// prevails tells whether what is in the right place is kept, and not what is in another.
func prevails(right, other string) (bool, error) {
	filled, err := isFilled(right)
	if err != nil || !filled {
		return false, err
	}
	whole, err := isWhole(right)
	if err != nil || whole {
		return whole, err
	}
	whole, err = isWhole(other)
	return !whole, err
}

// isFilled tells whether there is a directory with something in it.
func isFilled(dir string) (bool, error) {
	if ok, err := isDir(dir); !ok {
		return false, err
	}
	file, err := os.Open(dir) //nolint:gosec // one of our own trees
	if err != nil {
		return false, err
	}
	defer func() { _ = file.Close() }()
	names, err := file.Readdirnames(1)
	if len(names) > 0 {
		return true, nil
	}
	return false, store.Ignore(err, io.EOF)
}

// isWhole tells whether a directory has what every format has.
func isWhole(dir string) (bool, error) {
	_, err := os.Lstat(filepath.Join(dir, "metadata.xml"))
	return err == nil, store.Ignore(err, fs.ErrNotExist)
}

// Remove deletes all of a recording, from every tree, with its note; what is staged stays. As soon as something is
// missing, all is out of sight. Deleting what is not there does nothing.
func (l *Library) Remove(r *Held) (err error) {
	defer fail(&err, "remove recording %.200s", r.ID)
	if err := errors.Join(l.guard.allowed(), l.changeable(r)); err != nil {
		return err
	}
	for _, t := range l.trees {
		if err := t.hide(r.ID); err != nil {
			return err
		}
	}
	if err := l.removeNote(r.ID); err != nil {
		return err
	}
	var errs []error
	for _, t := range l.trees {
		errs = append(errs, t.purge(r.ID))
	}
	return errors.Join(errs...)
}

// hide takes a recording out of a tree, and first out of what might return there.
func (t tree) hide(recordID string) error {
	stagings, err := os.ReadDir(filepath.Join(t.dir, asideDir))
	if store.Ignore(err, fs.ErrNotExist) != nil {
		return err
	}
	for _, staging := range stagings {
		err := t.each(recordID, filepath.Join(asideDir, staging.Name()), func(path string) error {
			return t.condemn(path, filepath.Base(path))
		})
		if err != nil {
			return err
		}
	}
	parts, err := t.parts(recordID)
	if err != nil {
		return err
	}
	for _, p := range parts {
		if err := errors.Join(t.condemn(t.live(p), p.flat()), t.sync(p)); err != nil {
			return err
		}
	}
	return nil
}

// purge deletes what is hidden of a recording.
func (t tree) purge(recordID string) error {
	return errors.Join(t.each(recordID, copiesDir, t.removeAll), t.each(recordID, doomedDir, t.removeAll))
}

// each calls do for all that a directory of our own has of a recording.
func (t tree) each(recordID, dir string, do func(path string) error) error {
	dir = filepath.Join(t.dir, dir)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return store.Ignore(err, fs.ErrNotExist)
	}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), recordID+".") {
			continue
		}
		if err := do(filepath.Join(dir, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

// Formats returns which formats of a recording are where, sorted by name. What it finds has been there. What it does not
// find may be on its way from one place to another, unless the caller holds the recording; it need not be held, so that a
// look which a disk keeps does not keep those who change the recording.
func (l *Library) Formats(recordID string) (found map[store.RecordingState][]string, err error) {
	defer fail(&err, "list formats of recording %.200s", recordID)
	if err := valid(recordID); err != nil {
		return nil, err
	}
	found = map[store.RecordingState][]string{}
	for _, t := range l.trees {
		parts, err := t.parts(recordID)
		if err != nil {
			return nil, err
		}
		for _, p := range parts {
			found[t.state] = append(found[t.state], p.format)
		}
	}
	return found, nil
}
