package moving

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/backup"
	"github.com/bbbpool/bbbpool/store/driver"
	"github.com/bbbpool/bbbpool/store/mark"
)

// Migration takes the records of a pool to other stores. All stores are opened for a mover.
type Migration struct {
	From, To     *driver.Stores
	State, Index bool                  // which groups go; the others stay where they are
	Force        bool                  // what is there is taken away
	Tell         func(done, total int) // how many rows are there
}

// by says whose work a note tells of, so that the same migration goes on with it. The group that stays has a place here that is
// thrown away, and another one each time.
func (m Migration) by() string {
	switch {
	case !m.Index:
		return fmt.Sprintf("migrate from %s to %s", m.From.StateAt, m.To.StateAt)
	case !m.State:
		return fmt.Sprintf("migrate from %s to %s", m.From.IndexAt, m.To.IndexAt)
	}
	return fmt.Sprintf("migrate from %s and %s to %s and %s", m.From.StateAt, m.From.IndexAt, m.To.StateAt, m.To.IndexAt)
}

// Run does it, goes on where one was cut short, and returns what was taken there. In the end the target was compared with the
// source record by record, and the source bears a note that it has moved, so that nobody goes on there by mistake.
func (m Migration) Run(ctx context.Context) ([]backup.Sum, error) {
	sums, err := m.run(ctx)
	return sums, halfway(ctx, m.To, err)
}

func (m Migration) run(ctx context.Context) ([]backup.Sum, error) {
	if err := m.apart(ctx); err != nil {
		return nil, err
	}
	ctx, release, err := take(ctx, m.From)
	if err != nil {
		return nil, err
	}
	defer release()
	if ours(ctx, m.To) {
		return nil, fmt.Errorf("%s: %w", m.To.StateAt, ErrSame)
	}
	ctx, releaseTo, err := take(ctx, m.To)
	if err != nil {
		return nil, err
	}
	defer releaseTo()
	from, to := m.moving(m.From), m.moving(m.To)
	if len(to) == 0 {
		return nil, errors.New("nothing is to be moved: source and target are the same")
	}
	if err := movable(ctx, from, to); err != nil {
		return nil, err
	}
	sums, err := m.transfer(ctx, from, to)
	if err != nil {
		return nil, err
	}
	if err := vacant(ctx, m.From); err != nil { // a PostgreSQL has no lease that would have kept them away meanwhile
		return nil, err
	}
	if err := finish(ctx, to); err != nil {
		return nil, err
	}
	for i, g := range from {
		err = errors.Join(err, g.note(ctx, mark.Mark{What: mark.Moved, By: to[i].at, At: time.Now().UTC()}))
	}
	return sums.list(), err
}

// apart tells whether source and target are two, as far as their leases will not tell.
func (m Migration) apart(ctx context.Context) error {
	if !m.Index {
		return nil
	}
	one, err := m.From.SameIndex(ctx, m.To)
	if err == nil && one {
		err = fmt.Errorf("%s: %w", m.To.IndexAt, ErrSame)
	}
	return err
}

// transfer fills the target, and compares.
func (m Migration) transfer(ctx context.Context, from, to []group) (*sums, error) {
	after, err := m.resumed(ctx, to)
	if err != nil {
		return nil, err
	}
	if after == nil {
		if err := fillable(ctx, to, m.Force); errors.Is(err, ErrNotEmpty) {
			return there(ctx, all(from), to, err)
		} else if err != nil {
			return nil, err
		}
		if err := prepare(ctx, to, mark.Mark{What: mark.Unfinished, By: m.by(), At: time.Now().UTC()}); err != nil {
			return nil, err
		}
	}
	total, err := count(ctx, from)
	if err != nil {
		return nil, err
	}
	sums, err := filled(ctx, all(from), to, after, func(done int) { m.Tell(done, total) })
	if after != nil && errors.Is(err, ErrDiffers) { // the source has changed since; begin anew
		if err := prepare(ctx, to, mark.Mark{What: mark.Unfinished, By: m.by(), At: time.Now().UTC()}); err != nil {
			return nil, err
		}
		sums, err = filled(ctx, all(from), to, nil, func(done int) { m.Tell(done, total) })
	}
	return sums, err
}

// filled fills groups, and compares.
func filled(ctx context.Context, from Source, to []group, after map[string][]byte, tell func(done int)) (*sums, error) {
	sums, err := fill(ctx, from, to, after, tell)
	if err == nil {
		err = sums.compare(ctx, to)
	}
	return sums, err
}

// there returns the sums of a target that has everything already, as one that was cut short at its very end; else not.
func there(ctx context.Context, from Source, to []group, not error) (*sums, error) {
	s := newSums(time.Now())
	err := from(ctx, func(r store.Row) error {
		if mark.Row(r) {
			return nil
		}
		return s.add(r)
	})
	if err != nil {
		return nil, err
	}
	if err = s.compare(ctx, to); errors.Is(err, ErrDiffers) {
		return nil, not
	}
	return s, err
}

// moving are the groups that go.
func (m Migration) moving(s *driver.Stores) (list []group) {
	for _, g := range groups(s) {
		if g.state && m.State || !g.state && m.Index {
			list = append(list, g)
		}
	}
	return list
}

// movable tells whether a source is whole, and has not moved already. One of which a half says that it has moved there was
// cut short at the very end.
func movable(ctx context.Context, from, to []group) error {
	var moved []error
	for i, g := range from {
		switch m, err := g.mark(ctx); {
		case err != nil:
			return err
		case m.What == mark.Moved:
			err := fmt.Errorf("%s has been moved already, on %s, to %s: --reopen takes it as it was then", g.at,
				m.At.Format(time.RFC3339), m.By)
			if m.By != to[i].at {
				return err
			}
			moved = append(moved, err)
		case m.What != "":
			return fmt.Errorf("%s is not whole: %s was cut short", g.at, m.By)
		}
	}
	if len(moved) == len(from) {
		return moved[0]
	}
	return nil
}

// resumed tells how far the same migration has come before it was cut short: up to which key of each kind; nil where it has
// not begun. Rows are written in the order of the keys, so what is there is what comes first.
func (m Migration) resumed(ctx context.Context, to []group) (map[string][]byte, error) {
	after := map[string][]byte{}
	for _, g := range to {
		note, err := g.mark(ctx)
		if err != nil {
			return nil, err
		}
		if note.What != mark.Unfinished || note.By != m.by() {
			return nil, nil
		}
		err = g.Dump(ctx, func(r store.Row) error {
			if !mark.Row(r) {
				after[r.Kind] = append(after[r.Kind][:0], r.Key...)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return after, nil
}

// all is a source of what is in groups.
func all(list []group) Source {
	return func(ctx context.Context, each func(store.Row) error) error {
		for _, g := range list {
			if err := g.Dump(ctx, each); err != nil {
				return err
			}
		}
		return nil
	}
}

func count(ctx context.Context, list []group) (n int, err error) {
	err = all(list)(ctx, func(r store.Row) error {
		if !mark.Row(r) {
			n++
		}
		return nil
	})
	return n, err
}

// list is what there was of each kind.
func (s *sums) list() (list []backup.Sum) {
	for _, kind := range backup.Kinds() {
		list = append(list, s.counters[kind].Sum())
	}
	return list
}

// Reopen takes the note away that stores have moved, so that they can be used as they were then.
func Reopen(ctx context.Context, s *driver.Stores) error {
	ctx, release, err := take(ctx, s)
	if err != nil {
		return err
	}
	defer release()
	found := false
	for _, g := range groups(s) {
		switch m, err := g.mark(ctx); {
		case err != nil:
			return err
		case m.What == mark.Unfinished:
			return fmt.Errorf("%s is not whole (%s): there is nothing to open", g.at, m.By)
		case m.What == "":
			continue
		}
		found = true
		if err := g.note(ctx, mark.Mark{}); err != nil {
			return err
		}
	}
	if !found {
		return fmt.Errorf("%s and %s have not been moved", s.StateAt, s.IndexAt)
	}
	return nil
}

// Difference is how two sources differ in a kind.
type Difference struct {
	Kind    string
	Same    int
	Missing int // in the first, and not in the second
	Changed int
	More    int // in the second alone
}

// Compare compares two sources kind by kind. It needs memory for two rows.
func Compare(ctx context.Context, first, second Source) ([]Difference, error) {
	a, b := pull(ctx, first), pull(ctx, second)
	defer a.stop()
	defer b.stop()
	var list []Difference
	for place, kind := range backup.Kinds() {
		d := Difference{Kind: kind}
		for {
			inA, inB := a.at(place), b.at(place)
			if err := errors.Join(a.err, b.err); err != nil {
				return nil, err
			}
			if !inA && !inB {
				break
			}
			order := bytes.Compare(a.row.Key, b.row.Key)
			if !inB {
				order = -1
			} else if !inA {
				order = 1
			}
			d.note(order, order == 0 && bytes.Equal(a.row.Value, b.row.Value))
			a.pass(order <= 0)
			b.pass(order >= 0)
		}
		list = append(list, d)
	}
	return list, nil
}

func (d *Difference) note(order int, equal bool) {
	switch {
	case order < 0:
		d.Missing++
	case order > 0:
		d.More++
	case equal:
		d.Same++
	default:
		d.Changed++
	}
}
