// Package moving takes all records of a pool from one place to another: out of a backup into stores, from stores into others,
// and into a directory that is thrown away, to prove that a backup can be restored.
//
// It owns the order in which that is done, so that it may be killed at any instant: what is taken from is only read, until all
// of it is elsewhere and was compared there; what is filled bears a note (package mark) before the first record is changed
// there, and loses it after the last was compared. It never decides which stores are meant, and works on none that is in use:
// the file in a data directory has its lock, and a State that is shared its lease, which is taken here and held meanwhile.
package moving

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/backup"
	"github.com/bbbpool/bbbpool/store/driver"
	"github.com/bbbpool/bbbpool/store/mark"
	"github.com/bbbpool/bbbpool/store/rows"
)

// Errors of moving.
var (
	// ErrNotEmpty: the target has records already.
	ErrNotEmpty = errors.New("has records already")
	// ErrInUse: a running bbbpool works on the stores.
	ErrInUse = errors.New("is in use by a running bbbpool: stop it first")
	// ErrSame: source and target are one, and would be emptied before it is read.
	ErrSame = errors.New("is both source and target: say by --from where the records are, and by --to where else they are to go")
	// ErrNoRoom: what is to be restored does not fit onto the disk.
	ErrNoRoom = errors.New("has no room for it")
	// ErrDiffers: what is in the target is not what was taken there.
	ErrDiffers = errors.New("is not what was taken there")
)

// Source hands out all rows as [store.Whole.Dump] does, of the State and then of the Index, and can do so again.
type Source func(ctx context.Context, each func(store.Row) error) error

// Of is a source of what is in stores.
func Of(s *driver.Stores) Source {
	return func(ctx context.Context, each func(store.Row) error) error {
		for _, g := range groups(s) {
			if err := g.Dump(ctx, each); err != nil {
				return err
			}
		}
		return nil
	}
}

// group is one of the two groups of stores, with its note.
type group struct {
	store.Whole
	state bool
	at    string
	mark  func(ctx context.Context) (mark.Mark, error)
	note  func(ctx context.Context, m mark.Mark) error
	// settle tells copies of what was there before that they are worth nothing; nil where there can be none.
	settle func(ctx context.Context) error
}

// groups are both, the State first.
func groups(s *driver.Stores) []group {
	list := []group{{
		Whole: s.State, state: true, at: s.StateAt,
		mark: func(ctx context.Context) (mark.Mark, error) { return mark.OfState(ctx, s.State) },
		note: func(ctx context.Context, m mark.Mark) error { return mark.OnState(ctx, s.State, m) },
	}, {
		Whole: s.Index, at: s.IndexAt,
		mark: func(ctx context.Context) (mark.Mark, error) { return mark.OfIndex(ctx, s.Index) },
		note: func(ctx context.Context, m mark.Mark) error { return mark.OnIndex(ctx, s.Index, m) },
	}}
	if s.Redis != nil {
		list[0].settle = s.Redis.SettleNow
	}
	return list
}

// errSome ends a look at whether there is anything.
var errSome = errors.New("there is something")

// empty tells whether a group has no record.
func (g group) empty(ctx context.Context) (bool, error) {
	err := g.Dump(ctx, func(r store.Row) error {
		if mark.Row(r) {
			return nil
		}
		return errSome
	})
	if errors.Is(err, errSome) {
		return false, nil
	}
	return true, err
}

// stateKind tells which group each kind is of.
var stateKind = func() map[string]bool {
	all := map[string]bool{}
	for _, k := range store.Kinds {
		all[k.Name] = k.State
	}
	return all
}()

// compared is how long tokens must be good for yet if they are compared: those that expire meanwhile may be gone.
const compared = 6 * time.Hour

// sums are what there is of each kind, as far as it is compared.
type sums struct {
	until    time.Time // tokens that expire before are not
	counters map[string]*backup.Counter
}

func newSums(now time.Time) *sums {
	s := &sums{until: now.Add(compared), counters: map[string]*backup.Counter{}}
	for _, k := range store.Kinds {
		s.counters[k.Name] = backup.NewCounter(k.Name)
	}
	return s
}

// add adds a row as it is written today.
func (s *sums) add(r store.Row) error {
	form, ok := rows.Of(r.Kind)
	if !ok {
		return fmt.Errorf("%.100q is no kind of record", r.Kind)
	}
	if r.Kind == rows.Tokens.Kind {
		token, err := rows.Tokens.Decode(r.Key, r.Value)
		if err != nil || token.Expires.Before(s.until) {
			return err
		}
	}
	again, err := form.Again(r.Key, r.Value)
	if err == nil {
		s.counters[r.Kind].Add(store.Row{Kind: r.Kind, Key: r.Key, Value: again})
	}
	return err
}

// compare looks at what is in groups, and says of which kind it is not what was added.
func (s *sums) compare(ctx context.Context, list []group) error {
	for _, g := range list {
		there := &sums{until: s.until, counters: newSums(time.Time{}).counters}
		err := g.Dump(ctx, func(r store.Row) error {
			if mark.Row(r) {
				return nil
			}
			return there.add(r)
		})
		if err != nil {
			return err
		}
		for _, k := range store.Kinds {
			if k.State != g.state {
				continue
			}
			want, got := s.counters[k.Name].Sum(), there.counters[k.Name].Sum()
			if want != got {
				return fmt.Errorf("%s: %w: %d %s there, %d were, digests %.12s and %.12s", g.at, ErrDiffers, got.Rows, k.Name,
					want.Rows, got.SHA256, want.SHA256)
			}
		}
	}
	return nil
}
