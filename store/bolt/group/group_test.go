package group_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/bbbpool/bbbpool/store/bolt/group"
)

var rows = []byte("rows")

// Writes that wait for the same sync share one transaction; one that fails halfway leaves nothing of itself and nothing of the
// others out; one that changes nothing costs none; and after the end there is an error. What the store makes of it is tested
// there.
func TestWriter(t *testing.T) {
	db, err := bbolt.Open(filepath.Join(t.TempDir(), "db"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if err := db.Update(func(tx *bbolt.Tx) error { _, err := tx.CreateBucket(rows); return err }); err != nil {
		t.Fatal(err)
	}
	commits, errHalf := 0, errors.New("half")
	synctest.Test(t, func(t *testing.T) {
		w := group.Start(db, func(time.Time, error) { commits++ })
		put := func(key string, then error) error {
			return w.Do(t.Context(), func(txn *group.Txn) error {
				txn.Changing()
				return errors.Join(txn.Bucket(rows).Put([]byte(key), []byte("x")), then)
			})
		}
		gate := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() { _ = w.Do(t.Context(), func(*group.Txn) error { <-gate; return nil }) })
		synctest.Wait()
		for i := range 5 {
			wg.Go(func() {
				if err := put(fmt.Sprint("whole", i), nil); err != nil {
					t.Error(err)
				}
			})
			wg.Go(func() {
				if err := put(fmt.Sprint("half", i), errHalf); !errors.Is(err, errHalf) {
					t.Errorf("one that fails: %v", err)
				}
			})
		}
		synctest.Wait()
		close(gate)
		wg.Wait()
		w.Stop()
		if err := put("late", nil); !errors.Is(err, berrors.ErrDatabaseNotOpen) {
			t.Errorf("after the end: %v", err)
		}
	})
	kept := 0
	_ = db.View(func(tx *bbolt.Tx) error { kept = tx.Bucket(rows).Stats().KeyN; return nil })
	if commits != 1 || kept != 5 {
		t.Errorf("%d rows in %d transactions", kept, commits)
	}
}
