package library

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/bbbpool/bbbpool/store"
)

// Place puts staged formats of a recording where recordings in its state are, in the place of what any tree has of
// them. A format that is staged no more must be in some tree, from a call before, and goes to the right one. After an
// error each format is where it was before or where it is to be. After a crash, or where the disk does not let anything
// be put back, one may be in no tree until Place is called again or the staging discarded.
//
// Formats of the recording that are not named stay where they are: see [Library.Move].
func (l *Library) Place(name string, r *Held, formats []string, state store.RecordingState) (err error) {
	defer fail(&err, "place recording %.200s", r.ID)
	to, err := l.tree(state)
	if err != nil {
		return err
	}
	staging, err := l.holdStaging(name)
	if err != nil {
		return err
	}
	defer staging.Release()
	if err := l.changeable(r); err != nil {
		return err
	}
	for _, format := range formats {
		p, err := newPart(format, r.ID)
		if err != nil {
			return err
		}
		if err := l.place(name, p, to); err != nil {
			return fmt.Errorf("format %s: %w", format, err)
		}
	}
	return nil
}

func (l *Library) place(name string, p part, to tree) error {
	ready, err := l.gather(name, p, to)
	if err != nil {
		return err
	}
	if ready {
		err := l.carryTracks(p, to.staged(name, p))
		if err == nil {
			err = l.swap(name, p, to)
		}
		if err != nil {
			return errors.Join(err, l.resolve(name, p))
		}
	} else if err := l.settle(p, to); err != nil {
		return err
	}
	if err := to.sync(p); err != nil {
		return err
	}
	return l.resolve(name, p)
}

// gather brings what is staged to the file system that it is meant for, so that the rest is renames. It tells whether
// there is something.
func (l *Library) gather(name string, p part, to tree) (bool, error) {
	near := to.staged(name, p)
	ready, err := isDir(near) // complete: it came by rename
	if err != nil {
		return false, err
	}
	for _, t := range l.trees {
		from := t.staged(name, p)
		ok, err := isDir(from)
		switch {
		case err != nil:
			return false, err
		case !ok, t == to:
		case ready:
			err = t.doom(from, p.flat())
		default:
			if err = to.mkdir(filepath.Join(stagingDir, name, p.format), closedMode); err == nil {
				err = transfer(p, t, from, to, near)
			}
			ready = err == nil
		}
		if err != nil {
			return false, err
		}
	}
	return ready, nil
}

// swap sets aside what the trees have of a part, and moves in what is staged. All that may need room comes first.
func (l *Library) swap(name string, p part, to tree) error {
	if err := to.mkdir(p.format, openMode); err != nil {
		return err
	}
	for _, t := range l.trees {
		ok, err := t.has(p)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if err := t.mkdir(filepath.Join(asideDir, name), closedMode); err != nil {
			return err
		}
		if err := t.putAside(name, p); err != nil {
			return err
		}
	}
	return to.rename(to.staged(name, p), to.live(p))
}

// putAside sets aside a part, unless one is there from before: that is what the staging replaces in the end.
func (t tree) putAside(name string, p part) error {
	if ok, err := isDir(t.setAside(name, p)); err != nil {
		return err
	} else if ok {
		return t.doom(t.live(p), p.flat())
	}
	return t.rename(t.live(p), t.setAside(name, p))
}

// resolve decides about what was set aside for a part. Where something is still staged, that is not in place, and what
// it was to replace returns; else it goes, unless it is all that there is.
func (l *Library) resolve(name string, p part) error {
	keep, err := l.anywhere(func(t tree) (bool, error) { return isDir(t.staged(name, p)) })
	staged := keep
	if err == nil && !staged {
		keep, err = l.anywhere(func(t tree) (bool, error) { return t.has(p) })
		keep = !keep
	}
	if err != nil {
		return err
	}
	for _, t := range l.trees {
		path := t.setAside(name, p)
		ok, err := isDir(path)
		switch {
		case err != nil:
			return err
		case !ok:
			continue
		case keep:
			err = giveBack(path, t, p)
			keep = staged // one copy is enough unless they were more
		default:
			err = t.doom(path, p.flat())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// anywhere tells whether something is so in any tree.
func (l *Library) anywhere(so func(t tree) (bool, error)) (bool, error) {
	for _, t := range l.trees {
		if ok, err := so(t); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// giveBack returns what was set aside to its tree.
func giveBack(path string, t tree, p part) error {
	if filled, err := isFilled(t.live(p)); err != nil {
		return err
	} else if filled { // put there by somebody else
		return t.doom(path, p.flat())
	}
	if err := t.mkdir(p.format, openMode); err != nil {
		return err
	}
	if err := t.rename(path, t.live(p)); err != nil {
		return err
	}
	return t.sync(p)
}
