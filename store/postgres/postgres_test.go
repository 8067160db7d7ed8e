package postgres_test

import (
	"os"
	"testing"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/postgres"
	"github.com/bbbpool/bbbpool/store/storetest"
	"github.com/bbbpool/bbbpool/store/storetest/daemon"
)

var servers daemon.Servers

func TestMain(m *testing.M) { os.Exit(servers.Main(m)) }

// open opens a database, which the test need not close.
func open(t testing.TB, c postgres.Config) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestIndex(t *testing.T) {
	server := servers.Postgres(t)
	storetest.RunIndex(t, func(t *testing.T) store.Index {
		return open(t, postgres.Config{URL: store.Secret(server.URL(t))}).Index()
	})
}
