package simulate

import (
	"fmt"
	"slices"
	"time"
)

// Measures is how a rule did on a day, sampled each minute from 7:00 to 22:00. The load of a server is the people on
// it, divided by its weight.
type Measures struct {
	// MaxLB is the mean, over the minutes with somebody in a meeting, of the largest load divided by the lower bound
	// of what any rule could have reached in that minute, which could move meetings at will.
	MaxLB float64 `json:"max_lb"`
	// PeakImbalance is the largest load divided by the mean, at the worst of the busy minutes: those in which the mean
	// is at least half of its largest value on that day.
	PeakImbalance float64 `json:"peak_imbalance"`
	// OverMinutes is for how many minutes servers had more people than their capacity, summed over the servers.
	OverMinutes float64 `json:"over_minutes"`
	// AvoidableExcess is in people times minutes: those beyond a server's capacity, or beyond its largest meeting where
	// that alone is more.
	AvoidableExcess float64 `json:"avoidable_excess"`
	// PeakMax is the most people on one server.
	PeakMax float64 `json:"peak_max"`
}

// The hours of each day that are sampled, every minute, the last one included.
const (
	firstSample = 7
	lastSample  = 22
)

// measure collects the samples of a replay.
type measure struct {
	most  []float64 // by minute: the largest load
	mean  []float64 // by minute
	ratio float64   // sum over the minutes with people in them
	busy  int       // these minutes
	bound float64   // the largest lower bound
	sizes []int     // of meetings, for reuse
	so    Measures
}

// due tells whether a minute is sampled.
func due(t time.Time) bool {
	return t.Hour() >= firstSample && (t.Hour() < lastSample || t.Hour() == lastSample && t.Minute() == 0)
}

// measured tells whether somebody is in a meeting, which begins at a time of the day's zone, when samples are taken.
func measured(m *Meeting, begin time.Time) bool {
	for i, c := range m.Users {
		if c.People == 0 {
			continue
		}
		until := m.End
		if i+1 < len(m.Users) {
			until = begin.Add(time.Duration(m.Users[i+1].After) * time.Second)
		}
		at := begin.Add(time.Duration(c.After)*time.Second + time.Minute - 1).Truncate(time.Minute)
		for ; at.Before(until) && at.Before(m.End); at = at.Add(time.Minute) {
			if due(at) {
				return true
			}
		}
	}
	return false
}

// sample adds the present. It fails if the rule is better than possible: then the simulation is wrong.
func (m *measure) sample(p *pool) error {
	if !due(p.from.Add(p.now)) {
		return nil
	}
	most, people, weight := 0.0, 0, 0.0
	for s, n := range p.load {
		load := float64(n) / p.weight[s]
		most, people, weight = max(most, load), people+n, weight+p.weight[s]
		m.so.PeakMax = max(m.so.PeakMax, float64(n))
		m.overload(p, s)
	}
	m.most, m.mean = append(m.most, most), append(m.mean, float64(people)/weight)
	if people == 0 {
		return nil
	}
	bound := m.lowerBound(p)
	if most < bound*(1-1e-9) {
		return fmt.Errorf("largest load %g at %s, below what is possible, %g: the simulation is wrong", most,
			p.from.Add(p.now).Format(time.TimeOnly), bound)
	}
	m.bound = max(m.bound, bound)
	m.ratio += most / bound
	m.busy++
	return nil
}

// overload adds what a server has beyond its capacity.
func (m *measure) overload(p *pool, s int) {
	limit := float64(p.capacity) * p.weight[s]
	if float64(p.load[s]) <= limit {
		return
	}
	m.so.OverMinutes++
	for _, meeting := range p.on[s] {
		limit = max(limit, float64(p.people[meeting]))
	}
	m.so.AvoidableExcess += max(0, float64(p.load[s])-limit)
}

// lowerBound is a load that no placement of the present meetings is below: that of people spread evenly, that of the
// largest meeting on the largest server, and, as among the k N + 1 largest meetings some server has k + 1, that of the
// smallest k + 1 of these.
func (m *measure) lowerBound(p *pool) float64 {
	m.sizes = m.sizes[:0]
	total, weight, widest := 0, 0.0, 0.0
	for s, meetings := range p.on {
		weight, widest = weight+p.weight[s], max(widest, p.weight[s])
		for _, meeting := range meetings {
			if n := p.people[meeting]; n > 0 {
				m.sizes, total = append(m.sizes, n), total+n
			}
		}
	}
	slices.Sort(m.sizes)
	slices.Reverse(m.sizes)
	bound := max(float64(total)/weight, float64(m.sizes[0])/widest)
	n := len(p.on)
	for k := 1; k*n < len(m.sizes); k++ {
		sum := 0
		for _, size := range m.sizes[k*n-k : k*n+1] {
			sum += size
		}
		bound = max(bound, float64(sum)/widest)
	}
	return bound
}

// result is what the samples come to.
func (m *measure) result() Measures {
	so := m.so
	if m.busy > 0 {
		so.MaxLB = m.ratio / float64(m.busy)
	}
	if len(m.mean) == 0 {
		return so
	}
	busy := slices.Max(m.mean) / 2
	for i, mean := range m.mean {
		if mean > 0 && mean >= busy {
			so.PeakImbalance = max(so.PeakImbalance, m.most[i]/mean)
		}
	}
	return so
}
