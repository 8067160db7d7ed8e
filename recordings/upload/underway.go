package upload

import (
	"maps"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// underway are the uploads under way. While one is among them nobody else gets at its part. The zero value has none.
type underway struct {
	mu      sync.Mutex
	slots   slots
	stopped bool
}

// slots are uploads by the key of their part.
type slots map[string]*slot

// slot is the place of an upload among those under way.
type slot struct {
	server string
	length int64        // of the archive
	left   atomic.Int64 // bytes that are still to come
	conn   *http.ResponseController
}

// full tells why no further upload of a server may be among so many at most.
func (s slots) full(server string, most int) error {
	if len(s) >= most {
		return later(http.StatusServiceUnavailable, 30*time.Second, "busy",
			"%d uploads are under way, which is --max-uploads: try again later", len(s))
	}
	own := 0
	for _, one := range s {
		if one.server == server {
			own++
		}
	}
	if own >= max(1, most/4) {
		return later(http.StatusServiceUnavailable, 30*time.Second, "busy",
			"%d uploads of this server are under way, which is its share, a quarter of --max-uploads: try again later", own)
	}
	return nil
}

// full tells why no upload of a server can begin at the moment, where at most so many may be under way.
func (u *underway) full(server string, most int) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.stopped {
		return errStopped()
	}
	return u.slots.full(server, most)
}

// errUploading is for an archive that is on its way already.
func errUploading() *refusal {
	return later(http.StatusLocked, 10*time.Second, "uploading",
		"another connection sends this archive: wait for it, it is given up when it stalls for %s", idle)
}

// begin gives an upload its place. Nobody else gets at its part until end.
func (u *underway) begin(most int, server, key string, length int64, conn *http.ResponseController) (*slot, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.slots[key] != nil {
		return nil, errUploading()
	}
	if u.stopped {
		return nil, errStopped()
	}
	if err := u.slots.full(server, most); err != nil {
		return nil, err
	}
	if u.slots == nil {
		u.slots = slots{}
	}
	u.slots[key] = &slot{server: server, length: length, conn: conn}
	return u.slots[key], nil
}

// end gives back what begin has given.
func (u *underway) end(key string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.slots, key)
}

// stop lets no upload begin any more, and wakes those under way.
func (u *underway) stop() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.stopped = true
	for _, s := range u.slots {
		_ = s.conn.SetReadDeadline(time.Unix(1, 0)) // the reader looks at stopping then
	}
}

// stopping tells whether uploads are to end.
func (u *underway) stopping() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.stopped
}

// count is how many there are.
func (u *underway) count() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.slots)
}

// has tells whether an upload is at a part.
func (u *underway) has(key string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.slots[key] != nil
}

// unlessAt does something with a part if no upload is at it, and none can begin there meanwhile: nor anywhere else, so it
// must not take long.
func (u *underway) unlessAt(key string, do func() error) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.slots[key] != nil {
		return nil
	}
	return do()
}

// snapshot returns all of this moment.
func (u *underway) snapshot() slots {
	u.mu.Lock()
	defer u.mu.Unlock()
	return maps.Clone(u.slots)
}

// announced is how many bytes are still to come of all servers together, and the most that another server has of them.
func (s slots) announced(server string) (all, largest int64) {
	others := map[string]int64{}
	for _, one := range s {
		left := one.left.Load()
		all += left
		if one.server != server {
			others[one.server] += left
			largest = max(largest, others[one.server])
		}
	}
	return all, largest
}

// besides is how many uploads of a server are under way besides one, and how long their archives are together.
func (s slots) besides(server, key string) (count int, bytes int64) {
	for other, one := range s {
		if one.server == server && other != key {
			count++
			bytes += one.length
		}
	}
	return count, bytes
}
