package outbox

import (
	"cmp"
	"container/heap"
	"crypto/sha256"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// entry is a callback that waits or is dead, without what only an attempt needs.
type entry struct {
	id      string
	kind    store.CallbackKind
	tenant  string
	hook    string
	host    string
	created time.Time
	changed time.Time // of the row, as it was read
	next    time.Time // not before
	bytes   int64
	dead    bool
	tried   bool     // it has failed, and is not only put off
	yielded bool     // the end of its meeting goes first; only whoever has its lane looks
	refused string   // by the guard, in words; "" where it is not
	result  *outcome // of an attempt, while it cannot be written
	lane    *lane
}

// laneKey is tenant, meeting and address, hashed.
type laneKey [16]byte

// lane is what goes in order: its entries, oldest first.
type lane struct {
	key     laneKey
	entries []*entry
	shares  [2]*share // of its host and its tenant
	next    time.Time // when its head is due; meaningful in the heap
	at      int       // in the heap; -1 where it is not there
	busy    *entry    // it is under way; nil where nothing is
	parked  bool      // it waits for room in a share
}

// share is how many requests at once one host, or one tenant, may have, and the lanes that wait for room.
type share struct {
	name       string
	busy, most int
	parked     []*lane
	lanes      int // that have it
}

func (s *share) full() bool { return s.busy >= s.most }

const (
	maxBusy       = 64 // requests at once: several tenants whose hosts all hang leave some
	maxBusyHost   = 4
	maxBusyTenant = 16
)

// laneOf finds the lane of a callback.
func laneOf(c store.Callback) laneKey {
	address, _, _ := strings.Cut(c.URL, "#")
	meeting := c.MeetingID
	if c.Kind == store.CallbackEvent {
		meeting += "\x00" + c.Hook // of one hook for all meetings, events of one go in order, and those of others do not wait for them
	}
	sum := sha256.Sum256([]byte(c.Tenant + "\x00" + meeting + "\x00" + address))
	return laneKey(sum[:16])
}

// hostOf is the host that a callback goes to, with its port where it has one; "" where it has no host.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	host := strings.ToLower(u.Host)
	return host[:min(len(host), 300)]
}

// size is what counts against the bound on bytes.
func size(c store.Callback) int64 { return int64(len(c.Body) + len(c.URL)) }

// queue is the heap of lanes that are neither under way nor parked, by when they are due.
type queue []*lane

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].next.Before(q[j].next) }
func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].at, q[j].at = i, j
}

// Push is for package heap.
func (q *queue) Push(x any) {
	l, ok := x.(*lane)
	if !ok {
		return
	}
	l.at = len(*q)
	*q = append(*q, l)
}

// Pop is for package heap.
func (q *queue) Pop() any {
	old := *q
	l := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	l.at = -1
	return l
}

// index is what waits, by lanes. It is not safe for concurrent use.
type index struct {
	entries map[string]*entry
	lanes   map[laneKey]*lane
	hosts   map[string]*share
	tenants map[string]*share
	hooks   map[string]int // entries of webhooks
	queue   queue
	busy    int
	of      map[string]load // entries by tenant
	waiting int             // entries that are not dead
	bytes   int64
}

func newIndex() *index {
	return &index{
		entries: map[string]*entry{}, lanes: map[laneKey]*lane{}, hosts: map[string]*share{}, tenants: map[string]*share{},
		of: map[string]load{}, hooks: map[string]int{},
	}
}

// add puts in a callback that is not there yet, and returns its entry.
func (x *index) add(c store.Callback) *entry {
	e := &entry{
		id: c.ID, kind: c.Kind, tenant: c.Tenant, hook: c.Hook, host: hostOf(c.URL), created: c.Created, changed: c.Changed,
		next: c.Due, bytes: size(c), dead: c.State == store.CallbackDead, tried: c.Attempts > 0,
	}
	x.entries[e.id] = e
	x.bytes += e.bytes
	x.carry(e, 1)
	x.hooks[e.hook]++
	if !e.dead {
		x.waiting++
		x.enlist(e, laneOf(c))
	}
	return e
}

// load is how much somebody has that waits or is dead.
type load struct{ rows, bytes int64 }

// carry counts an entry for its tenant, or no more.
func (x *index) carry(e *entry, n int64) {
	of := x.of[e.tenant]
	if of = (load{of.rows + n, of.bytes + n*e.bytes}); of.rows == 0 {
		delete(x.of, e.tenant)
		return
	}
	x.of[e.tenant] = of
}

// enlist puts an entry into its lane, behind those that are older: also before one that is under way, which may be itself as it
// was.
func (x *index) enlist(e *entry, key laneKey) {
	l := x.lanes[key]
	if l == nil {
		l = &lane{key: key, at: -1}
		l.shares = [2]*share{shareOf(x.hosts, e.host, maxBusyHost), shareOf(x.tenants, e.tenant, maxBusyTenant)}
		x.lanes[key] = l
	}
	e.lane = l
	at, _ := slices.BinarySearchFunc(l.entries, e, func(a, b *entry) int {
		return cmp.Or(a.created.Compare(b.created), strings.Compare(a.id, b.id))
	})
	l.entries = slices.Insert(l.entries, at, e)
	x.place(l)
}

func shareOf(of map[string]*share, name string, most int) *share {
	s := of[name]
	if s == nil {
		s = &share{name: name, most: most}
		of[name] = s
	}
	s.lanes++
	return s
}

// place puts a lane into the queue by its head, or takes it out where it has none.
func (x *index) place(l *lane) {
	if l.busy != nil || l.parked {
		return
	}
	if len(l.entries) == 0 {
		x.close(l)
		return
	}
	l.next = l.entries[0].next
	if l.at < 0 {
		heap.Push(&x.queue, l)
	} else {
		heap.Fix(&x.queue, l.at)
	}
}

// close forgets a lane that is empty.
func (x *index) close(l *lane) {
	if l.at >= 0 {
		heap.Remove(&x.queue, l.at)
	}
	delete(x.lanes, l.key)
	for i, of := range []map[string]*share{x.hosts, x.tenants} {
		if l.shares[i].lanes--; l.shares[i].lanes == 0 {
			delete(of, l.shares[i].name)
		}
	}
}

// leave takes an entry out of its lane.
func (x *index) leave(e *entry) {
	l := e.lane
	if l == nil {
		return
	}
	l.entries = slices.DeleteFunc(l.entries, func(other *entry) bool { return other == e })
	e.lane = nil
	if l.parked && len(l.entries) == 0 {
		l.parked = false // its place in the list of the share leads nowhere
	}
	x.place(l)
}

// remove forgets an entry.
func (x *index) remove(e *entry) {
	x.leave(e)
	if x.entries[e.id] == e {
		delete(x.entries, e.id)
		x.bytes -= e.bytes
		x.carry(e, -1)
		if x.hooks[e.hook]--; x.hooks[e.hook] == 0 {
			delete(x.hooks, e.hook)
		}
		if !e.dead {
			x.waiting--
		}
	}
}

// bury takes an entry out of its lane and keeps it as dead.
func (x *index) bury(e *entry) {
	x.leave(e)
	if !e.dead {
		e.dead = true
		x.waiting--
	}
}

// take takes the head of the lane that is due first and has room in its shares; nil where there is none.
func (x *index) take(now time.Time) *entry {
	for x.busy < maxBusy && len(x.queue) > 0 && !x.queue[0].next.After(now) {
		l, _ := heap.Pop(&x.queue).(*lane)
		if x.park(l, now) {
			continue
		}
		l.busy = l.entries[0]
		x.busy++
		for _, s := range l.shares {
			s.busy++
		}
		return l.busy
	}
	return nil
}

// park has a lane wait where there is no room for it, and tells whether it has to. Whoever waits for what it has no use for goes
// on.
func (x *index) park(l *lane, now time.Time) bool {
	for i, s := range l.shares {
		if s.full() {
			l.parked = true
			s.parked = append(s.parked, l)
			x.unpark(l.shares[1-i], now)
			return true
		}
	}
	return false
}

// unpark has the first lane that waits for a share take its turn, behind those whose turn it is already: a receiver that is slow
// and has much to be told must not be before all others each time.
func (x *index) unpark(s *share, now time.Time) {
	for !s.full() && len(s.parked) > 0 {
		l := s.parked[0]
		s.parked[0] = nil
		s.parked = s.parked[1:]
		if !l.parked {
			continue
		}
		l.parked = false
		l.next = now
		heap.Push(&x.queue, l)
		return
	}
}

// sweep lets lanes go on for which there is room. Each has its turn when another one finishes; where that one was taken away
// meanwhile, nobody would give it.
func (x *index) sweep(now time.Time) {
	for _, of := range []map[string]*share{x.hosts, x.tenants} {
		for _, s := range of {
			for range s.most - s.busy {
				x.unpark(s, now)
			}
		}
	}
}

// finish gives back what the head of a lane has taken.
func (x *index) finish(l *lane, now time.Time) {
	l.busy = nil
	x.busy--
	for _, s := range l.shares {
		s.busy--
		x.unpark(s, now)
	}
}
