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

// after is how full a server would be with a meeting of that size, per weight.
func (l Load) after(own float64) float64 {
	return (float64(l.People) + l.Expected + l.Kept + own) / l.Weight
}

// overfull tells whether a meeting of that size would fill the server beyond its capacity.
func (l Load) overfull(own float64) bool {
	return l.Capacity > 0 && float64(l.People)+l.Expected+l.Kept+own > float64(l.Capacity)
}

// Choice is the rule at work: offer it every server that may take the meeting, then look at Best. Its zero value,
// with Own and Draw set, is ready.
type Choice struct {
	Own  float64         // people expected in the new meeting
	Draw func(n int) int // draws from [0,n), for servers that are equal in everything
	Best Load            // the server to take; empty where none was offered
	Next Load            // the runner-up; empty where there is none
	same int             // servers equal to Best
}

// Offer considers one more server.
func (c *Choice) Offer(l Load) {
	switch {
	case c.Best.Server == "":
		c.Best, c.same = l, 1
	case c.before(l, c.Best):
		c.Best, c.Next, c.same = l, c.Best, 1
	case !c.before(c.Best, l) && c.draw():
		c.Best, c.Next = l, c.Best
	case c.Next.Server == "" || c.before(l, c.Next):
		c.Next = l
	}
}

// before tells whether a is to be taken rather than b.
func (c *Choice) before(a, b Load) bool {
	if fa, fb := a.overfull(c.Own), b.overfull(c.Own); fa != fb {
		return fb
	}
	if la, lb := a.after(c.Own), b.after(c.Own); la != lb {
		return la < lb
	}
	return a.Meetings < b.Meetings
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
		s += fmt.Sprintf("; next %s at %.1f", c.Next.Server, c.Next.after(c.Own))
	}
	return s
}
