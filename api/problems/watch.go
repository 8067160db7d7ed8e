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

// Run looks every few seconds, writes a line when a problem has begun and one when it is over, and counts for
// WriteMetrics, until ctx ends. The first look is not at once: what was never looked at is no news at the start.
func (r *Registry) Run(ctx context.Context) error {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for known := []Problem(nil); ; {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			known = r.look(ctx, known)
		}
	}
}

// look compares what is wrong with what was known to be, writes lines about the difference, and returns what is known
// now. It counts what operators are shown; lines are about each problem by itself, because one that is told with another
// is not over for that. It takes the lock, and can take as long as sources take to read the store.
func (r *Registry) look(ctx context.Context, known []Problem) []Problem {
	look, cancel := context.WithTimeout(ctx, lookEvery)
	defer cancel()
	found := r.all(look)
	if ctx.Err() != nil {
		return known // sources were cut short by the end, and know less than there is
	}
	for _, p := range without(found, known) {
		r.begun(p)
	}
	for _, p := range without(known, found) {
		r.over(p)
	}
	r.count(merge(slices.Clone(found))) // which changes the list
	return found
}

// without returns those problems that are not among others, each once.
func without(list, others []Problem) (left []Problem) {
	known := map[identity]bool{}
	for _, p := range others {
		known[p.identity()] = true
	}
	for _, p := range list {
		if !known[p.identity()] {
			known[p.identity()], left = true, append(left, p)
		}
	}
	return left
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

func (r *Registry) over(p Problem) {
	if !p.Logged {
		about(r.Log.Info(), p).Dur("lasted", r.now().Sub(p.Since)).Msg("a problem is over")
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
	byBadness := func(x, y label) int { return cmp.Or(cmp.Compare(x.Severity, y.Severity), cmp.Compare(x.kind, y.kind)) }
	for _, l := range slices.SortedFunc(maps.Keys(counts), byBadness) {
		metrics.WriteGaugeUint64(w, fmt.Sprintf(gauge+"{severity=%q,kind=%q}", l.Severity, l.kind), uint64(counts[l]))
	}
}
