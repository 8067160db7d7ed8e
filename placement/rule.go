package placement

import "fmt"

// Load is what counts on one server at the moment of a decision, in people.
type Load struct {
	Server   string
	Weight   float64 // how much it carries relative to others
	Capacity int     // people it should carry at most; 0 is no limit
	People   int     // in its meetings, joins on their way included
	Expected float64 // still expected in its meetings
	Kept     float64 // room held for meetings that are not created yet
	Meetings int
}

// with is how many people a server would count with a meeting of that size.
func (l *Load) with(own float64) float64 { return float64(l.People) + l.Expected + l.Kept + own }

// Choice is the rule at work: offer it every server that may take the meeting, then look at Best. Its zero value,
// with Own and Draw set, is ready.
type Choice struct {
	Own  float64         // people expected in the new meeting
	Draw func(n int) int // draws from [0,n), for servers that are equal in everything
	Best Load            // the server to take; empty where none was offered
	Next Load            // the runner-up; empty where there is none

	best, next rank
	same       int // servers equal to Best
}

// rank is what servers are compared by.
type rank struct {
	overfull bool    // the meeting would fill the server beyond its capacity
	after    float64 // how full it would be, per weight
	meetings int
}

func (r rank) before(other rank) bool {
	if r.overfull != other.overfull {
		return other.overfull
	}
	if r.after != other.after {
		return r.after < other.after
	}
	return r.meetings < other.meetings
}

// Offer considers one more server.
func (c *Choice) Offer(l Load) {
	people := l.with(c.Own)
	r := rank{l.Capacity > 0 && people > float64(l.Capacity), people / l.Weight, l.Meetings}
	switch {
	case c.Best.Server == "":
		c.Best, c.best, c.same = l, r, 1
	case r.before(c.best):
		c.Next, c.next = c.Best, c.best
		c.Best, c.best, c.same = l, r, 1
	case r == c.best && c.draw():
		c.Next, c.next = c.Best, c.best
		c.Best = l
	case c.Next.Server == "" || r.before(c.next):
		c.Next, c.next = l, r
	}
}

// draw decides among n equals, one after another, so that each ends up as the best with the same probability.
func (c *Choice) draw() bool {
	c.same++
	return c.Draw(c.same) == 0
}

// String explains the choice with the numbers that were used.
func (c *Choice) String() string {
	if c.Best.Server == "" {
		return "no server"
	}
	s := fmt.Sprintf("%s: %d here + %.1f expected + %.0f kept + %.1f own, /%g", c.Best.Server, c.Best.People,
		c.Best.Expected, c.Best.Kept, c.Own, c.Best.Weight)
	if c.Next.Server != "" {
		s += fmt.Sprintf("; next %s at %.1f", c.Next.Server, c.next.after)
	}
	return s
}
