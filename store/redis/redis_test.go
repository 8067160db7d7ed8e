package redis_test

import (
	"os"
	"testing"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/redis"
	"github.com/bbbpool/bbbpool/store/storetest"
	"github.com/bbbpool/bbbpool/store/storetest/daemon"
)

var servers daemon.Servers

func TestMain(m *testing.M) { os.Exit(servers.Main(m)) }

// aLease is what the tests lead by.
var aLease = store.Lease{Holder: "test", Address: "127.0.0.1:3001", Epoch: 1}

// open opens a database, and does not lead.
func open(t testing.TB, config redis.Config) *redis.DB {
	t.Helper()
	db, err := redis.Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// leading opens a fresh database, and leads.
func leading(t testing.TB, url string) *redis.DB {
	t.Helper()
	db := open(t, redis.Config{URL: store.Secret(url), Namespace: redis.DefaultNamespace})
	if err := db.Leases().TakeLease(t.Context(), store.Lease{}, aLease); err != nil {
		t.Fatal(err)
	}
	return db
}

func TestContract(t *testing.T) {
	r := servers.Redis(t)
	storetest.RunState(t, func(t *testing.T) store.State { return leading(t, r.URL()).State() })
}
