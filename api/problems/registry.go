package problems

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

// Registry is everything that is wrong with a pool. Sources are added before it is read; the zero value has none.
type Registry struct {
	Now func() time.Time // time.Now if nil

	gates   []Source
	sources []Source

	mu    sync.Mutex
	first map[identity]time.Time // when each problem that there is was found
}

// identity tells problems apart.
type identity struct {
	Subject

	name string
}

// Gate adds sources that decide whether the process is ready. They answer from memory, because every look at /readyz asks
// them, on the worst of days too.
func (r *Registry) Gate(sources ...Source) { r.gates = append(r.gates, sources...) }

// Report adds sources.
func (r *Registry) Report(sources ...Source) { r.sources = append(r.sources, sources...) }

// List is everything that is wrong, the worst first; among equals in the order in which the sources were added.
func (r *Registry) List(ctx context.Context) []Problem {
	list := r.ask(ctx, slices.Concat(r.gates, r.sources))
	r.date(list)
	slices.SortStableFunc(list, func(x, y Problem) int { return cmp.Compare(x.Severity, y.Severity) })
	return list
}

// Ready asks the gates alone: the process can do its work unless one of the problems says Unready.
func (r *Registry) Ready(ctx context.Context) []Problem { return r.ask(ctx, r.gates) }

func (r *Registry) ask(ctx context.Context, sources []Source) (list []Problem) {
	for _, s := range sources {
		list = append(list, s.Problems(ctx)...)
	}
	return list
}

// date writes into problems when they were first found, where their sources do not know when they began, and forgets
// those that are over.
func (r *Registry) date(list []Problem) {
	now := time.Now()
	if r.Now != nil {
		now = r.Now()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	found := make(map[identity]time.Time, len(list))
	for i := range list {
		p := &list[i]
		id := identity{p.Subject, p.Name}
		since, known := r.first[id]
		if !known {
			since = now
		}
		found[id] = since
		if p.Since.IsZero() {
			p.Since = since
		}
	}
	r.first = found
}
