package simulate

import (
	"math/rand/v2"
	"slices"
	"time"
)

// pool is the simulated pool: which meeting is where, and who is in it. A rule may use only what it would be told: in
// poll all that is live, in create the meeting's names and hint, in join the meeting.
type pool struct {
	*day
	weight   []float64 // by server
	capacity int       // people, per weight
	draw     *rand.Rand

	now    time.Duration   // since day.from
	up     []bool          // by server
	on     [][]int         // by server: its live meetings, in the order they came
	load   []int           // by server: people
	where  []int           // by meeting: its server, or nowhere
	people []int           // by meeting: in it
	born   []time.Duration // by meeting: when it was created where it is
	away   []int           // by meeting: thrown out when the server failed, and on the way back
	ended  [][]int         // by server: meetings that ended lately, as servers still list them for a while
}

// nowhere is where a meeting is before it is created, when it is over, and while its server is down.
const nowhere = -1

func newPool(d *day, weight []float64, capacity int, seed uint64) *pool {
	n := len(weight)
	p := &pool{
		day: d, weight: weight, capacity: capacity, draw: rand.New(rand.NewPCG(seed, 2)),
		up: slices.Repeat([]bool{true}, n), on: make([][]int, n), load: make([]int, n), ended: make([][]int, n),
		where: slices.Repeat([]int{nowhere}, len(d.meetings)), people: make([]int, len(d.meetings)),
		away: make([]int, len(d.meetings)), born: make([]time.Duration, len(d.meetings)),
	}
	return p
}

// moment is what the clock says.
func (p *pool) moment() time.Time { return p.from.Add(p.now) }

// put creates a meeting on a server, without people.
func (p *pool) put(m, server int) {
	p.where[m], p.born[m] = server, p.now
	p.on[server] = append(p.on[server], m)
}

// remove takes a meeting from its server, with all who are in it.
func (p *pool) remove(m int) {
	s := p.where[m]
	if s == nowhere {
		return
	}
	p.on[s] = slices.DeleteFunc(p.on[s], func(other int) bool { return other == m })
	p.ended[s] = append(p.ended[s], m)
	p.load[s] -= p.people[m]
	p.where[m], p.people[m] = nowhere, 0
}

// enter and leave let one person in and out.
func (p *pool) enter(m int) {
	p.people[m]++
	p.load[p.where[m]]++
}

func (p *pool) leave(m int) {
	switch {
	case p.people[m] > 0:
		p.people[m]--
		p.load[p.where[m]]--
	case p.away[m] > 0:
		p.away[m]--
	}
}

// least returns the server with the least load of those that are up; of equals the first. It is nowhere if none is up.
func (p *pool) least(load func(server int) float64) int {
	best, least := nowhere, 0.0
	for s, up := range p.up {
		if !up {
			continue
		}
		if l := load(s); best == nowhere || l < least {
			best, least = s, l
		}
	}
	return best
}

// leastByLot is least, but of equals it returns any.
func (p *pool) leastByLot(load func(server int) float64) int {
	same := 0
	best, least := nowhere, 0.0
	for s, up := range p.up {
		if !up {
			continue
		}
		l := load(s)
		switch {
		case best == nowhere || l < least:
			best, least, same = s, l, 1
		case l == least:
			if same++; p.draw.IntN(same) == 0 {
				best = s
			}
		}
	}
	return best
}
