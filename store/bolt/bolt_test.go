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
