package simulate

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// generator makes the trace of one day, with the weeks before it.
type generator struct {
	servers int
	draw    *rand.Rand
	rooms   int
	trace   []Meeting
}

// tuesday is the weekday that is replayed, counted from Monday.
const tuesday = 1

// term is the Monday that generated terms begin on.
func term() time.Time { return time.Date(2026, 4, 13, 0, 0, 0, 0, time.UTC) }

// generated returns the trace of a kind of day. It follows from its arguments alone.
func generated(kind string, servers int, seed int64) []Meeting {
	salt := fnv.New64a()
	_, _ = salt.Write([]byte(kind))
	g := &generator{servers: servers, draw: rand.New(rand.NewPCG(uint64(seed), salt.Sum64()))}
	kinds()[kind](g)
	slices.SortFunc(g.trace, func(a, b Meeting) int {
		return cmp.Or(a.Create.Compare(b.Create), cmp.Compare(a.ID, b.ID))
	})
	return g.trace
}

// at is a minute of a day.
func (g *generator) at(week, weekday, minute int) time.Time {
	return term().AddDate(0, 0, 7*(week-1)+weekday).Add(time.Duration(minute) * time.Minute)
}

func (g *generator) chance(p float64) bool { return g.draw.Float64() < p }

func (g *generator) uniform(a, b float64) float64 { return a + g.draw.Float64()*(b-a) }

// round rounds by lot, so that the mean is exact.
func (g *generator) round(x float64) int { return int(math.Floor(x + g.draw.Float64())) }

// normal deviates from nothing.
func (g *generator) normal(sigma time.Duration) time.Duration {
	return time.Duration(g.draw.NormFloat64() * float64(sigma))
}

// slot is a minute of the day at which meetings start, with how many do, relative to others.
type slot struct {
	minute int
	weight float64
}

// slot draws one.
func (g *generator) slot(slots []slot) int {
	sum := 0.0
	for _, s := range slots {
		sum += s.weight
	}
	x := g.draw.Float64() * sum
	for _, s := range slots {
		if x -= s.weight; x < 0 {
			return s.minute
		}
	}
	return slots[len(slots)-1].minute
}

// length is so many minutes, more with a probability.
func (g *generator) length(short, long int, p float64) time.Duration {
	if g.chance(p) {
		return time.Duration(long) * time.Minute
	}
	return time.Duration(short) * time.Minute
}

// place is a room in which meetings take place once, or again and again.
type place struct {
	id, tenant string
	hint       int
}

// room makes a room for so many people.
func (g *generator) room(tenant string, size float64, a attendance) place {
	g.rooms++
	p := place{id: fmt.Sprintf("%s-%d", tenant, g.rooms), tenant: tenant}
	if a != unknown() {
		p.hint = g.people(size / g.uniform(a.least, a.most))
	}
	return p
}

// people is a number of them.
func (g *generator) people(x float64) int {
	return max(1, min(int(math.Round(x)), mostPeople, mostPerServer*g.servers))
}

// weekly is what takes place each week.
type weekly struct {
	room   place
	size   float64
	day    int // from Monday
	start  int // minute of the day
	length time.Duration
	moved  float64 // how probable it is that today's is at another time
	manner manner
}

// weekly adds a session for each week. What is on other days than today's ends the week before.
func (g *generator) weekly(w weekly) {
	for week := 1; week <= weeks; week++ {
		size := w.size * math.Exp(weeklyNoise*g.draw.NormFloat64()) * math.Pow(weeklyDecay, float64(week-1))
		switch x := g.draw.Float64(); {
		case x < nearlyEmpty:
			size = g.uniform(1, 3)
		case x < nearlyEmpty+twiceLarge:
			size *= 2
		}
		start := w.start
		if week == weeks && w.day >= tuesday {
			if w.day > tuesday || g.chance(cancelled) {
				return
			}
			start = g.move(start, w.moved)
		}
		g.hold(session{w.room, size, g.at(week, w.day, start), w.length, w.manner})
	}
}

// move puts a start off, or forward, with a probability.
func (g *generator) move(start int, p float64) int {
	if !g.chance(p) {
		return start
	}
	by := movedLeast + g.draw.IntN(movedMost-movedLeast)
	if g.chance(0.5) {
		by = -by
	}
	return min(max(start+by, 7*60+30), 20*60)
}

// session is one meeting as it was meant.
type session struct {
	room   place
	size   float64
	start  time.Time
	length time.Duration
	manner manner
}

// hold adds a session to the trace. One of the past has no more than its peak, as nobody looks at the rest.
func (g *generator) hold(s session) {
	today := !s.start.Before(g.at(weeks, tuesday, 0))
	if !today && g.chance(forgotten) {
		return
	}
	even := time.Duration(g.uniform(-1, 1) * float64(s.manner.within))
	m := Meeting{
		ID: s.room.id, Tenant: s.room.tenant, Hint: s.room.hint, End: s.start.Add(s.length),
		Create: s.start.Add(-s.manner.lead + g.normal(s.manner.sigma) + even).Truncate(time.Second),
	}
	if latestCreate := m.End.Add(-10 * time.Minute); m.Create.After(latestCreate) {
		m.Create = latestCreate
	}
	if today {
		m.Users = g.users(s, m)
	} else {
		m.Users = []Count{{60, g.people(s.size)}}
	}
	g.trace = append(g.trace, m)
}

// users draws when people come and go.
func (g *generator) users(s session, m Meeting) []Count {
	change := map[int]int{} // by second
	end, begin := m.End.Sub(m.Create), s.start.Sub(m.Create)
	for range g.people(s.size) {
		come := begin + g.normal(s.manner.spread)
		if g.chance(comeLate) {
			come = begin + time.Duration(g.uniform(float64(s.manner.spread), float64(latest)))
		}
		come = min(max(come, 0), end-stayLeast)
		leave := end
		if g.chance(leaveEarly) {
			leave = time.Duration(g.uniform(float64(come), float64(end)))
		}
		change[int(come/time.Second)]++
		change[int(leave/time.Second)]--
	}
	var users []Count
	people := 0
	for _, at := range slices.Sorted(maps.Keys(change)) {
		if change[at] != 0 {
			people += change[at]
			users = append(users, Count{at, people})
		}
	}
	return users
}
