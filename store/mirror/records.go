package mirror

import (
	"bytes"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/rows"
)

// How long deletions are remembered, and how many at most.
const (
	tombstones    = 7 * 24 * time.Hour
	maxTombstones = 100_000
)

// name is what a record is known by.
type name struct{ kind, key string }

// record is a row as it was last known here.
type record struct {
	value []byte    // nil where it was deleted
	at    time.Time // when it was written or seen
	waits bool      // the store has not got it
	own   bool      // it was written here
	tick  uint64    // of the copy when it was changed here
}

// records is the copy in memory.
type records struct {
	mu      sync.RWMutex
	all     map[string]map[string]record // by kind and key
	changed map[name]bool                // since the copy was kept last
	busy    map[name]int                 // writes that have begun
	unsure  map[name]uint64              // of writes whose outcome nobody knows: since when, in ticks
	tick    uint64
	dead    int
	waits   int
	swept   time.Time // of the looks
}

func newRecords() *records {
	return &records{
		all: map[string]map[string]record{}, changed: map[name]bool{}, busy: map[name]int{}, unsure: map[name]uint64{},
	}
}

// get returns a record, and whether it stands.
func (c *records) get(n name) (r record, stands bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	r = c.all[n.kind][n.key]
	return r, r.value != nil
}

// put makes a record what it has become.
func (c *records) put(n name, r record) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.set(n, r)
}

// set is put's work, under the lock.
func (c *records) set(n name, r record) {
	if c.all[n.kind] == nil {
		c.all[n.kind] = map[string]record{}
	}
	was, there := c.all[n.kind][n.key]
	c.count1(was, there, -1)
	c.count1(r, true, 1)
	c.tick++
	r.tick = c.tick
	c.all[n.kind][n.key] = r
	c.changed[n] = true
}

func (c *records) count1(r record, there bool, by int) {
	if there && r.value == nil {
		c.dead += by
	}
	if there && r.waits {
		c.waits += by
	}
}

// forget drops a record as if it had never been.
func (c *records) forget(n name) {
	was, there := c.all[n.kind][n.key]
	c.count1(was, there, -1)
	delete(c.all[n.kind], n.key)
	c.changed[n] = true
}

// list returns the records of a kind that stand, in the order of their keys.
func (c *records) list(kind string) (list []store.Row) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for key, r := range c.all[kind] {
		if r.value != nil {
			list = append(list, store.Row{Kind: kind, Key: []byte(key), Value: r.value})
		}
	}
	slices.SortFunc(list, func(x, y store.Row) int { return bytes.Compare(x.Key, y.Key) })
	return list
}

// counts are how many records there are of some sort.
type counts struct{ waits, dead int }

func (c *records) count() counts {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return counts{c.waits, c.dead}
}

// begin notes that records are about to be written, until the end.
func (c *records) begin(names []name) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range names {
		c.busy[n]++
	}
}

func (c *records) end(names []name, unsure bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range names {
		if c.busy[n]--; c.busy[n] == 0 {
			delete(c.busy, n)
		}
		if unsure {
			c.unsure[n] = c.tick
		}
	}
}

// now is the moment from which on a record that is changed is newer than what the store says of it.
func (c *records) now() uint64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.tick
}

// heap is what a store says of some kinds, by kind and key. Of a kind that is not in it nothing is said.
type heap map[string]map[string][]byte

// take makes the copy what the store says, but for what was changed here since. It returns of which kinds something has
// become another without us.
func (c *records) take(have heap, since uint64, at time.Time) (kinds []string, changed int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, kind := range store.Kinds {
		if have[kind.Name] == nil {
			continue
		}
		before := changed
		for key, value := range have[kind.Name] {
			if was := c.all[kind.Name][key]; !bytes.Equal(was.value, value) && !expired(kind.Name, value, at) {
				changed += c.adopt(name{kind.Name, key}, record{value: value, at: at}, since)
			}
		}
		for key, was := range c.all[kind.Name] {
			if have[kind.Name][key] == nil && was.value != nil {
				changed += c.adopt(name{kind.Name, key}, record{at: at}, since)
			}
		}
		if changed > before {
			kinds = append(kinds, kind.Name)
		}
	}
	maps.DeleteFunc(c.unsure, func(n name, tick uint64) bool { return tick <= since && have[n.kind] != nil })
	return kinds, changed
}

// adopt takes over what the store says of a record, and counts that if it is a surprise.
func (c *records) adopt(n name, r record, since uint64) int {
	was := c.all[n.kind][n.key]
	if was.tick > since || c.busy[n] > 0 || was.waits {
		return 0
	}
	switch {
	case r.value == nil && expired(n.kind, was.value, r.at):
		c.forget(n)
	default:
		c.set(n, r)
	}
	if _, unsure := c.unsure[n]; unsure {
		return 0
	}
	return 1
}

// sweep forgets what nobody has to know any more: tokens that have expired, and deletions of long ago.
func (c *records) sweep(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, r := range c.all[rows.Tokens.Kind] {
		if expired(rows.Tokens.Kind, r.value, at) {
			c.forget(name{rows.Tokens.Kind, key})
		}
	}
	keep := tombstones
	for ; c.dead > 0; keep /= 2 {
		for kind, all := range c.all {
			for key, r := range all {
				if r.value == nil && !r.waits && at.Sub(r.at) > keep {
					c.forget(name{kind, key})
				}
			}
		}
		if c.dead <= maxTombstones || keep == 0 {
			return
		}
	}
}

// expired tells whether a row is a token that nobody has to remember.
func expired(kind string, value []byte, at time.Time) bool {
	return kind == rows.Tokens.Kind && len(value) == rows.TimeSize && rows.TimeOf(value).Before(at)
}

// clear forgets everything.
func (c *records) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for kind, all := range c.all {
		for key := range all {
			c.forget(name{kind, key})
		}
	}
	clear(c.unsure)
}

// names are those of all records, dead ones included.
func (c *records) names() (names []name) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for kind, all := range c.all {
		for key := range maps.Keys(all) {
			names = append(names, name{kind, key})
		}
	}
	return names
}
