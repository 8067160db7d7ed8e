package book

import (
	"cmp"
	"slices"
	"time"

	"github.com/bbbpool/bbbpool/placement/forecast"
	"github.com/bbbpool/bbbpool/placement/rule"
	"github.com/bbbpool/bbbpool/store"
)

// Option is a server that a meeting could go to, or why it could not.
type Option struct {
	rule.Load
	Standing rule.Standing
	Tag      string
	After    float64 // people per weight that it would count with the meeting
	Full     bool    // it has no room within its hard capacity
}

// Considered is where a create would go.
type Considered struct {
	Claim    store.Claim    // where it would be placed, or is already
	Known    bool           // it is there already
	Expected float64        // people expected in it
	Basis    forecast.Basis // what that was taken from
	Servers  []Option       // all servers, in the order of preference if tags did not count
	Err      error          // why no server can take it; nil otherwise
}

// Consider tells where a create would go, and why, without placing anything.
func (b *Book) Consider(now time.Time, key store.MeetingKey, r forecast.Room, w Wish) Considered {
	own := b.expect(key.Tenant, r, w)
	result := Considered{Expected: own.people, Basis: own.basis, Servers: b.options(now, own.people, b.seats.held[r])}
	if m := b.where.meetings[key]; m != nil && m.usable() {
		result.Claim, result.Known = m.claim, true
		return result
	}
	result.Claim, result.Err = b.Propose(now, key, r, w, nil)
	return result
}

// options lists all servers, the best first.
func (b *Book) options(now time.Time, own float64, without *seat) []Option {
	list := make([]Option, 0, len(b.where.order))
	for _, p := range b.where.order {
		load := p.load(b.clock.now(now), without)
		list = append(list, Option{
			Load: load, Standing: p.Standing, Tag: p.Tag, After: load.With(own) / load.Weight,
			Full: load.Full(min(own, b.config.Default)),
		})
	}
	c := rule.Choice{Own: own, Fill: b.config.Fill}
	slices.SortStableFunc(list, func(x, y Option) int {
		switch {
		case x.Standing != y.Standing:
			return cmp.Compare(y.Standing, x.Standing)
		case x.Full == y.Full:
			return c.Compare(&x.Load, &y.Load)
		case x.Full:
			return 1
		}
		return -1
	})
	return list
}
