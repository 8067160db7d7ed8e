package simulate

import (
	"context"
	"time"
)

// Bench lets a test play the pool to one rule, by hand. Servers and meetings go by their number.
type Bench struct {
	pool *pool
	rule rule
}

// NewBench has all meetings of a day before their creates.
func NewBench(name string, weights []float64, from time.Time, meetings ...Meeting) *Bench {
	d := &day{from: from, meetings: meetings}
	return &Bench{newPool(d, weights, 200, 1), newRule(name)}
}

// At moves the clock, to a time since from.
func (b *Bench) At(t time.Duration) { b.pool.now = t }

// Create returns the server for a meeting, which is created there.
func (b *Bench) Create(m int) int {
	s, err := b.rule.create(b.pool, m)
	if err != nil || s == Nowhere {
		return Nowhere
	}
	b.pool.put(m, s)
	return s
}

// Nowhere is where a meeting goes for which there is no server.
const Nowhere = nowhere

// Ask returns the server for a meeting that is somewhere already.
func (b *Bench) Ask(m int) int {
	s, err := b.rule.create(b.pool, m)
	if err != nil {
		return Nowhere
	}
	return s
}

// Put puts a meeting on a server past the rule.
func (b *Bench) Put(m, s int) { b.pool.put(m, s) }

// End ends a meeting, which its server lists as over. Lose takes it off the server without a trace.
func (b *Bench) End(m int) { b.pool.remove(m) }

func (b *Bench) Lose(m int) {
	s := b.pool.where[m]
	b.pool.remove(m)
	b.pool.ended[s] = nil
}

// Join lets people into a meeting by join calls, Enter by none.
func (b *Bench) Join(m, n int) {
	for range n {
		b.pool.enter(m)
		b.rule.join(b.pool, m)
	}
}

func (b *Bench) Enter(m, n int) {
	for range n {
		b.pool.enter(m)
	}
}

// Fail lets a server die.
func (b *Bench) Fail(s int) { b.pool.up[s] = false }

func (b *Bench) Poll() error { return b.rule.poll(b.pool) }

// Loads are the numbers that the rule compares.
func (b *Bench) Loads() []float64 {
	switch r := b.rule.(type) {
	case *scalelite:
		return r.load
	case *bbblb:
		return r.load
	case *pilos:
		return r.load
	case *b3lb:
		var list []float64
		for s := range r.cpu {
			r.cpu[s] = 0 // what people and meetings come to alone
			list = append(list, r.load(s))
		}
		return list
	}
	return nil
}

// B3LBLoad is the load of B3LB.
func B3LBLoad(people, meetings int, cpu float64) float64 {
	return (&b3lb{people: []int{people}, meetings: []int{meetings}, cpu: []float64{cpu}}).load(0)
}

// References replays generated days by the rule of package placement and by the naive one, and returns the mean of
// MaxLB of both. Rules are c1, c2 and c3.
func References(kind, name string, seeds int) (ledger, naive float64, err error) {
	rules := map[string]func() rule{
		"c1": func() rule { return &reference{} },
		"c2": func() rule { return &reference{sessions: lastSessions} },
		"c3": func() rule { return &reference{sessions: lastSessions, seatMin: seatMin} },
	}
	o := Options{Servers: 20, Capacity: 200}
	for seed := range int64(seeds) {
		d, _, err := (&job{options: o, kind: kind, seed: seed}).day()
		if err != nil {
			return 0, 0, err
		}
		for mean, rule := range map[*float64]rule{&ledger: newRule(name), &naive: rules[name]()} {
			r := &replay{pool: newPool(d, o.weights(), o.Capacity, 1), rule: rule, measure: &measure{}}
			if err := r.run(context.Background()); err != nil {
				return 0, 0, err
			}
			*mean += r.measure.result().MaxLB / float64(seeds)
		}
	}
	return ledger, naive, nil
}

// LowerBound is that of meetings of these sizes, whatever server they are on.
func LowerBound(weights []float64, sizes ...int) float64 {
	d := &day{meetings: make([]Meeting, len(sizes))}
	p := newPool(d, weights, 200, 1)
	for m, n := range sizes {
		p.put(m, 0)
		for range n {
			p.enter(m)
		}
	}
	return (&measure{}).lowerBound(p)
}

// Student is the quantile that intervals are made with.
func Student(degrees int) float64 { return student(degrees) }
