package simulate

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// day is a trace made ready for the replay. All rules share it, and none changes it.
type day struct {
	from     time.Time // its midnight, or later
	history  []Meeting // the meetings before, by their ends
	meetings []Meeting // those to replay, by their creates
	events   []event   // of them, in order
}

// event is something that happens to a meeting, whatever the rule.
type event struct {
	at      time.Duration // since day.from
	what    what
	meeting int // its place in day.meetings
}

type what int

// What happens, in the order that it does so within one moment.
const (
	leaves  what = iota // somebody leaves
	ends                // the meeting is over, and everybody leaves
	creates             // the meeting is created
	joins               // somebody joins: a join call, and one more person
	calls               // a join call that adds nobody
)

// doubled is the share of join calls that add nobody: a click too many, a reload, a page that is left at once.
const doubled = 0.08

// maxSpan is how much is replayed at most: a month. The usual is a day.
const maxSpan = 31 * 24 * time.Hour

// maxEvents bounds the memory that a replay takes, to some 200 MB.
const maxEvents = 5_000_000

// newDay splits a trace. Breakout rooms are left out: their people are counted in the meeting that they belong to, and
// stay on its server.
func newDay(trace []Meeting, from time.Time, seed uint64) (*day, error) {
	d := &day{from: from}
	for _, m := range trace {
		switch {
		case m.Breakout:
		case m.Create.Before(from):
			d.history = append(d.history, m)
		default:
			d.meetings = append(d.meetings, m)
		}
	}
	slices.SortStableFunc(d.history, func(a, b Meeting) int { return a.End.Compare(b.End) })
	slices.SortStableFunc(d.meetings, func(a, b Meeting) int { return a.Create.Compare(b.Create) })
	if len(d.meetings) == 0 {
		return nil, fmt.Errorf("no meeting to replay is created at %s or later", from.Format(time.RFC3339))
	}
	if last := d.meetings[len(d.meetings)-1].Create; last.Sub(from) > maxSpan {
		return nil, fmt.Errorf("%s to replay, from %s to %s, are more than %s: begin later (--from)", last.Sub(from),
			from.Format(time.RFC3339), last.Format(time.RFC3339), maxSpan)
	}
	d.meetings = untangled(d.meetings)
	if n := d.comings(); n > maxEvents {
		return nil, fmt.Errorf("%d comings and goings to replay, more than %d: begin later (--from)", n, maxEvents)
	}
	draw := rand.New(rand.NewPCG(seed, 1))
	for i := range d.meetings {
		d.unroll(i, draw)
	}
	slices.SortStableFunc(d.events, func(a, b event) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.what, b.what))
	})
	return d, nil
}

// comings is how often somebody comes or goes.
func (d *day) comings() (n int) {
	for _, m := range d.meetings {
		people := 0
		for _, c := range m.Users {
			n += max(c.People-people, people-c.People)
			people = c.People
		}
	}
	return n
}

// unroll makes a meeting's events of its counts.
func (d *day) unroll(i int, draw *rand.Rand) {
	m := &d.meetings[i]
	begin, end := m.Create.Sub(d.from), m.End.Sub(d.from)
	d.add(begin, creates, i)
	people := 0
	for _, c := range m.Users {
		at := begin + time.Duration(c.After)*time.Second
		if at >= end {
			break
		}
		for ; people > c.People; people-- {
			d.add(at, leaves, i)
		}
		for ; people < c.People; people++ {
			d.add(at, joins, i)
			for draw.Float64() < doubled {
				d.add(at, calls, i)
			}
		}
	}
	d.add(end, ends, i)
}

func (d *day) add(at time.Duration, w what, meeting int) {
	d.events = append(d.events, event{at, w, meeting})
}
