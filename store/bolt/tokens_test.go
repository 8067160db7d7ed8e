package bolt_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

// Tokens that have expired go as others are spent, a few at a time, so that no call pays for all of them.
func TestTokens_Forgotten(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	now := time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
	spend := func(name string, n int) {
		for i := range n {
			if err := db.State().SpendToken(t.Context(), fmt.Sprint(name, i), now, now.Add(time.Minute)); err != nil {
				t.Fatal(err)
			}
		}
	}
	kept := func() (n int) {
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		raw(t, filepath.Join(dir, "bbbpool.db"), func(tx *bbolt.Tx) error {
			n = tx.Bucket([]byte("v1")).Bucket([]byte("tokens")).Stats().KeyN
			if m := tx.Bucket([]byte("v1")).Bucket([]byte("tokens-by-expiry")).Stats().KeyN; m != n {
				t.Errorf("%d tokens, %d times", n, m)
			}
			return nil
		})
		db = open(t, dir)
		return n
	}
	spend("old", 40)
	now = now.Add(time.Minute)
	spend("in time", 1)
	if n := kept(); n != 41 {
		t.Errorf("%d tokens are kept, want those of the minute before", n)
	}
	now = now.Add(time.Second)
	spend("late", 1)
	if n := kept(); n != 42-8 {
		t.Errorf("%d tokens are kept after one more, want eight fewer", n)
	}
	spend("later", 10)
	if n := kept(); n != 12 {
		t.Errorf("%d tokens are kept, want the new ones", n)
	}
}
