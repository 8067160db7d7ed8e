package upload

import (
	"net/http"
	"slices"
	"time"

	"github.com/bbbpool/bbbpool/api/quantity"
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
	all, largest := h.underway.snapshot().announced(server)
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
		"there is no room for %d bytes (%s), %s: %v", bytes, quantity.Size(bytes), what, why)
}

// surplus returns the parts of a server that have to go before an archive of it may come, the oldest first; an error
// where even that would not do.
func (h *Handler) surplus(server, key string, length int64) ([]leftover, error) {
	unsent, err := h.leftovers(owner(server))
	if err != nil {
		return nil, err
	}
	current := h.underway.snapshot()
	count, bytes := current.besides(server, key)
	count, bytes = count+1, bytes+length
	unsent = slices.DeleteFunc(unsent, func(l leftover) bool { return l.key == key || current[l.key] != nil })
	if count > maxParts || h.tooMuch(bytes) {
		return nil, later(http.StatusInsufficientStorage, 5*time.Minute, "unfinished",
			"with this one %d archives of this server with %d bytes (%s) are on their way, and one server may have %d, "+
				"and %d times --max-upload: send one after another", count, bytes, quantity.Size(bytes), maxParts, maxArchives)
	}
	for i, l := range slices.Backward(unsent) { // the newest stay
		count++
		bytes += l.bytes
		if count > maxParts || h.tooMuch(bytes) {
			return unsent[:i+1], nil
		}
	}
	return nil, nil
}

func (h *Handler) tooMuch(bytes int64) bool { return bytes/maxArchives > int64(h.Config.MaxUpload) }
