package moving

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/mark"
)

// Rows are written so many at once, in one transaction: few enough that they fit into memory, and that no database is kept
// from other work for long.
const (
	batchRows  = 500
	batchBytes = 4 << 20
)

// filler writes rows into groups, and keeps in mind what it was given.
type filler struct {
	ctx    context.Context
	groups []group
	after  map[string][]byte // of kinds, up to which key they are there already
	sums   *sums
	tell   func(done int)

	batch []store.Row
	bytes int
	done  int
}

// fill writes everything of a source that is of the groups, and returns its sums.
func fill(ctx context.Context, from Source, list []group, after map[string][]byte, tell func(done int)) (*sums, error) {
	f := &filler{ctx: ctx, groups: list, after: after, sums: newSums(time.Now()), tell: tell}
	if err := from(ctx, f.add); err != nil {
		return nil, err
	}
	return f.sums, f.flush()
}

// add takes a row.
func (f *filler) add(r store.Row) error {
	if mark.Row(r) || f.group(r.Kind) == nil {
		return nil
	}
	if err := f.sums.add(r); err != nil {
		return err
	}
	f.done++
	if last := f.after[r.Kind]; last != nil && bytes.Compare(r.Key, last) <= 0 {
		f.tell(f.done)
		return nil
	}
	if len(f.batch) > 0 && stateKind[f.batch[0].Kind] != stateKind[r.Kind] {
		if err := f.flush(); err != nil {
			return err
		}
	}
	f.batch = append(f.batch, store.Row{Kind: r.Kind, Key: bytes.Clone(r.Key), Value: bytes.Clone(r.Value)})
	f.bytes += len(r.Key) + len(r.Value)
	if len(f.batch) >= batchRows || f.bytes >= batchBytes {
		return f.flush()
	}
	return nil
}

// group is the one that rows of a kind go to, nil where they go to none.
func (f *filler) group(kind string) *group {
	for i := range f.groups {
		if f.groups[i].state == stateKind[kind] {
			return &f.groups[i]
		}
	}
	return nil
}

// flush writes what was taken.
func (f *filler) flush() error {
	if len(f.batch) == 0 {
		return nil
	}
	to := f.group(f.batch[0].Kind)
	if err := to.Load(f.ctx, f.batch); err != nil {
		return fmt.Errorf("write records to %s: %w", to.at, err)
	}
	f.batch, f.bytes = f.batch[:0], 0
	f.tell(f.done)
	return nil
}

// prepare makes groups ready to be filled: they bear the note, and are empty. While one is emptied, which takes its note with
// everything else, the other bears its own, so that at no instant a half is taken for a whole.
func prepare(ctx context.Context, list []group, m mark.Mark) error {
	for _, g := range list {
		if err := g.note(ctx, m); err != nil {
			return err
		}
	}
	for _, g := range list {
		if bare, err := g.empty(ctx); err != nil {
			return err
		} else if bare {
			continue
		}
		if err := g.Wipe(ctx); err != nil {
			return fmt.Errorf("empty %s: %w", g.at, err)
		}
		if err := g.note(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// finish takes the note away. Before that, instances that come back with a copy of what was there before are told to drop it,
// or they would take what was filled for a loss and heal it.
func finish(ctx context.Context, list []group) error {
	for _, g := range list {
		if g.settle != nil {
			if err := g.settle(ctx); err != nil {
				return fmt.Errorf("settle %s: %w", g.at, err)
			}
		}
	}
	for _, g := range list {
		if err := g.note(ctx, mark.Mark{}); err != nil {
			return err
		}
	}
	return nil
}

// fillable tells whether groups may be filled: they have nothing, or nothing that is whole, or whoever asks insists.
func fillable(ctx context.Context, list []group, force bool) error {
	for _, g := range list {
		m, err := g.mark(ctx)
		if err != nil {
			return err
		}
		if force || m.What == mark.Unfinished {
			continue
		}
		bare, err := g.empty(ctx)
		if err != nil {
			return err
		}
		if !bare {
			return fmt.Errorf("%s %w: --force takes them away for good", g.at, ErrNotEmpty)
		}
	}
	return nil
}
