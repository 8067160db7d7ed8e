package upload

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// keepParts is how long the part of an archive waits for the rest.
const keepParts = 7 * 24 * time.Hour

// ours are the files that this package makes.
var ours = regexp.MustCompile(`^[0-9a-f]{32}\.(part|state|state\.new)$`)

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
	h.mu.Lock()
	defer h.mu.Unlock()
	key, _, _ := strings.Cut(entry.Name(), ".")
	if _, busy := h.active[key]; busy {
		return nil
	}
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
