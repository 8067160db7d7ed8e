package mirror

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"sync"

	"github.com/bbbpool/bbbpool/store"
)

// stripes are how many locks keep writes of one record in one order; two records may share one.
const stripes = 256

// locks keep the writes of each record in one order, in the store as in the copy.
type locks struct {
	seed maphash.Seed
	each [stripes]sync.Mutex
}

func newLocks() *locks { return &locks{seed: maphash.MakeSeed()} }

// lock takes the locks of records, and returns what gives them back.
func (l *locks) lock(names []name) (unlock func()) {
	var at []int
	for _, n := range names {
		at = append(at, int(maphash.Comparable(l.seed, n)%stripes))
	}
	slices.Sort(at)
	at = slices.Compact(at)
	for _, i := range at {
		l.each[i].Lock()
	}
	return func() {
		for _, i := range at {
			l.each[i].Unlock()
		}
	}
}

// errDiffers is that the store does not say what the copy says of a record that nobody but us may write.
var errDiffers = errors.New("the store and its copy differ")

// change is what became of a record.
type change struct {
	name  name
	value []byte // nil where it was deleted
}

// write is one write, in two forms.
type write struct {
	names []name // of all records that it may change
	// store writes to the store, and returns what was changed. With sure it returns errDiffers where the store does not say
	// what the copy does.
	store func(ctx context.Context, sure bool) ([]change, error)
	// copy says what the write changes, by what the copy says alone; nil where that must not decide.
	copy func() ([]change, error)
}

// do does a write. Where the store and the copy differ, what is the case is found out, and it is done again.
func (m *Mirror) do(ctx context.Context, w write) error {
	err := m.do1(ctx, w, true)
	if !errors.Is(err, errDiffers) {
		return err
	}
	if err := m.Refresh(ctx); err != nil {
		return err
	}
	return m.do1(ctx, w, false)
}

func (m *Mirror) do1(ctx context.Context, w write, sure bool) error {
	m.gate.RLock()
	defer m.gate.RUnlock()
	defer m.locks.lock(w.names)()
	if err := m.usable(ctx); err != nil {
		return err
	}
	if out := m.outage(); out.is {
		return m.alone(ctx, w, out.why)
	}
	_, leads := m.leads()
	m.copy.begin(w.names)
	changes, err := w.store(ctx, sure && leads)
	away := errors.Is(err, store.ErrAway)
	if err == nil {
		m.apply(changes, false)
	}
	m.copy.end(w.names, away)
	if away && ctx.Err() == nil {
		_ = m.noted(ctx, err)
		m.lookSoon()
		m.keep() // the store cannot be asked for it any more
		return m.alone(ctx, w, err)
	}
	return err
}

// alone does a write to the copy, and keeps it for the store, where this is the only instance.
func (m *Mirror) alone(ctx context.Context, w write, why error) error {
	if !m.config.Alone || m.disk == nil || w.copy == nil {
		return awayBecause(why)
	}
	if n := m.copy.count().waits; n+len(w.names) > m.config.MaxWaits {
		return fmt.Errorf("%w, and %d records wait for it already, which is as many as may", awayBecause(why), n)
	}
	changes, err := w.copy()
	if err == nil && len(changes) > 0 {
		err = m.disk.journal(ctx, changes, m.config.Now(), func() { m.apply(changes, true) })
	}
	return err
}

// awayBecause is the error of what needs the store.
func awayBecause(why error) error {
	if why == nil {
		why = errors.New("what was written meanwhile is not there yet")
	}
	if errors.Is(why, store.ErrAway) {
		return why
	}
	return fmt.Errorf("%w: %w", store.ErrAway, why)
}

// apply makes the copy what was written.
func (m *Mirror) apply(changes []change, waits bool) {
	now := m.config.Now()
	for _, c := range changes {
		m.copy.put(c.name, record{value: c.value, at: now, own: true, waits: waits})
	}
}

// outage tells whether the store is away.
func (m *Mirror) outage() outage {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.away
}

// lookSoon has Run look at the store now.
func (m *Mirror) lookSoon() {
	select {
	case m.kick <- struct{}{}:
	default:
	}
}
