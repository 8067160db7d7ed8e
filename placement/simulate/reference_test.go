package simulate

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// reference is C1 to C3 as placement.md has them, naively.
type reference struct {
	sessions int     // that the expectation is made of; 0 for C1
	seatMin  float64 // 0 for C1 and C2

	ready   bool
	past    map[room][]past
	tenants map[string]*sums
	seats   []*seat
	expect  []float64 // by meeting
	polled  []int     // by meeting
	since   []int     // by meeting: join calls since the poll
}

type room struct{ tenant, id string }

type past struct {
	start time.Time
	peak  float64
}

type sums struct{ n, peaks, hinted, hints float64 }

type seat struct {
	room        room
	size        float64
	from, until time.Duration
	server      int
	held, over  bool
}

func (*reference) every() time.Duration { return 20 * time.Second }

func (r *reference) fit(p *pool) {
	if r.ready {
		return
	}
	r.ready = true
	n := len(p.meetings)
	r.expect, r.polled, r.since = make([]float64, n), make([]int, n), make([]int, n)
	r.past, r.tenants = map[room][]past{}, map[string]*sums{}
	for _, m := range p.history {
		r.learn(&m, m.Create, float64(m.Peak()))
	}
	r.plan(p)
}

func (r *reference) learn(m *Meeting, start time.Time, peak float64) {
	k := room{m.Tenant, m.ID}
	r.past[k] = append(r.past[k], past{start, peak})
	t := r.tenants[m.Tenant]
	if t == nil {
		t = &sums{}
		r.tenants[m.Tenant] = t
	}
	t.n++
	t.peaks += peak
	if m.Hint > 0 {
		t.hinted += peak
		t.hints += float64(m.Hint)
	}
}

func minuteOfDay(t time.Time) float64 {
	return float64(t.Hour()*60+t.Minute()) + float64(t.Second())/60
}

func (r *reference) plan(p *pool) {
	if r.seatMin == 0 {
		return
	}
	midnight := time.Date(p.from.Year(), p.from.Month(), p.from.Day(), 0, 0, 0, 0, p.from.Location())
	for k, list := range r.past {
		slices.SortFunc(list, func(a, b past) int { return a.start.Compare(b.start) })
		var same []past
		for _, s := range list {
			if s.start.Weekday() == p.from.Weekday() {
				same = append(same, s)
			}
		}
		if len(same) < 2 {
			continue
		}
		newest := same[len(same)-1]
		if p.from.Sub(newest.start) > 14*24*time.Hour {
			continue
		}
		n, peak, at := 0.0, 0.0, 0.0
		for _, s := range same {
			if math.Abs(minuteOfDay(s.start)-minuteOfDay(newest.start)) <= 30 {
				n, peak, at = n+1, peak+s.peak, at+minuteOfDay(s.start)
			}
		}
		if n < 2 || peak/n < r.seatMin {
			continue
		}
		usual := midnight.Add(time.Duration(at / n * float64(time.Minute))).Sub(p.from)
		r.seats = append(r.seats, &seat{room: k, size: peak / n, from: usual - 20*time.Minute, until: usual + 10*time.Minute})
	}
	slices.SortFunc(r.seats, func(a, b *seat) int { return cmp.Or(cmp.Compare(b.size, a.size), cmp.Compare(a.room.id, b.room.id)) })
}

func (r *reference) hold(p *pool) {
	for _, s := range r.seats {
		if s.held && p.now >= s.until {
			s.held, s.over = false, true
		}
	}
	for _, s := range r.seats {
		if !s.held && !s.over && p.now >= s.from && p.now < s.until {
			s.server = r.choose(p, s.size)
			s.held = s.server != nowhere
		}
	}
}

func (r *reference) choose(p *pool, own float64) int {
	kept := make([]float64, len(p.weight))
	for _, s := range r.seats {
		if s.held {
			kept[s.server] += s.size
		}
	}
	return p.leastByLot(func(s int) float64 {
		sum := kept[s] + own
		for _, m := range p.on[s] {
			age := p.age(m).Minutes()
			sum += float64(r.polled[m]+r.since[m]) + r.expect[m]*max(0, 1-age/20)
		}
		return sum/p.weight[s] + 1e-9*float64(len(p.on[s]))
	})
}

func (r *reference) poll(p *pool) error {
	r.fit(p)
	for s := range p.on {
		for _, m := range p.on[s] {
			r.polled[m], r.since[m] = p.people[m], 0
		}
		for _, m := range p.ended[s] {
			if p.away[m] == over {
				r.learn(&p.meetings[m], p.meetings[m].Create, float64(p.meetings[m].Peak()))
			}
		}
	}
	r.hold(p)
	return nil
}

func (r *reference) create(p *pool, m int) (int, error) {
	r.fit(p)
	r.hold(p)
	meeting := &p.meetings[m]
	k := room{meeting.Tenant, meeting.ID}
	for _, s := range r.seats {
		if s.room == k && p.now >= s.from {
			s.held, s.over = false, true
		}
	}
	r.polled[m], r.since[m] = 0, 0
	r.expect[m] = r.size(meeting)
	return r.choose(p, r.expect[m]), nil
}

func (r *reference) size(m *Meeting) float64 {
	if r.sessions == 0 {
		return 15
	}
	if list := r.past[room{m.Tenant, m.ID}]; len(list) > 0 {
		list = list[max(0, len(list)-r.sessions):]
		sum := 0.0
		for _, s := range list {
			sum += s.peak
		}
		return sum / float64(len(list))
	}
	t := r.tenants[m.Tenant]
	if t == nil {
		t = &sums{}
	}
	mu := (45 + t.peaks) / (3 + t.n)
	if m.Hint > 0 {
		return min(float64(m.Hint)*(50+t.hinted)/(100+t.hints), 5*mu)
	}
	return mu
}

func (r *reference) join(_ *pool, m int) { r.since[m]++ }
