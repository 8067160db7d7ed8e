package bolt_test

import (
	"testing"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/bolt"
	"github.com/bbbpool/bbbpool/store/storetest"
)

func open(t testing.TB, dir string) *bolt.DB {
	t.Helper()
	db, err := bolt.Open(dir)
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

// One database is both groups, each with the whole contract.
func TestContract(t *testing.T) {
	storetest.RunState(t, func(t *testing.T) store.State { return open(t, t.TempDir()).State() })
	storetest.RunIndex(t, func(t *testing.T) store.Index { return open(t, t.TempDir()).Index() })
}

// Both groups are one database: a role of either sees what was written by the other's writer, and to close one is to close
// both.
func TestDB_Groups(t *testing.T) {
	db := open(t, t.TempDir())
	if err := db.State().CreateServer(t.Context(), store.Server{ID: "bbb1"}); err != nil {
		t.Fatal(err)
	}
	if err := db.Index().AddSession(t.Context(), store.Session{ID: "s"}); err != nil {
		t.Fatal(err)
	}
	if servers, err := db.State().Servers(t.Context()); err != nil || len(servers) != 1 {
		t.Errorf("servers: %v, %v", servers, err)
	}
	if err := db.State().Close(); err != nil {
		t.Error(err)
	}
	if _, err := db.Index().Session(t.Context(), "s"); err == nil {
		t.Error("the index answers after the state was closed")
	}
	if err := db.Index().Close(); err != nil {
		t.Errorf("closed again: %v", err)
	}
}
