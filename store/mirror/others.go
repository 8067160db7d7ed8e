package mirror

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/rows"
)

// useRole is [store.Uses].
type useRole struct{ m *Mirror }

func (role useRole) Uses(ctx context.Context) (map[store.Credential]time.Time, error) {
	list, err := all(ctx, role.m, rows.Uses)
	if err != nil {
		return nil, err
	}
	uses := make(map[store.Credential]time.Time, len(list))
	for _, u := range list {
		uses[u.Credential] = u.At
	}
	return uses, nil
}

func (role useRole) NoteUses(ctx context.Context, list map[store.Credential]time.Time) error {
	var names []name
	var wrong error
	for c := range list {
		key := rows.UseKey(c)
		if key == nil {
			wrong = rows.ErrKey
		}
		names = append(names, name{rows.Uses.Kind, string(key)})
	}
	return role.m.do(ctx, write{
		names: names,
		store: func(ctx context.Context, _ bool) ([]change, error) {
			return role.noted(list), role.m.config.Store.NoteUses(ctx, list)
		},
		copy: func() ([]change, error) { return role.noted(list), wrong },
	})
}

// noted are the uses that are later than what the copy says, and those that are forgotten.
func (role useRole) noted(list map[store.Credential]time.Time) (changes []change) {
	for c, at := range list {
		n := name{rows.Uses.Kind, string(rows.UseKey(c))}
		r, stands := role.m.copy.get(n)
		switch value := rows.TimeKey(at); {
		case at.IsZero() && stands:
			changes = append(changes, change{n, nil})
		case !at.IsZero() && bytes.Compare(r.value, value) < 0:
			changes = append(changes, change{n, value})
		}
	}
	return changes
}

// waitRole is [store.Waiting].
type waitRole struct{ m *Mirror }

// Waiting asks the store: other instances write there, too. While that is away the copy answers an instance that is alone.
func (role waitRole) Waiting(ctx context.Context, limit int) (list []store.Wait, err error) {
	m := role.m
	if err := m.usable(ctx); err != nil {
		return nil, err
	}
	out := m.outage()
	if !out.is {
		list, err = m.config.Store.Waiting(ctx, limit)
		if !errors.Is(m.noted(ctx, err), store.ErrAway) {
			return list, err
		}
		out = m.outage()
	}
	if !out.alone {
		return nil, awayBecause(out.why)
	}
	list, err = all(ctx, m, rows.Waiting)
	return list[:min(max(limit, 0), len(list))], err
}

func (role waitRole) AddWaiting(ctx context.Context, w store.Wait) error {
	_, err := create(ctx, role.m, rows.Waiting, w, func() (store.Wait, error) {
		return w, role.m.config.Store.AddWaiting(ctx, w)
	})
	return err
}

func (role waitRole) DeleteWaiting(ctx context.Context, ids ...string) error {
	var names []name
	for _, id := range ids {
		names = append(names, name{rows.Waiting.Kind, id})
	}
	var gone []change
	for _, n := range names {
		if n.key != "" {
			gone = append(gone, change{n, nil})
		}
	}
	return role.m.do(ctx, write{
		names: names,
		store: func(ctx context.Context, _ bool) ([]change, error) {
			return gone, role.m.config.Store.DeleteWaiting(ctx, ids...)
		},
		copy: func() ([]change, error) { return gone, nil },
	})
}

// wholeRole is [store.Whole].
type wholeRole struct{ m *Mirror }

// Dump reads the store, unless that is away or has lost something: then the copy is what there is. It looks first, for of a loss
// that nobody has seen yet all that is left would be read, and again when it has read.
func (role wholeRole) Dump(ctx context.Context, each func(store.Row) error) error {
	m := role.m
	if err := m.usable(ctx); err != nil {
		return err
	}
	k, whole, err := m.trusted(ctx)
	if err != nil {
		return err
	}
	if whole {
		if err := m.noted(ctx, m.config.Store.Dump(ctx, each)); err != nil {
			return err
		}
		why, err := m.meanwhile(ctx, k)
		if err == nil && why != "" {
			err = errAgain
		}
		return m.noted(ctx, err)
	}
	for _, kind := range store.Kinds {
		for _, row := range m.copy.list(kind.Name) {
			if err := errors.Join(ctx.Err(), each(row)); err != nil {
				return err
			}
		}
	}
	return nil
}

// trusted tells whether the store has everything, as a look finds it now, and what it says of itself.
func (m *Mirror) trusted(ctx context.Context) (k mark, whole bool, err error) {
	for range looks {
		if err = m.look(ctx, false); !errors.Is(err, errAgain) {
			break
		}
	}
	if err == nil {
		k, err = m.mark(ctx)
	}
	if err != nil {
		return k, false, store.Ignore(m.noted(ctx, err), store.ErrAway, store.ErrFenced)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return k, !m.away.is && !m.lost, nil
}

// Load writes to the store alone, and then to the copy: what is loaded is much, and waits for nothing.
func (role wholeRole) Load(ctx context.Context, list []store.Row) error {
	return role.whole(ctx, func() ([]change, error) {
		var changes []change
		for _, row := range list {
			if form, ok := rows.Of(row.Kind); ok {
				value, err := form.Again(row.Key, row.Value)
				if err != nil {
					return nil, err
				}
				changes = append(changes, change{name{row.Kind, string(row.Key)}, value})
			}
		}
		return changes, role.m.config.Store.Load(ctx, list)
	})
}

// Wipe takes away the copy, too, and what it remembers of deletions: what is loaded afterwards may be older.
func (role wholeRole) Wipe(ctx context.Context) error {
	return role.whole(ctx, func() ([]change, error) {
		err := role.m.config.Store.Wipe(ctx)
		if err == nil {
			role.m.copy.clear()
		}
		return nil, err
	})
}

// whole does a write that concerns everything, while nobody else writes or looks.
func (role wholeRole) whole(ctx context.Context, do func() ([]change, error)) error {
	m := role.m
	m.looking.Lock()
	defer m.looking.Unlock()
	m.gate.Lock()
	defer m.gate.Unlock()
	if err := m.usable(ctx); err != nil {
		return err
	}
	if out := m.outage(); out.is {
		return awayBecause(out.why)
	}
	changes, err := do()
	if err == nil {
		m.apply(changes, false)
	}
	return m.noted(ctx, err)
}
