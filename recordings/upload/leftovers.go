package upload

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// keepParts is how long the part of an archive waits for the rest.
const keepParts = 7 * 24 * time.Hour

// ours are the files that this package makes.
var ours = regexp.MustCompile(`^[0-9a-f]{32}\.(part|state|state\.new)$`)

// leftover is a part that nobody sends at the moment.
type leftover struct {
	key     string
	bytes   int64
	changed time.Time
}

// leftovers returns all parts with names that begin so, the oldest first.
func (h *Handler) leftovers(prefix string) ([]leftover, error) {
	entries, err := os.ReadDir(h.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list parts of uploads: %w", err)
	}
	var list []leftover
	for _, entry := range entries { // sorted by name: the files of a part are neighbours
		key, suffix, _ := strings.Cut(entry.Name(), ".")
		if !ours.MatchString(entry.Name()) || !strings.HasPrefix(key, prefix) {
			continue
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("find part: %w", err)
		}
		if len(list) == 0 || list[len(list)-1].key != key {
			list = append(list, leftover{key: key})
		}
		l := &list[len(list)-1]
		if "."+suffix == partSuffix {
			l.bytes = info.Size()
		}
		if info.ModTime().After(l.changed) {
			l.changed = info.ModTime()
		}
	}
	slices.SortFunc(list, func(a, b leftover) int {
		return cmp.Or(a.changed.Compare(b.changed), strings.Compare(a.key, b.key))
	})
	return list, nil
}

// makePlace drops what this server has left unfinished longest, where it has too much for another archive.
func (t *transfer) makePlace() error {
	list, err := t.handler.surplus(t.server, filepath.Base(t.part.path), t.length)
	if err != nil {
		return err
	}
	for _, l := range list {
		if err := t.discard(l); err != nil {
			return fmt.Errorf("drop part: %w", err)
		}
	}
	return nil
}

// discard removes a part, unless an upload has taken it up meanwhile.
func (t *transfer) discard(l leftover) error {
	return t.handler.underway.unlessAt(l.key, func() error {
		if t.handler.Shared {
			if busy, err := elsewhere(filepath.Join(t.handler.Dir, l.key)); busy || err != nil {
				return err
			}
		}
		for _, suffix := range []string{stateSuffix, newSuffix, partSuffix} {
			if err := remove(filepath.Join(t.handler.Dir, l.key+suffix)); err != nil {
				return err
			}
		}
		t.log.Warn().Str("part", l.key).Int64("dropped", l.bytes).
			Msg("unfinished upload dropped: its server has too many, and sends another")
		return nil
	})
}

// Sweep removes what has arrived of archives that nobody has gone on with for a week. It is meant to be called now and
// then, an hour apart or a day.
func (h *Handler) Sweep(now time.Time) error {
	entries, err := os.ReadDir(h.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("list parts of uploads: %w", err)
	}
	var errs []error
	for _, entry := range entries {
		if ours.MatchString(entry.Name()) {
			errs = append(errs, h.sweep(entry, now))
		}
	}
	return errors.Join(errs...)
}

// sweep removes one file if it is old. No upload can take it up meanwhile.
func (h *Handler) sweep(entry fs.DirEntry, now time.Time) error {
	key, _, _ := strings.Cut(entry.Name(), ".")
	return h.underway.unlessAt(key, func() error { return h.removeOld(entry, now) })
}

// removeOld removes one file if it is old.
func (h *Handler) removeOld(entry fs.DirEntry, now time.Time) error {
	info, err := os.Stat(filepath.Join(h.Dir, entry.Name())) // as it is now, not when the directory was read
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("find part: %w", err)
	}
	if now.Sub(info.ModTime()) < keepParts {
		return nil
	}
	if err := remove(filepath.Join(h.Dir, entry.Name())); err != nil {
		return fmt.Errorf("remove old part: %w", err)
	}
	h.Log.Info().Str("part", entry.Name()).Int64("bytes", info.Size()).Msg("old part of an upload removed")
	return nil
}

// discard forgets what is here of an archive that is known: it was sent anew while nobody could tell that it was. Where another
// instance is at it, that one will see.
func (h *Handler) discard(path string) {
	if err := discard(path, h.Shared); err != nil && !errors.Is(err, errBusy) {
		h.Log.Warn().Err(err).Msg("remove part of an archive that is here")
	}
}

func discard(path string, shared bool) error {
	file, err := openPart(path+partSuffix, os.O_WRONLY, shared)
	if errors.Is(err, fs.ErrNotExist) {
		return remove(path + stateSuffix) // of one that was taken over just before a crash
	}
	if err != nil {
		return err
	}
	gone := part{path: path}
	return errors.Join(gone.drop(), file.Close())
}
