package problems

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// Registry is everything that is wrong with a pool. Sources are added before it is read; the zero value has none.
type Registry struct {
	Log zerolog.Logger   // hears in Run of what begins and of what is over
	Now func() time.Time // time.Now if nil

	gates, asides, sources []Source

	mu     sync.Mutex
	first  map[identity]time.Time // when each problem that there is was found
	counts map[label]int          // of the problems that the last look of Run has found; those of before stay, with 0
}

// identity tells problems apart.
type identity struct {
	Subject

	name string
}

// Gate adds sources some of whose problems make the process unready: those that say Unready. They answer from memory,
// because every look at /readyz asks them, on the worst of days too.
func (r *Registry) Gate(sources ...Source) { r.gates = append(r.gates, sources...) }

// Aside adds sources of what /readyz says beside "ready", because it keeps nobody from a meeting and should be known all the
// same, as that a volume of recordings is full. It is said there in words of its own, so that List does not have it: who
// owns the volume reports it, too. What is said of Gate holds for these sources.
func (r *Registry) Aside(sources ...Source) { r.asides = append(r.asides, sources...) }

// Report adds sources.
func (r *Registry) Report(sources ...Source) { r.sources = append(r.sources, sources...) }

// List is everything that is wrong, the worst first; among equals in the order in which the sources were added, those of
// Gate first. A problem and what comes of it are one, see [Cause].
func (r *Registry) List(ctx context.Context) []Problem { return merge(r.all(ctx)) }

// Ready asks the gates alone, and returns those of their problems for which the process is not ready.
func (r *Registry) Ready(ctx context.Context) []Problem {
	return slices.DeleteFunc(ask(ctx, r.gates), func(p Problem) bool { return !p.Unready })
}

// Asides returns what is to be said although it keeps nobody from a meeting.
func (r *Registry) Asides(ctx context.Context) []Problem { return ask(ctx, r.asides) }

// all is everything that is wrong, with the times since when, the worst first.
func (r *Registry) all(ctx context.Context) []Problem {
	asked := r.now()
	list := ask(ctx, slices.Concat(r.gates, r.sources))
	r.date(list, asked, ctx.Err() == nil)
	slices.SortStableFunc(list, byBadness)
	return list
}

func byBadness(x, y Problem) int { return cmp.Compare(x.Severity, y.Severity) }

func ask(ctx context.Context, sources []Source) (list []Problem) {
	for _, s := range sources {
		list = append(list, s.Problems(ctx)...)
	}
	return list
}

// date writes into problems when they were first found, where their sources do not know when they began. With whole set it
// forgets those that are over: a list that was cut short, because whoever asked has gone, does not tell that, nor does one
// that was asked for before somebody else has found them. It takes the lock.
func (r *Registry) date(list []Problem, asked time.Time, whole bool) {
	now := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	found := make(map[identity]time.Time, len(list))
	for i := range list {
		p := &list[i]
		since, known := r.first[p.identity()]
		if !known {
			since = now
		}
		found[p.identity()] = since
		if p.Since.IsZero() {
			p.Since = since
		}
	}
	for id, since := range r.first {
		if !whole || since.After(asked) {
			found[id] = since
		}
	}
	r.first = found
}

func (p Problem) identity() identity { return identity{p.Subject, p.Name} }

func (r *Registry) now() time.Time {
	if r.Now == nil {
		return time.Now()
	}
	return r.Now()
}
