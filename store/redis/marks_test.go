package redis_test

import (
	"errors"
	"testing"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/redis"
	"github.com/bbbpool/bbbpool/store/storetest/daemon"
)

// The sequence is raised by the leader alone, never lowered, and never where it is not what it was; it goes on from there.
func TestDB_Raise(t *testing.T) {
	url := servers.Redis(t).URL()
	db := leading(t, url)
	other := open(t, redis.Config{URL: store.Secret(url), Namespace: redis.DefaultNamespace})
	const high = 1_800_000_000_000_000 // microseconds since 1970
	for _, c := range []struct {
		db       *redis.DB
		from, to uint64
		want     error
	}{
		{other, 0, 10, store.ErrFenced},
		{db, 1, 10, store.ErrConflict},
		{db, 0, high, nil},
		{db, 0, high, store.ErrConflict},
		{db, 0, high - 1, store.ErrConflict},
		{db, high + 1, high + 2, store.ErrConflict},
		{db, high, high + 1, nil},
	} {
		if err := c.db.Raise(t.Context(), c.from, c.to); !errors.Is(err, c.want) {
			t.Errorf("from %d to %d: %v, want %v", c.from, c.to, err, c.want)
		}
	}
	if err := db.State().CreateServer(t.Context(), store.Server{ID: "a", Weight: 1, State: store.Enabled}); err != nil {
		t.Fatal(err)
	}
	if n, err := other.Sequence(t.Context()); err != nil || n != high+2 {
		t.Errorf("the sequence is %d, %v", n, err)
	}
	if db.Losses() != 0 {
		t.Error("what was raised counts as lost")
	}
}

// The leader vouches for an incarnation, which the next one finds, and which is no write of a record.
func TestDB_Vouch(t *testing.T) {
	url := servers.Redis(t).URL()
	db := leading(t, url)
	other := open(t, redis.Config{URL: store.Secret(url), Namespace: redis.DefaultNamespace})
	if life, err := other.Vouched(t.Context()); life != "" || err != nil {
		t.Errorf("at first %q, %v", life, err)
	}
	before, err := db.Sequence(t.Context())
	if err := errors.Join(err, db.Vouch(t.Context(), "run 1")); err != nil {
		t.Fatal(err)
	}
	if err := other.Vouch(t.Context(), "run 2"); !errors.Is(err, store.ErrFenced) {
		t.Errorf("without the lease: %v", err)
	}
	lease, err := other.Leases().Lease(t.Context())
	next := store.Lease{Holder: "other", Epoch: lease.Epoch + 1}
	if err := errors.Join(err, other.Leases().TakeLease(t.Context(), lease, next)); err != nil {
		t.Fatal(err)
	}
	if life, err := other.Vouched(t.Context()); life != "run 1" || err != nil {
		t.Errorf("the next leader finds %q, %v", life, err)
	}
	if n, err := other.Sequence(t.Context()); n != before || err != nil {
		t.Errorf("the sequence was %d and is %d, %v", before, n, err)
	}
}

// A server that was started again is another one.
func TestDB_Incarnation(t *testing.T) {
	server := daemon.NewRedis(t)
	defer server.Remove()
	db := open(t, redis.Config{URL: store.Secret(server.URL())})
	first, err := db.Incarnation(t.Context())
	again, err2 := db.Incarnation(t.Context())
	if first == "" || first != again || errors.Join(err, err2) != nil {
		t.Errorf("%q and %q, %v", first, again, errors.Join(err, err2))
	}
	server.Kill()
	if _, err := db.Incarnation(t.Context()); !errors.Is(err, store.ErrAway) {
		t.Errorf("it is away: %v", err)
	}
	server.Start(t)
	if next, err := db.Incarnation(t.Context()); next == first || err != nil {
		t.Errorf("the same after it was started again: %v", err)
	}
}
