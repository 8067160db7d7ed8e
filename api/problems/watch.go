package problems

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/exposition"
)

// gauge is the metric that tells how many problems there are.
const gauge = "bbbpool_problems"

// Families are the metrics of the registry.
var Families = []exposition.Family{
	{Name: gauge, Type: exposition.Gauge, Help: "What is wrong, by how bad it is and by the kind of thing that it is wrong with."},
}

// label is what problems are counted by.
type label struct {
	Severity

	kind Kind
}

// lookEvery is how often Run looks. What begins and is over within it leaves no line, which is as well: a line for every
// blip of a server would bury the others, and whoever has seen it may have written one.
const lookEvery = 5 * time.Second

// awayFor is how long a problem must have stayed away until it is over. One that comes and goes, as with a server that is
// at its capacity, would have two lines at every look otherwise, all evening.
const awayFor = time.Minute

// episode is a problem that has begun, and is not over for the log.
type episode struct {
	Problem

	gone time.Time // when a look did not find it any more; zero while it is there
}

// episodes are those that go on.
type episodes map[identity]episode

// Run looks every few seconds, writes a line when a problem has begun and one when it is over, and counts for
// WriteMetrics, until ctx ends. The first look is not at once: what was never looked at is no news at the start.
func (r *Registry) Run(ctx context.Context) error {
	timer := time.NewTimer(lookEvery)
	defer timer.Stop()
	for known := (episodes{}); ; {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
			began := time.Now()
			r.look(ctx, known)
			timer.Reset(pause(time.Since(began)))
		}
	}
}

// pause is how long after a look the next one begins. One that takes long, because sources read tens of thousands of records,
// is not worth more than a twentieth of a processor; after a minute it is due, whatever it costs.
func pause(took time.Duration) time.Duration { return max(lookEvery, min(20*took, time.Minute)) }

// look compares what is wrong with what was known to be, writes lines about the difference, and writes into known what is
// known now. It counts what operators are shown; lines are about each problem by itself, because one that is told with
// another is not over for that. It takes the lock, and can take as long as sources take to read the store.
func (r *Registry) look(ctx context.Context, known episodes) {
	look, cancel := context.WithTimeout(ctx, lookEvery)
	defer cancel()
	found := r.all(look)
	if ctx.Err() != nil {
		return // sources were cut short by the end, and know less than there is
	}
	missing := maps.Clone(known)
	for _, p := range found {
		delete(missing, p.identity())
		r.note(p, known)
	}
	if look.Err() != nil { // a store that is slow has cut sources short, and what they did not name may be there still
		found = append(found, missing.there()...)
		slices.SortStableFunc(found, byBadness)
	} else {
		r.miss(missing, known)
	}
	r.count(merge(found))
}

// note writes into known that a problem is there, and a line if that is news.
func (r *Registry) note(p Problem, known episodes) {
	id := p.identity()
	if before, begun := known[id]; begun {
		p.Since = before.Since
	} else {
		r.begun(p)
	}
	known[id] = episode{Problem: p}
}

// miss writes into known that problems are not there any more, and takes out of it those that are over, with a line for each.
func (r *Registry) miss(missing, known episodes) {
	now := r.now()
	for _, e := range missing.sorted() {
		id := e.identity()
		switch {
		case e.gone.IsZero():
			e.gone = now
			known[id] = e
		case now.Sub(e.gone) >= awayFor:
			r.over(e)
			delete(known, id)
		}
	}
}

// sorted are the episodes, the worst first, and always in the same order.
func (es episodes) sorted() []episode {
	return slices.SortedFunc(maps.Values(es), func(x, y episode) int {
		return cmp.Or(byBadness(x.Problem, y.Problem), cmp.Compare(x.Subject.Kind, y.Subject.Kind),
			cmp.Compare(x.Subject.ID, y.Subject.ID), cmp.Compare(x.Name, y.Name))
	})
}

// there are the problems that the last whole look has found.
func (es episodes) there() (list []Problem) {
	for _, e := range es.sorted() {
		if e.gone.IsZero() {
			list = append(list, e.Problem)
		}
	}
	return list
}

func (r *Registry) begun(p Problem) {
	if p.Logged {
		return
	}
	level := zerolog.WarnLevel
	switch p.Severity {
	case Refusing, Blind, CutOff, Stuck:
		level = zerolog.ErrorLevel
	case Advised:
		level = zerolog.InfoLevel
	default:
	}
	about(r.Log.WithLevel(level), p).Str("problem", p.String()).Msg("a problem has begun")
}

func (r *Registry) over(e episode) {
	if !e.Logged {
		about(r.Log.Info(), e.Problem).Dur("lasted", e.gone.Sub(e.Since)).Msg("a problem is over")
	}
}

// about writes what a problem is known by.
func about(line *zerolog.Event, p Problem) *zerolog.Event {
	return line.Str("severity", p.Severity.String()).Str("kind", string(p.Subject.Kind)).Str("subject", p.Subject.ID).
		Str("name", p.Name)
}

// count keeps how many problems there are. It takes the lock.
func (r *Registry) count(list []Problem) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.counts == nil {
		r.counts = map[label]int{}
	}
	for l := range r.counts {
		r.counts[l] = 0
	}
	for _, p := range list {
		r.counts[label{p.Severity, p.Subject.Kind}]++
	}
}

// WriteMetrics writes how many problems there were at the last look, in Prometheus' text form. It asks no source.
func (r *Registry) WriteMetrics(w io.Writer) {
	r.mu.Lock()
	counts := maps.Clone(r.counts)
	r.mu.Unlock()
	byLabel := func(x, y label) int { return cmp.Or(cmp.Compare(x.Severity, y.Severity), cmp.Compare(x.kind, y.kind)) }
	for _, l := range slices.SortedFunc(maps.Keys(counts), byLabel) {
		metrics.WriteGaugeUint64(w, fmt.Sprintf(gauge+"{severity=%q,kind=%q}", l.Severity, l.kind), uint64(counts[l]))
	}
}
