package instances_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/instances"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/redis"
)

// The index is told apart by what it says itself, and not by its name. One of the version before does not tell.
func TestInstance_ApartByID(t *testing.T) {
	t.Parallel()
	url := store.Secret(servers.Redis(t).URL())
	db, err := redis.Open(t.Context(), redis.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for id, refused := range map[string]bool{"": false, "ours": false, "theirs": true} {
		others := &alive{announced: db.Instances(), one: store.Instance{ID: "other", Address: "other:3001", Index: "postgresql", IndexID: id}}
		i, err := instances.Open(t.Context(), instances.Parts{
			Config: instances.Config{Listen: "127.0.0.1:0", Lease: time.Second}, Data: t.TempDir(), Index: "postgresql", IndexID: "ours",
			Leases: db.Leases(), Instances: others, Keys: db, Log: zerolog.Nop(),
		})
		if (err != nil) != refused || err != nil && !strings.Contains(err.Error(), "DATABASE_URL") {
			t.Errorf("beside %q: %v", id, err)
		}
		if err == nil {
			_ = i.Close()
		}
	}
}

// alive is who else there is, and lives.
type alive struct {
	announced

	one store.Instance
}

func (a *alive) Instances(context.Context) ([]store.Instance, error) {
	a.one.Beat++
	return []store.Instance{a.one}, nil
}

// That instances wait for a leader for unequal times is said at each.
func TestInstance_UnequalLease(t *testing.T) {
	t.Parallel()
	url := store.Secret(servers.Redis(t).URL())
	a := start(t, url)
	a.write(t, "1")
	for _, leases := range [][2]time.Duration{{leaseTime, 0}, {0, 0}, {2 * leaseTime, 1}} {
		other := store.Instance{ID: "other", Address: "127.0.0.1:1", Lease: leases[0]}
		if err := a.db.Instances().Announce(t.Context(), other, time.Minute); err != nil {
			t.Fatal(err)
		}
		if _, err := a.List(t.Context()); err != nil { // which looks who is there
			t.Fatal(err)
		}
		list := a.Problems(t.Context())
		if len(list) != int(leases[1]) {
			t.Fatalf("beside one of %s: %+v", leases[0], list)
		}
		if len(list) == 1 && (list[0].Unready || !strings.Contains(list[0].String(), "--lease-time") || !strings.Contains(list[0].String(), "other")) {
			t.Errorf("it says %q", list[0])
		}
	}
}
