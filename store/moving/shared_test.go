package moving_test

import (
	"errors"
	"os"
	"testing"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/driver"
	"github.com/bbbpool/bbbpool/store/moving"
	"github.com/bbbpool/bbbpool/store/storetest/daemon"
)

var servers daemon.Servers

func TestMain(m *testing.M) { os.Exit(servers.Main(m)) }

// shared is where nothing is yet, in a Redis and a PostgreSQL.
func shared(t *testing.T) driver.Config {
	t.Helper()
	return driver.Config{Data: t.TempDir(), Mover: true, Settings: driver.Settings{
		RedisURL: store.Secret(servers.Redis(t).URL()), RedisNamespace: "scalelite",
		DatabaseURL: store.Secret(servers.Postgres(t).URL(t)), PreparedStatement: "true",
	}}
}

// From a data directory to Redis and PostgreSQL, to others of them, and back: everything is there each time, and a backup of one
// is restored in the other.
func TestMigrate_Shared(t *testing.T) {
	first, ctx := pool(t, 60), t.Context()
	want := content(t, first)
	homes := []driver.Config{{Data: first, Mover: true}, shared(t), shared(t), {Data: t.TempDir(), Mover: true}}
	for i, c := range homes[1:] {
		from, to := open(t, homes[i]), open(t, c)
		if _, err := (moving.Migration{From: from, To: to, State: true, Index: true, Tell: quiet}).Run(ctx); err != nil {
			t.Fatalf("move %d: %v", i, err)
		}
		if err := errors.Join(from.Close(), to.Close()); err != nil {
			t.Fatal(err)
		}
		old, now := homes[i], c
		old.Mover, now.Mover = false, false
		refusedAs(t, old, "were moved on")
		s := open(t, now)
		same(t, "there", dump(t, s), want)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, shared(t))
	if _, err := moving.Restore(ctx, file(backedUp(t, homes[3].Data)), s, "x", false, quiet); err != nil {
		t.Fatal(err)
	}
	same(t, "restored", dump(t, s), want)
	once, err := s.Redis.Home(ctx)
	if _, err := moving.Restore(ctx, file(backedUp(t, homes[3].Data)), s, "x", true, quiet); err != nil {
		t.Fatal(err)
	}
	again, err2 := s.Redis.Home(ctx)
	if err := errors.Join(err, err2); err != nil || once == 0 || again <= once {
		t.Errorf("copies of before are told nothing: %d, %d, %v", once, again, err)
	}
}

// Where an instance runs nothing is moved or restored.
func TestHold_InUse(t *testing.T) {
	c, ctx := shared(t), t.Context()
	running, s := open(t, c), open(t, c)
	if err := running.Instances.Announce(ctx, store.Instance{ID: "a", Address: "192.0.2.1:3001"}, 1e10); err != nil {
		t.Fatal(err)
	}
	if _, err := moving.Restore(ctx, file(backedUp(t, pool(t, 1))), s, "x", true, quiet); !errors.Is(err, moving.ErrInUse) {
		t.Errorf("restored: %v", err)
	}
	if err := running.Instances.Leave(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	_, release, err := moving.Hold(ctx, running)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := moving.Hold(ctx, s); !errors.Is(err, moving.ErrInUse) {
		t.Errorf("held twice: %v", err)
	}
	release()
	_, release, err = moving.Hold(ctx, s)
	if err != nil {
		t.Fatal(err)
	}
	release()
}
