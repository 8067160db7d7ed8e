package simulate

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// replay lets a day pass under one rule.
type replay struct {
	*pool
	rule     rule
	failures []failure
	later    []action // what follows from failures, by time
	measure  *measure
	wanted   []int // by meeting: people in it by the trace
}

// failure is a server that dies.
type failure struct {
	server int           // or fullest
	at     time.Duration // since day.from
}

// fullest is whichever server has the most people per weight when one dies.
const fullest = -1

// action is something that was not in the trace.
type action struct {
	at time.Duration
	do func() error
}

// What follows when a server dies.
const (
	recreateMin = 60 * time.Second // front ends create its meetings anew after this,
	recreateMax = 2 * time.Minute  // or this
	returnMax   = 3 * time.Minute  // everybody is back after this
	repairTime  = 25 * time.Minute // the server is back, empty, after this
)

// run passes the day. It ends with the last meeting.
func (r *replay) run(ctx context.Context) error {
	r.wanted = make([]int, len(r.meetings))
	for _, f := range r.failures {
		r.after(f.at, func() error { return r.fail(f.server) })
	}
	first := r.events[0].at
	poll, sample := first, r.nextMinute(first)
	next := 0
	for next < len(r.events) {
		at := r.events[next].at
		switch {
		case len(r.later) > 0 && r.later[0].at <= min(at, poll, sample):
			a := r.later[0]
			r.later = r.later[1:]
			r.now = a.at
			if err := a.do(); err != nil {
				return err
			}
		case at <= min(poll, sample):
			r.now = at
			if err := r.happen(r.events[next]); err != nil {
				return err
			}
			next++
		case poll <= sample:
			r.now = poll
			if err := r.poll(ctx); err != nil {
				return err
			}
			poll += r.rule.every()
		default:
			r.now = sample
			if err := r.sample(); err != nil {
				return err
			}
			sample += time.Minute
		}
	}
	return nil
}

// nextMinute is the first full minute from a time on, by the clock of the day.
func (r *replay) nextMinute(t time.Duration) time.Duration {
	at := r.from.Add(t)
	return t + at.Add(time.Minute-1).Truncate(time.Minute).Sub(at)
}

func (r *replay) poll(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := r.rule.poll(r.pool)
	for s := range r.ended {
		r.ended[s] = r.ended[s][:0]
	}
	return err
}

// happen applies an event of the trace.
func (r *replay) happen(e event) error {
	m := e.meeting
	switch e.what {
	case creates:
		return r.create(m)
	case joins:
		r.wanted[m]++
		if r.where[m] == nowhere {
			r.away[m]++ // comes back with the others
			return nil
		}
		r.enter(m)
		r.rule.join(r.pool, m)
	case calls:
		if r.where[m] != nowhere {
			r.rule.join(r.pool, m)
		}
	case leaves:
		r.wanted[m]--
		r.leave(m)
	case ends:
		r.remove(m)
		r.wanted[m], r.away[m] = 0, over
	}
	return nil
}

// over is how many are away from a meeting that has ended: it is not created again.
const over = -1

// create asks the rule for a server.
func (r *replay) create(m int) error {
	s, err := r.rule.create(r.pool, m)
	if err != nil {
		return fmt.Errorf("create meeting %q at %s: %w", r.meetings[m].ID, r.clock(), err)
	}
	if s < 0 || s >= len(r.up) || !r.up[s] {
		return fmt.Errorf("create meeting %q at %s: no server is up", r.meetings[m].ID, r.clock())
	}
	r.put(m, s)
	return nil
}

func (r *replay) clock() string { return r.from.Add(r.now).Format(time.TimeOnly) }

// after lets something be done at a time.
func (r *replay) after(at time.Duration, do func() error) {
	i, _ := slices.BinarySearchFunc(r.later, at, func(a action, at time.Duration) int {
		if a.at == at {
			return -1 // behind those of the same time
		}
		return cmp.Compare(a.at, at)
	})
	r.later = slices.Insert(r.later, i, action{at, do})
}

// fail lets a server die. Its meetings are created anew elsewhere, and people come back.
func (r *replay) fail(server int) error {
	if server == fullest {
		server = r.least(func(s int) float64 { return -float64(r.load[s]) / r.weight[s] })
	}
	if server == nowhere || !r.up[server] {
		return nil
	}
	r.up[server] = false
	failed := r.now
	for _, m := range slices.Clone(r.on[server]) {
		people := r.people[m]
		r.remove(m)
		r.away[m] += people
		r.after(failed+r.between(recreateMin, recreateMax), func() error { return r.recreate(m, failed+returnMax) })
	}
	r.ended[server] = nil
	r.after(failed+repairTime, func() error { r.up[server] = true; return nil })
	return nil
}

// recreate creates a meeting again. All who are away are back by a time.
func (r *replay) recreate(m int, back time.Duration) error {
	if r.away[m] == over {
		return nil
	}
	if err := r.create(m); err != nil {
		return err
	}
	for range r.away[m] {
		r.after(r.between(r.now, max(r.now, back)), func() error { r.comeBack(m); return nil })
	}
	return nil
}

// comeBack lets in one of those who are away.
func (r *replay) comeBack(m int) {
	if r.away[m] > 0 && r.where[m] != nowhere {
		r.away[m]--
		r.enter(m)
		r.rule.join(r.pool, m)
	}
}

func (r *replay) between(a, b time.Duration) time.Duration {
	return a + time.Duration(r.draw.Float64()*float64(b-a))
}

// sample measures, and makes sure that nobody was lost on the way.
func (r *replay) sample() error {
	for m, wanted := range r.wanted {
		if here := r.people[m] + max(0, r.away[m]); here != wanted {
			return fmt.Errorf("%d people in meeting %q at %s, %d in the trace: the simulation is wrong", here,
				r.meetings[m].ID, r.clock(), wanted)
		}
	}
	return r.measure.sample(r.pool)
}
