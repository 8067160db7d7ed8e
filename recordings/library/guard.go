package library

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// guard is asked before anything in a library is renamed or deleted. Its zero value lets everything be done.
type guard struct {
	may   func() error
	epoch func() uint64
}

// Guard has may asked before each rename and each deletion, which are not done where it returns an error. Where several
// processes have the same directories one of them may change what is there at a time, and one that was may find out late that
// it is no more. Epoch is a number of its own for each time that a process may; copies that are on their way have names of their
// epoch, so that nobody goes on with what another one has begun. It is called before anything else.
func (l *Library) Guard(may func() error, epoch func() uint64) {
	l.guard.may, l.guard.epoch = may, epoch
}

// allowed returns an error where nothing may be changed.
func (g *guard) allowed() error {
	if g.may == nil {
		return nil
	}
	return g.may()
}

// now is the epoch; 0 where there are none.
func (g *guard) now() uint64 {
	if g.epoch == nil {
		return 0
	}
	return g.epoch()
}

// rename renames in the tree, or into it, if that may be done.
func (t tree) rename(from, to string) error {
	if err := t.guard.allowed(); err != nil {
		return err
	}
	return os.Rename(from, to)
}

// removeAll deletes in the tree, if that may be done.
func (t tree) removeAll(path string) error {
	if err := t.guard.allowed(); err != nil {
		return err
	}
	return os.RemoveAll(path)
}

// copied is where a copy of a part is until it is whole: a name of this epoch's own.
func (t tree) copied(p part) string {
	name := p.flat()
	if epoch := t.guard.now(); epoch > 0 {
		name += "." + strconv.FormatUint(epoch, 16)
	}
	return filepath.Join(t.dir, copiesDir, name)
}

// forgetCopies deletes copies of other epochs: whoever is still at one finds it gone.
func (t tree) forgetCopies() error {
	epoch := t.guard.now()
	if epoch == 0 {
		return nil
	}
	entries, err := os.ReadDir(filepath.Join(t.dir, copiesDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), "."+strconv.FormatUint(epoch, 16)) {
			continue
		}
		err = errors.Join(err, t.doom(filepath.Join(t.dir, copiesDir, entry.Name()), ".copy."+entry.Name()))
	}
	return err
}

// Rename gives a staging another name, with what is set aside for it: whoever goes on with it by the former name finds
// nothing. Calling again finishes what was broken off. What is not there is no error.
func (l *Library) Rename(name, to string) (err error) {
	defer fail(&err, "take over staging %.200q", name)
	both := []string{name, to}
	slices.Sort(both)
	for _, one := range slices.Compact(both) {
		staging, err := l.holdStaging(one)
		if err != nil {
			return err
		}
		defer staging.Release()
	}
	if err := l.intact(); err != nil || name == to {
		return err
	}
	for _, t := range l.trees {
		for from, dest := range map[string]string{t.staging(name): t.staging(to), t.aside(name): t.aside(to)} {
			if ok, err := isDir(from); err != nil {
				return err
			} else if !ok {
				continue
			}
			if err := t.rename(from, dest); err != nil {
				return fmt.Errorf("as %.200q: %w", to, err)
			}
			if err := t.syncUp(filepath.Dir(dest)); err != nil {
				return err
			}
		}
	}
	return nil
}
