package library

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// Stage returns an empty directory to unpack recordings into, as <format>/<recordID>/…. Whatever was staged under the
// name before is discarded first.
func (l *Library) Stage(name string) (dir string, err error) {
	defer fail(&err, "stage %.200q", name)
	staging, err := l.holdCleared(name)
	if err != nil {
		return "", err
	}
	defer staging.Release()
	if err := l.discard(staging); err != nil {
		return "", err
	}
	if err := l.published.mkdir(filepath.Join(stagingDir, name), closedMode); err != nil {
		return "", err
	}
	dir = l.published.staging(name)
	file, err := os.Open(dir) //nolint:gosec // one of our own trees
	if err != nil {
		return "", err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sealed[name] = file
	return dir, nil
}

// holdStaging waits until nobody else works on a staging, and locks it.
func (l *Library) holdStaging(name string) (*Held, error) {
	if !names.MatchString(name) || len(name) > 200 {
		return nil, fmt.Errorf("%.200q: %w", name, errName)
	}
	return l.stagings.Hold(name), nil
}

// Seal makes durable all that was staged. After an error the staging is not to be used: the kernel tells only once that
// it has lost something. It is an error, too, if something else than a directory is where a part of it is to be: what
// cannot be placed must not be committed.
//
// On Linux this syncs the file system through a file that is open since Stage, so that losses in between are told even
// if somebody else has heard of them. FUSE file systems such as sshfs may know no better than to say yes.
func (l *Library) Seal(name string) (err error) {
	defer fail(&err, "seal %.200q", name)
	staging, err := l.holdStaging(name)
	if err != nil {
		return err
	}
	defer staging.Release()
	l.mu.Lock()
	file := l.sealed[name]
	l.mu.Unlock()
	if file == nil { // staged before the program was started
		if file, err = os.Open(l.published.staging(name)); err != nil {
			return err
		}
		defer func() { _ = file.Close() }()
	}
	if err := l.placeable(name); err != nil {
		return err
	}
	if err := syncAll(file, l.published.staging(name)); err != nil {
		return err
	}
	return l.published.syncUp(l.published.staging(name))
}

// placeable returns an error if a link, say, is where a part of a staging is to be.
func (l *Library) placeable(name string) error {
	dirs, err := filepath.Glob(filepath.Join(l.published.staging(name), "*", "*"))
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		p := part{filepath.Base(filepath.Dir(dir)), filepath.Base(dir)}
		for _, t := range l.trees {
			if _, err := t.has(p); err != nil {
				return err
			}
			if _, err := isDir(filepath.Join(t.dir, p.format)); err != nil {
				return err
			}
		}
	}
	return nil
}

// Discard removes a staging and all that is left in it. What a Place that was not finished has set aside returns to
// where it was. Discarding what is not there does nothing.
func (l *Library) Discard(name string) (err error) {
	defer fail(&err, "discard %.200q", name)
	staging, err := l.holdCleared(name)
	if err != nil {
		return err
	}
	defer staging.Release()
	return l.discard(staging)
}

// discard removes a staging for which nothing is set aside.
func (l *Library) discard(staging *Held) error {
	name := staging.ID
	l.mu.Lock()
	if file := l.sealed[name]; file != nil {
		_ = file.Close() // was only ever synced
		delete(l.sealed, name)
	}
	l.mu.Unlock()
	for _, t := range l.trees {
		if err := t.doom(t.staging(name), ".staging."+name); err != nil {
			return err
		}
	}
	return nil
}

// holdCleared locks a staging in trees that are all there, once nothing is set aside for it any more: that comes before
// anything staged goes, which tells what to do with it. A recording is locked before a staging, here as everywhere, or two
// calls could wait for each other; so what is set aside is looked up, given back, and looked up again.
func (l *Library) holdCleared(name string) (*Held, error) {
	for {
		staging, err := l.holdStaging(name)
		if err != nil {
			return nil, err
		}
		left, err := l.leftAside(name)
		if err == nil && len(left) == 0 {
			return staging, nil
		}
		staging.Release()
		if err != nil {
			return nil, err
		}
		for _, p := range left {
			if err := l.clearAside(name, p); err != nil {
				return nil, err
			}
		}
	}
}

// leftAside returns what is set aside for a staging, in any tree, and removes the directories that held something once.
func (l *Library) leftAside(name string) (parts []part, err error) {
	if err := l.intact(); err != nil {
		return nil, err
	}
	for _, t := range l.trees {
		entries, err := os.ReadDir(t.aside(name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil && len(entries) == 0 {
			err = os.Remove(t.aside(name))
		}
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			p, ok := unflatten(entry.Name())
			if !ok {
				return nil, fmt.Errorf("%s is none of ours: move it away", filepath.Join(t.aside(name), entry.Name()))
			}
			parts = append(parts, p)
		}
	}
	return parts, nil
}

// clearAside locks a part and a staging, and gives back or deletes what was set aside of one for the other, whichever is
// right.
func (l *Library) clearAside(name string, p part) error {
	r := l.Hold(p.id)
	defer r.Release()
	staging, err := l.holdStaging(name)
	if err != nil {
		return err
	}
	defer staging.Release()
	return l.resolve(name, p)
}

// Staged returns which formats of a recording are still in a staging, sorted; none is no error.
func (l *Library) Staged(name, recordID string) (formats []string, err error) {
	defer fail(&err, "look into staging %.200q for recording %.200q", name, recordID)
	if !ValidID(recordID) {
		return nil, errID
	}
	staging, err := l.holdStaging(name)
	if err != nil {
		return nil, err
	}
	defer staging.Release()
	if err := l.intact(); err != nil {
		return nil, err
	}
	for _, t := range l.trees {
		entries, err := os.ReadDir(t.staging(name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, entry := range entries {
			p := part{entry.Name(), recordID}
			if !ValidFormat(p.format) {
				continue
			}
			if ok, err := isDir(t.staged(name, p)); err != nil {
				return nil, err
			} else if ok {
				formats = append(formats, p.format)
			}
		}
	}
	slices.Sort(formats) // those that a crash has left in two trees are one
	return slices.Compact(formats), nil
}

// Stagings returns the names of all stagings that have not been discarded, sorted.
func (l *Library) Stagings() (found []string, err error) {
	defer fail(&err, "list what is staged")
	all := map[string]bool{}
	for _, t := range l.trees {
		for _, dir := range []string{stagingDir, asideDir} {
			entries, err := os.ReadDir(filepath.Join(t.dir, dir))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
			for _, entry := range entries {
				all[entry.Name()] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(all)), nil
}
