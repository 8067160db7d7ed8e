// Package rule is how one server is chosen among several: which of them may take a meeting by their tags ([Tags]), and which
// of these takes it by what is there ([Choice]). It is pure, and applied in one pass without allocation. What counts on a
// server, and which servers there are, it is told.
package rule

import (
	"github.com/bbbpool/bbbpool/api/quantity"
	"github.com/bbbpool/bbbpool/store"
)

// Load is what counts on one server at the moment of a decision, in people.
type Load struct {
	Server   string
	Weight   float64 // how much it carries relative to others; half of that while it is slow
	Capacity int     // people it should carry at most; 0 is no limit
	Hard     bool    // no new meeting goes beyond the capacity
	Carries  float64 // people it carries well: its capacity, or what its weight stands for
	People   int     // in its meetings, joins on their way included
	Expected float64 // still expected in its meetings
	Kept     float64 // room held for meetings that are not created yet
	Meetings int
}

// With is how many people a server would count with a meeting of that size.
func (l *Load) With(own float64) float64 { return float64(l.People) + l.Expected + l.Kept + own }

// Full tells whether a meeting that needs so much room must not go there. Seats refuse nobody, and an empty server takes
// a meeting of any size.
func (l *Load) Full(room float64) bool {
	limit := float64(l.Capacity)
	return l.Hard && limit > 0 && float64(l.People)+l.Expected+min(room, limit) > limit+rounding
}

// rounding is what sums of many expectations may be off by.
const rounding = 1e-6

// Choice is the rule at work: offer it every server that may take the meeting, then look at Best. Its zero value,
// with Own, Room and Draw set, is ready.
type Choice struct {
	Own  float64         // people expected in the new meeting
	Room float64         // of these, how many a hard capacity must have room for
	Fill float64         // share of what a server carries that small meetings fill first; 0 spreads all alike
	Draw func(n int) int // draws from [0,n), for servers that are equal in everything
	Best Load            // the server to take; empty where none was offered
	Next Load            // the runner-up; empty where there is none
	Full int             // servers that were offered and have no room

	best, next rank
	same       int // servers equal to Best
}

// rank is what servers are compared by.
type rank struct {
	overfull bool    // the meeting would fill the server beyond its capacity
	filling  bool    // the server is one that small meetings fill first, and has room for this one
	after    float64 // how full it would be, per weight
	meetings int
}

// before tells whether a server is better than another one.
func (r rank) before(other rank) bool {
	switch {
	case r.overfull != other.overfull:
		return other.overfull
	case r.filling != other.filling:
		return r.filling
	case r.after != other.after:
		return (r.after < other.after) != r.filling // of those that are filled, the fullest
	}
	return r.meetings < other.meetings
}

// rank is what a server is compared by.
func (c *Choice) rank(l *Load) rank {
	people := l.With(c.Own)
	return rank{
		overfull: l.Capacity > 0 && people > float64(l.Capacity),
		filling:  c.Fill > 0 && people <= c.Fill*l.Carries,
		after:    people / l.Weight,
		meetings: l.Meetings,
	}
}

// Compare tells which of two servers is the better one: less than 0 for the first.
func (c *Choice) Compare(a, b *Load) int {
	first, second := c.rank(a), c.rank(b)
	switch {
	case first.before(second):
		return -1
	case second.before(first):
		return 1
	}
	return 0
}

// Offer considers one more server. What is not chosen is not copied.
func (c *Choice) Offer(l *Load) {
	if l.Full(c.Room) {
		c.Full++
		return
	}
	r := c.rank(l)
	switch {
	case c.Best.Server == "":
		c.Best, c.best, c.same = *l, r, 1
	case r.before(c.best):
		c.Next, c.next = c.Best, c.best
		c.Best, c.best, c.same = *l, r, 1
	case r == c.best && c.draw():
		c.Next, c.next = c.Best, c.best
		c.Best = *l
	case c.Next.Server == "" || r.before(c.next):
		c.Next, c.next = *l, r
	}
}

// draw decides among n equals, one after another, so that each ends up as the best with the same probability.
func (c *Choice) draw() bool {
	c.same++
	return c.Draw(c.same) == 0
}

// Decision returns the numbers that were used. Basis is what Own was taken from.
func (c *Choice) Decision(basis string) store.Decision {
	if c.Best.Server == "" {
		return store.Decision{}
	}
	d := store.Decision{
		Here: c.Best.People, Expected: quantity.Tenths(c.Best.Expected), Kept: quantity.Tenths(c.Best.Kept),
		Own:   quantity.Tenths(c.Own),
		Basis: basis, Weight: c.Best.Weight, Next: c.Next.Server,
	}
	if c.Next.Server != "" {
		d.NextAt = quantity.Tenths(c.next.after)
	}
	return d
}
