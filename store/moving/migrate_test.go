package moving_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/driver"
	"github.com/bbbpool/bbbpool/store/moving"
)

// refusedAs opens stores and wants that refused.
func refusedAs(t *testing.T, c driver.Config, phrase string) {
	t.Helper()
	s, err := driver.Open(c)
	if err == nil {
		_ = s.Close()
	}
	if err == nil || !strings.Contains(err.Error(), phrase) {
		t.Errorf("opened: %v, want %q", err, phrase)
	}
}

func migrate(t *testing.T, from, to string, force bool) error {
	t.Helper()
	a, b := mover(t, from), mover(t, to)
	_, err := moving.Migration{From: a, To: b, State: true, Index: true, Force: force, Tell: quiet}.Run(t.Context())
	return errors.Join(err, a.Close(), b.Close())
}

// Everything is elsewhere afterwards, and nobody goes on at the old place by mistake.
func TestMigrate(t *testing.T) {
	from, to := pool(t, 700), t.TempDir()
	before := content(t, from)
	if err := migrate(t, from, to, false); err != nil {
		t.Fatal(err)
	}
	same(t, "there", dump(t, open(t, driver.Config{Data: to})), before)
	refusedAs(t, driver.Config{Data: from}, "were moved on")
	if err := migrate(t, from, t.TempDir(), false); err == nil || !strings.Contains(err.Error(), "has been moved already") {
		t.Errorf("moved again: %v", err)
	}
	s := mover(t, from)
	if err := errors.Join(moving.Reopen(t.Context(), s), s.Close()); err != nil {
		t.Fatal(err)
	}
	same(t, "opened again", dump(t, open(t, driver.Config{Data: from})), before)
}

// A pool is not overwritten by mistake, and what was cut short at its very end comes to it.
func TestMigrate_NotEmpty(t *testing.T) {
	from, to := pool(t, 10), pool(t, 20)
	if err := migrate(t, from, to, false); !errors.Is(err, moving.ErrNotEmpty) {
		t.Errorf("into a pool: %v", err)
	}
	if err := migrate(t, from, to, true); err != nil {
		t.Errorf("by force: %v", err)
	}
	s := mover(t, from)
	if err := errors.Join(moving.Reopen(t.Context(), s), s.Close()); err != nil {
		t.Fatal(err)
	}
	if err := migrate(t, from, to, false); err != nil {
		t.Errorf("what is there already: %v", err)
	}
	refusedAs(t, driver.Config{Data: from}, "were moved on")
}

// One that was cut short goes on, even where the source has changed meanwhile.
func TestMigrate_Resumed(t *testing.T) {
	for _, changed := range []bool{false, true} {
		from, to := pool(t, 700), t.TempDir()
		a, b := mover(t, from), mover(t, to)
		m := moving.Migration{From: a, To: b, State: true, Index: true, Tell: quiet}
		m.To = &driver.Stores{State: b.State, Index: &full{b.Index, 3}, StateAt: b.StateAt, IndexAt: b.IndexAt}
		if _, err := m.Run(t.Context()); !errors.Is(err, errCut) {
			t.Fatal(err)
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		refusedAs(t, driver.Config{Data: to}, "is not whole")
		if changed {
			_, err := a.State.UpdateServer(t.Context(), "bbb1", func(s *store.Server) error { s.Weight = 2; return nil })
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		if err := migrate(t, from, to, false); err != nil {
			t.Fatal(err)
		}
		same(t, "there", dump(t, open(t, driver.Config{Data: to})), content(t, from))
	}
}

// Half of a pool goes on as well, though the place of the other half is thrown away, and another one each time.
func TestMigrate_HalfResumed(t *testing.T) {
	from, to := pool(t, 1200), t.TempDir()
	loads := 0
	for again := range 2 {
		a, b, none := mover(t, from), mover(t, to), mover(t, t.TempDir())
		taking := &full{b.Index, 3}
		if again == 1 {
			taking.left = 1000
		}
		m := moving.Migration{From: a, To: &driver.Stores{State: none.State, Index: taking, StateAt: none.StateAt, IndexAt: b.IndexAt}}
		m.Index, m.Tell = true, quiet
		_, err := m.Run(t.Context())
		if again == 0 && !errors.Is(err, errCut) || again == 1 && err != nil {
			t.Fatal(err)
		}
		loads = 1000 - taking.left
		if err := errors.Join(a.Close(), b.Close(), none.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if want := 3*1200/500 + 1 - 3; loads > want { // not what was there already
		t.Errorf("%d times something was written, want %d", loads, want)
	}
}

type index = store.Index

// full is an Index that takes so many loads more.
type full struct {
	index
	left int
}

func (f *full) Load(ctx context.Context, list []store.Row) error {
	if f.left--; f.left < 0 {
		return errCut
	}
	return f.index.Load(ctx, list)
}
