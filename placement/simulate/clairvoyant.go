package simulate

import "time"

// clairvoyant knows how many people will be in a meeting in each of its minutes when it is created, but not which
// meetings come later: it takes the server on which the peak during the meeting will be lowest, per weight. It shows
// what no better expectation could beat.
type clairvoyant struct {
	curves [][]float64 // by server and minute since day.from: people of the meetings placed so far
	sizes  []float64   // of the meeting to be placed, by minute; for reuse
}

func (*clairvoyant) every() time.Duration { return time.Hour }
func (*clairvoyant) poll(*pool) error     { return nil }
func (*clairvoyant) join(*pool, int)      {}

func (r *clairvoyant) create(p *pool, m int) (int, error) {
	begin := r.curve(p, &p.meetings[m])
	s := p.leastByLot(func(s int) float64 {
		peak := 0.0
		for i, n := range r.sizes {
			peak = max(peak, r.at(s, begin+i)+n)
		}
		return peak / p.weight[s]
	})
	if s == nowhere {
		return s, nil
	}
	for i, n := range r.sizes {
		for len(r.curves[s]) <= begin+i {
			r.curves[s] = append(r.curves[s], 0)
		}
		r.curves[s][begin+i] += n
	}
	return s, nil
}

func (r *clairvoyant) at(s, minute int) float64 {
	if minute < len(r.curves[s]) {
		return r.curves[s][minute]
	}
	return 0
}

// curve sets sizes to the largest number of people in each minute of a meeting from now on. It returns the first of
// these minutes.
func (r *clairvoyant) curve(p *pool, m *Meeting) (begin int) {
	if r.curves == nil {
		r.curves = make([][]float64, len(p.weight))
	}
	created, end := m.Create.Sub(p.from), m.End.Sub(p.from)
	begin = int(p.now / time.Minute)
	minutes := int((end-1)/time.Minute) - begin + 1
	r.sizes = r.sizes[:0]
	next, people := 0, 0
	for i := range minutes {
		until := time.Duration(begin+i+1) * time.Minute
		most := people
		for ; next < len(m.Users); next++ {
			c := m.Users[next]
			if created+time.Duration(c.After)*time.Second >= until {
				break
			}
			people = c.People
			most = max(most, people)
		}
		r.sizes = append(r.sizes, float64(most))
	}
	return begin
}
