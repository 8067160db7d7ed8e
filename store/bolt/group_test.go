package bolt_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"go.etcd.io/bbolt"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/bolt"
)

// hold keeps the writer busy until release is called. Whatever starts in between waits, and is then one group.
func hold(t *testing.T, db *bolt.DB) (release func()) {
	t.Helper()
	if err := db.State().CreateServer(t.Context(), store.Server{ID: "hold"}); err != nil {
		t.Fatal(err)
	}
	gate, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		_, err := db.State().UpdateServer(t.Context(), "hold", func(*store.Server) error { <-gate; return nil })
		if err != nil {
			t.Error(err)
		}
	}()
	synctest.Wait()
	return func() {
		synctest.Wait()
		close(gate)
		<-done
	}
}

func claimOf(meetingID, server string) store.Claim {
	return store.Claim{MeetingKey: store.MeetingKey{Tenant: "t", MeetingID: meetingID}, Server: server}
}

func transactions(t *testing.T, dir string) (n int) {
	t.Helper()
	raw(t, filepath.Join(dir, bolt.File), func(tx *bbolt.Tx) error { n = tx.ID(); return nil })
	return n
}

// Writes that wait for the same sync share one transaction, and a refusal alone costs none.
func TestGroup_OneCommit(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		db := open(t, dir)
		release := hold(t, db)
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				if _, err := db.State().CreateClaim(t.Context(), claimOf(fmt.Sprint("room", i), "s")); err != nil {
					t.Error(err)
				}
			})
		}
		release()
		wg.Wait()
		for range 5 {
			if err := db.State().CreateServer(t.Context(), store.Server{ID: "hold"}); !errors.Is(err, store.ErrExists) {
				t.Error(err)
			}
		}
	})
	// The schema, the server, the update that held the writer, the sixteen, and the transaction that asks.
	if n := transactions(t, dir); n != 1+5 {
		t.Errorf("%d transactions", n-1)
	}
}

// A write that fails halfway, one that is refused and one that panics leave the others of their group alone.
func TestGroup_Failures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := open(t, t.TempDir())
		if err := db.State().CreateServer(t.Context(), store.Server{ID: "bbb1"}); err != nil {
			t.Fatal(err)
		}
		release := hold(t, db)
		errOwn := errors.New("own")
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				if _, err := db.State().CreateClaim(t.Context(), claimOf(fmt.Sprint("room", i), "s")); err != nil {
					t.Error(err)
				}
			})
			wg.Go(func() {
				_, err := db.State().UpdateServer(t.Context(), "bbb1", func(*store.Server) error { return errOwn })
				if err != errOwn { //nolint:errorlint // as it is
					t.Errorf("got error %v", err)
				}
			})
			wg.Go(func() {
				defer func() {
					if v := recover(); v != errOwn { //nolint:errorlint // the very value
						t.Errorf("recovered %v", v)
					}
				}()
				_, err := db.State().UpdateServer(t.Context(), "bbb1", func(*store.Server) error { panic(errOwn) })
				t.Errorf("returned %v", err)
			})
			wg.Go(func() { // its first index takes it, the next one cannot
				long := store.Recording{RecordID: fmt.Sprint("r", i), MeetingID: strings.Repeat("x", 40_000)}
				if err := db.Index().CreateRecording(t.Context(), long); err == nil {
					t.Error("a key of 40,000 bytes was taken")
				}
			})
		}
		release()
		wg.Wait()
		claims, err := db.State().Claims(t.Context())
		if err != nil || len(claims) != 4 {
			t.Errorf("%d claims, %v", len(claims), err)
		}
		_, total, err := db.Index().Recordings(t.Context(), store.RecordingFilter{})
		if err != nil || total != 0 {
			t.Errorf("%d recordings are half there, %v", total, err)
		}
	})
}

// A write that waits can be given up, and is not done; one that has begun has an outcome.
func TestGroup_Cancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := open(t, t.TempDir())
		gate, begun := make(chan struct{}), make(chan error, 1)
		if err := db.State().CreateServer(t.Context(), store.Server{ID: "bbb1"}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			_, err := db.State().UpdateServer(ctx, "bbb1", func(s *store.Server) error { <-gate; s.Tag = "begun"; return nil })
			begun <- err
		}()
		synctest.Wait()
		waiting := make(chan error, 1)
		go func() { waiting <- db.State().CreateServer(ctx, store.Server{ID: "bbb2"}) }()
		synctest.Wait()
		cancel()
		if err := <-waiting; !errors.Is(err, context.Canceled) {
			t.Errorf("the one that waited: %v", err)
		}
		synctest.Wait()
		select {
		case err := <-begun:
			t.Errorf("the one that had begun did not wait: %v", err)
		default:
		}
		close(gate)
		if err := <-begun; err != nil {
			t.Errorf("the one that had begun: %v", err)
		}
		servers, err := db.State().Servers(t.Context())
		if err != nil || len(servers) != 1 || servers[0].Tag != "begun" {
			t.Errorf("servers %+v, %v", servers, err)
		}
	})
}

// Close waits for what has begun, ends what waits, and leaves no goroutine in the bubble.
func TestGroup_Close(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		db := open(t, dir)
		release := hold(t, db)
		closed := make(chan error, 1)
		go func() { closed <- db.Close() }()
		synctest.Wait()
		if err := db.State().CreateServer(t.Context(), store.Server{ID: "late"}); err == nil {
			t.Error("a write came after Close")
		}
		release()
		if err := <-closed; err != nil {
			t.Error(err)
		}
		servers, err := open(t, dir).State().Servers(t.Context())
		if err != nil || len(servers) != 1 {
			t.Errorf("servers %+v, %v", servers, err)
		}
	})
}
