package moving_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/driver"
	"github.com/bbbpool/bbbpool/store/moving"
)

// another opens the same databases once more, by other addresses.
func another(c driver.Config) driver.Config {
	c.DatabaseURL = store.Secret(strings.Replace(c.DatabaseURL.Reveal(), "?", "?application_name=x&", 1))
	return c
}

// Who names one place as source and target is told so, and nothing is taken away there: not by force, and not by a note either.
func TestMigrate_Same(t *testing.T) {
	c, ctx := shared(t), t.Context()
	s := open(t, c)
	if _, err := moving.Restore(ctx, file(backedUp(t, pool(t, 10))), s, "x", false, quiet); err != nil {
		t.Fatal(err)
	}
	want := dump(t, s)
	other := open(t, another(c))
	for _, m := range []moving.Migration{{State: true}, {Index: true}, {State: true, Index: true}} {
		for _, force := range []bool{false, true} {
			m.From, m.To, m.Force, m.Tell = s, other, force, quiet
			if _, err := m.Run(ctx); !errors.Is(err, moving.ErrSame) {
				t.Errorf("State %v, Index %v, force %v: %v", m.State, m.Index, force, err)
			}
		}
	}
	same(t, "there", dump(t, s), want)
	c.Mover = false
	same(t, "opened", dump(t, open(t, c)), want)
}

// A PostgreSQL that a pool works on is neither taken from nor filled, whatever keeps the pool's State.
func TestMigrate_IndexInUse(t *testing.T) {
	c, ctx := shared(t), t.Context()
	c.RedisURL = ""
	running := c
	running.Mover, running.Data = false, t.TempDir()
	p := open(t, running)
	s, other := open(t, c), mover(t, t.TempDir())
	if _, err := (moving.Migration{From: s, To: other, Index: true, Tell: quiet}).Run(ctx); !errors.Is(err, moving.ErrInUse) {
		t.Errorf("taken from: %v", err)
	}
	if _, err := moving.Restore(ctx, file(backedUp(t, pool(t, 1))), s, "x", true, quiet); !errors.Is(err, moving.ErrInUse) {
		t.Errorf("filled: %v", err)
	}
	if err := errors.Join(p.Close(), s.Index.AddSession(ctx, store.Session{ID: "s", Tenant: "t", Server: "bbb1", End: monday})); err != nil {
		t.Fatal(err)
	}
	begun := func(int, int) { p = open(t, running) }
	if _, err := (moving.Migration{From: s, To: other, Index: true, Tell: begun}).Run(ctx); !errors.Is(err, moving.ErrInUse) {
		t.Errorf("taken while a pool begins there: %v", err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := (moving.Migration{From: s, To: other, Index: true, Tell: quiet}).Run(ctx); err != nil {
		t.Errorf("with nobody there: %v", err)
	}
}
