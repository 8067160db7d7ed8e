package simulate

import "time"

// handover is how long a room may seem to be in two meetings: while it moves from one server to another.
const handover = time.Minute

// untangled returns meetings of which no two of one room overlap, given by their creates. A trace has such, because a
// room that lost its server is created elsewhere while the old meeting goes on, and because clocks differ. What overlaps
// only because it has moved begins when it had. Of other overlaps one meeting is made: a rule decides once for a room
// that lives.
func untangled(meetings []Meeting) []Meeting {
	type room struct{ tenant, id string }
	var groups []group
	last := map[room]int{}
	for _, m := range meetings {
		r := room{m.Tenant, m.ID}
		if i, known := last[r]; known && groups[i].end.After(m.Create) {
			g := &groups[i]
			if g.end.Sub(m.Create) > handover || !g.end.Before(m.End) {
				g.add(m)
				continue
			}
			m.Create = g.end
		}
		last[r] = len(groups)
		groups = append(groups, group{meetings: []Meeting{m}, end: m.End})
	}
	list := meetings[:0]
	for _, g := range groups {
		list = append(list, together(g.meetings))
	}
	return list
}

// group is meetings of one room that overlap.
type group struct {
	meetings []Meeting
	end      time.Time
}

// add takes a meeting in. None begins before the first, which may have been put off until another one had ended.
func (g *group) add(m Meeting) {
	if begin := g.meetings[0].Create; m.Create.Before(begin) {
		m.Create = begin
	}
	if !m.End.After(m.Create) {
		return
	}
	g.meetings = append(g.meetings, m)
	if m.End.After(g.end) {
		g.end = m.End
	}
}

// together makes one meeting of those that overlap.
func together(list []Meeting) Meeting {
	if len(list) == 1 {
		return list[0]
	}
	return both(together(list[:len(list)/2]), together(list[len(list)/2:]))
}

// both makes one meeting of two, of which the second does not begin first. It has the people of the fuller one: most of
// them are the same, who have moved.
func both(a, b Meeting) Meeting {
	one := a
	one.Hint = max(a.Hint, b.Hint)
	if b.End.After(a.End) {
		one.End = b.End
	}
	one.Users = nil
	x, y := stepsOf(a, 0), stepsOf(b, b.Create.Sub(a.Create))
	for inX, inY, people := 0, 0, 0; len(x) > 0 || len(y) > 0; {
		at := first(x, y)
		for ; len(x) > 0 && x[0].After == at; x = x[1:] {
			inX = x[0].People
		}
		for ; len(y) > 0 && y[0].After == at; y = y[1:] {
			inY = y[0].People
		}
		if n := max(inX, inY); n != people {
			people = n
			one.Users = append(one.Users, Count{After: at, People: n})
		}
	}
	return one
}

// stepsOf are the counts of a meeting, put off by a time, and its end.
func stepsOf(m Meeting, by time.Duration) []Count {
	shift, end := int(by/time.Second), int((by+m.End.Sub(m.Create))/time.Second)
	steps := make([]Count, 0, len(m.Users)+1)
	for _, c := range m.Users {
		if at := c.After + shift; at < end {
			steps = append(steps, Count{After: at, People: c.People})
		}
	}
	return append(steps, Count{After: end})
}

// first is when the next step is, of two lists that are not both empty.
func first(x, y []Count) int {
	switch {
	case len(x) == 0:
		return y[0].After
	case len(y) == 0:
		return x[0].After
	}
	return min(x[0].After, y[0].After)
}
