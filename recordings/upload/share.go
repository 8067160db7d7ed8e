package upload

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/recordings/volume"
)

// What the archives of one server that have begun to arrive may take, so that it leaves place for others. Their bytes,
// those to come of the ones under way included, are at most maxArchives times --max-upload.
const (
	maxParts    = 50
	maxArchives = 2
)

// nextBytes is what there has to be room for while an upload goes on.
const nextBytes = 1 << 30

// room tells why so many more bytes of a server do not fit beside what is announced and still to come. What one other
// server has announced takes half of the room at most: it may never send it.
func (h *Handler) room(server string, bytes int64) error {
	all, largest := h.announced(server)
	all += bytes
	err := h.Room(all)
	if err == nil || largest > 0 && h.Room(2*(all-largest)) == nil { // only one server can have more than half
		return nil
	}
	return noRoom(all, "all uploads together", err)
}

// noRoom refuses bytes for which there is no room.
func noRoom(bytes int64, what string, why error) *refusal {
	return later(http.StatusInsufficientStorage, 5*time.Minute, "no-room",
		"there is no room for %d bytes (%s), %s: %v", bytes, volume.Size(bytes), what, why)
}

// announced is how many bytes are still to come of all servers together, and the most that another server has of them.
func (h *Handler) announced(server string) (all, largest int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	others := map[string]int64{}
	for _, s := range h.active {
		left := s.left.Load()
		all += left
		if s.server != server {
			others[s.server] += left
			largest = max(largest, others[s.server])
		}
	}
	return all, largest
}

// leftover is a part that nobody sends at the moment.
type leftover struct {
	key     string
	bytes   int64
	changed time.Time
}

// surplus returns the parts of a server that have to go before an archive of it may come, the oldest first; an error
// where even that would not do.
func (h *Handler) surplus(server, key string, length int64) ([]leftover, error) {
	idle, err := h.leftovers(owner(server))
	if err != nil {
		return nil, err
	}
	count, bytes := 1, length
	h.mu.Lock()
	for other, s := range h.active {
		if s.server == server && other != key {
			count++
			bytes += s.length
		}
	}
	idle = slices.DeleteFunc(idle, func(l leftover) bool { return l.key == key || h.active[l.key] != nil })
	h.mu.Unlock()
	if count > maxParts || h.tooMuch(bytes) {
		return nil, later(http.StatusInsufficientStorage, 5*time.Minute, "unfinished",
			"with this one %d archives of this server with %d bytes (%s) are on their way, and one server may have %d, "+
				"and %d times --max-upload: send one after another", count, bytes, volume.Size(bytes), maxParts, maxArchives)
	}
	for i, l := range slices.Backward(idle) { // the newest stay
		count++
		bytes += l.bytes
		if count > maxParts || h.tooMuch(bytes) {
			return idle[:i+1], nil
		}
	}
	return nil, nil
}

func (h *Handler) tooMuch(bytes int64) bool { return bytes/maxArchives > int64(h.Config.MaxUpload) }

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
	list, err := t.surplus(t.server, filepath.Base(t.part.path), t.length)
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
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.active[l.key] != nil {
		return nil
	}
	for _, suffix := range []string{stateSuffix, newSuffix, partSuffix} {
		if err := remove(filepath.Join(t.Dir, l.key+suffix)); err != nil {
			return err
		}
	}
	t.log.Warn().Str("part", l.key).Int64("dropped", l.bytes).
		Msg("unfinished upload dropped: its server has too many, and sends another")
	return nil
}
