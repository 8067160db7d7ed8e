package placement

import (
	"cmp"
	"slices"

	"github.com/bbbpool/bbbpool/store"
)

// Option is a server that a meeting could go to, or why it could not.
type Option struct {
	Load
	Standing Standing
	Tag      string
	After    float64 // people per weight that it would count with the meeting
	Full     bool    // it has no room within its hard capacity
}

// Considered is where a create would go.
type Considered struct {
	Claim    store.Claim // where it would be placed, or is already
	Known    bool        // it is there already
	Expected float64     // people expected in it
	Basis    Basis       // what that was taken from
	Servers  []Option    // all servers, in the order of preference if tags did not count
	Err      error       // why no server can take it; nil otherwise
}

// Consider tells where a create would go, and why, without placing anything.
func (l *Ledger) Consider(key store.MeetingKey, w Wish) Considered {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keepSeats()
	r := roomOf(l.Hash(key))
	defer l.lift(r)()
	own := l.expect(key.Tenant, r, w)
	result := Considered{Expected: own.people, Basis: own.basis, Servers: l.options(own.people)}
	if m := l.meetings[key]; m != nil && m.usable() {
		result.Claim, result.Known = m.claim, true
		return result
	}
	result.Claim, result.Err = l.propose(key, r, w, nil)
	return result
}

// lift takes the seat of a room away for a moment. What it returns puts it back. The lock is held throughout.
func (l *Ledger) lift(r room) (back func()) {
	s := l.seats.held[r]
	if s == nil || s.server == nil {
		return func() {}
	}
	page := s.server
	page.keep(-s.size)
	return func() { page.keep(s.size) }
}

func (l *Ledger) options(own float64) []Option {
	now := l.clock(l.now())
	list := make([]Option, 0, len(l.servers))
	for _, s := range l.order {
		load := s.load(now)
		list = append(list, Option{
			Load: load, Standing: s.Standing, Tag: s.Tag, After: load.with(own) / load.Weight, Full: load.full(min(own, l.config.Default)),
		})
	}
	c := Choice{Own: own, Fill: l.config.Fill}
	slices.SortStableFunc(list, func(a, b Option) int {
		first, second := c.rank(&a.Load), c.rank(&b.Load)
		switch {
		case a.Standing != b.Standing:
			return cmp.Compare(b.Standing, a.Standing)
		case a.Full != b.Full:
			return map[bool]int{true: 1, false: -1}[a.Full]
		case first.before(second):
			return -1
		case second.before(first):
			return 1
		}
		return 0
	})
	return list
}
