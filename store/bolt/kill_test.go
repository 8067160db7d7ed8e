package bolt_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/bolt"
)

// childDir names the data directory to a child of this test binary, and makes it one.
const childDir = "BBBPOOL_TEST_CHILD_DIR"

// Whatever moment a process is killed at, what it had acknowledged is there, and the database is whole: a claim until
// its session is in the history, a session until it is deleted, in every index, and one key for all processes.
func TestKill(t *testing.T) {
	if dir := os.Getenv(childDir); dir != "" {
		live(t, dir)
		return
	}
	dir := t.TempDir()
	acknowledged := map[string]bool{}
	for round := range 5 {
		killAfter(t, dir, 20+13*round, acknowledged)
		raw(t, filepath.Join(dir, bolt.File), sameNumbers(t))
		survived(t, dir, acknowledged)
	}
}

// sameNumbers checks that every session is in every index, once.
func sameNumbers(t *testing.T) func(tx *bbolt.Tx) error {
	return func(tx *bbolt.Tx) error {
		keys := func(name string) int { return tx.Bucket([]byte("v1")).Bucket([]byte(name)).Stats().KeyN }
		rows, ends, meetings := keys("sessions"), keys("sessions-by-end"), keys("sessions-by-meeting")
		if rows != ends || rows != meetings {
			t.Errorf("%d sessions, %d by end, %d by meeting", rows, ends, meetings)
		}
		return nil
	}
}

func survived(t *testing.T, dir string, acknowledged map[string]bool) {
	t.Helper()
	db, ctx := open(t, dir), t.Context()
	stored := map[string]bool{}
	claims, err := db.State().Claims(ctx)
	for _, c := range claims {
		stored["claim "+c.MeetingID] = true
	}
	sessions, err2 := db.Index().MeetingSessions(ctx, "t", "kept", 1_000_000)
	for _, s := range sessions {
		stored["claim "+s.ID], stored["session "+s.ID] = true, true
	}
	key, err3 := db.Index().Key(ctx, "k", []byte("late"))
	stored["key "+string(key)] = true
	if err := errors.Join(err, err2, err3, db.Close()); err != nil {
		t.Fatal(err)
	}
	for what := range acknowledged {
		if !stored[what] {
			t.Errorf("%s is lost", what)
		}
	}
}

// killAfter runs a child, kills it once it has acknowledged n things, and notes all that it has.
func killAfter(t *testing.T, dir string, n int, acknowledged map[string]bool) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKill$")
	child.Env = append(os.Environ(), childDir+"="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for lines := bufio.NewScanner(out); lines.Scan(); seen++ {
		acknowledged[lines.Text()] = true
		if seen == n {
			if err := child.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
	}
	if err := child.Wait(); err == nil || seen < n {
		t.Fatalf("the child ended by itself after %d lines", seen)
	}
}

// live claims meetings and closes them, and forgets some, until it is killed.
func live(t *testing.T, dir string) {
	db, ctx := open(t, dir), t.Context()
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			key, err := db.Index().Key(ctx, "k", fmt.Append(nil, "of ", os.Getpid(), "-", i))
			if err != nil {
				t.Error(err)
			}
			_, _ = os.Stdout.WriteString("key " + string(key) + "\n")
			for n := range 100_000 {
				if err := liveOnce(ctx, db, fmt.Sprintf("%d-%d-%d", os.Getpid(), i, n), n%2 == 0); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// liveOnce says what is acknowledged.
func liveOnce(ctx context.Context, db *bolt.DB, id string, ends bool) error {
	c := store.Claim{MeetingKey: store.MeetingKey{Tenant: "t", MeetingID: id}, Server: "s", Placed: time.Unix(1, 0)}
	if _, err := db.State().CreateClaim(ctx, c); err != nil {
		return err
	}
	_, _ = os.Stdout.WriteString("claim " + id + "\n")
	if !ends {
		return nil
	}
	kept := store.Session{ID: id, Tenant: "t", Server: "s", Start: c.Placed, End: time.Unix(1000, 0), Meeting: "kept"}
	old := kept
	old.ID, old.End, old.Meeting = "old "+id, time.Unix(10, 0), "old"
	if err := errors.Join(db.Index().AddSession(ctx, old), db.Index().AddSession(ctx, kept)); err != nil {
		return err
	}
	_, _ = os.Stdout.WriteString("session " + id + "\n")
	_, err := db.Index().DeleteSessions(ctx, time.Unix(1000, 0), 2)
	return errors.Join(err, db.State().DeleteClaim(ctx, c))
}
