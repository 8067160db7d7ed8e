// Package capacity is what a pool carries, in people: now, at its busiest, and without one of its servers. It is told what the
// servers have, and looks at nothing itself.
package capacity

import (
	"slices"
	"time"

	"github.com/bbbpool/bbbpool/placement/rule"
)

// Share is what one server has to do with the capacity of the pool.
type Share struct {
	rule.Load
	Standing rule.Standing
}

// Crowd is how full the pool was expected to be, or is.
type Crowd struct {
	At       time.Time // zero where nothing is known
	People   float64
	Meetings int
}

// Capacity is what the pool carries, in people.
type Capacity struct {
	Servers  []Share // by ID
	Carries  float64 // of the servers that take new meetings
	Now      Crowd   // people here and still expected, on all servers that can be reached
	Tightest Crowd   // the busiest time of the coming week, as it was in the last five
	Today    Crowd   // the same of the coming 24 hours
	Largest  string  // the server that carries the most; "" where none takes new meetings
	Without  float64 // what the others carry without it
}

// Of is the capacity of a pool of these servers, but for its busiest times.
func Of(servers []Share, now time.Time) Capacity {
	c := Capacity{Servers: servers, Now: Crowd{At: now}}
	c.sum()
	return c
}

// sum adds up what the servers can do, and who is there.
func (c *Capacity) sum() {
	largest := 0.0
	for _, s := range c.Servers {
		if s.Standing > rule.Gone {
			c.Now.People += float64(s.People) + s.Expected
			c.Now.Meetings += s.Meetings
		}
		if s.Standing < rule.Unproven {
			continue
		}
		c.Carries += s.Carries
		if s.Carries > largest {
			c.Largest, largest = s.Server, s.Carries
		}
	}
	c.Without = c.Carries - largest
}

// Spare is how many more people fit when so many are there: less than 0 where they do not fit.
func (c Capacity) Spare(there Crowd) float64 { return c.Carries - there.People }

// Drained is what is left of the pool without one server.
type Drained struct {
	Server   string
	Carries  float64 // of the other servers that take new meetings
	Now      float64 // how many more people fit there, with those of that server come over
	Tightest float64 // the same at the busiest time of the coming 24 hours
}

// Short tells whether the others could not carry everybody, now or within a day.
func (d Drained) Short() bool { return d.Now < 0 || d.Tightest < 0 }

// Drain tells what taking a server away would do. It returns false for one that is not in the pool.
func (c Capacity) Drain(id string) (Drained, bool) {
	i := slices.IndexFunc(c.Servers, func(s Share) bool { return s.Server == id })
	if i < 0 {
		return Drained{}, false
	}
	d := Drained{Server: id, Carries: c.Carries}
	if s := c.Servers[i]; s.Standing >= rule.Unproven {
		d.Carries -= s.Carries
	}
	d.Now, d.Tightest = d.Carries-c.Now.People, d.Carries-c.Today.People
	return d, true
}
