package bolt_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/bolt"
)

// childDir names the data directory to a child of this test binary, and makes it one.
const childDir = "BBBPOOL_TEST_CHILD_DIR"

// Whatever moment a process is killed at, what it had acknowledged is there, and the database is whole.
func TestKill(t *testing.T) {
	if dir := os.Getenv(childDir); dir != "" {
		writeClaims(t, dir)
		return
	}
	dir := t.TempDir()
	acknowledged := map[string]bool{}
	for round := range 5 {
		killAfter(t, dir, 20+13*round, acknowledged)
		raw(t, filepath.Join(dir, bolt.File), func(*bbolt.Tx) error { return nil })
		db := open(t, dir)
		claims, err := db.Claims(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		stored := map[string]bool{}
		for _, c := range claims {
			stored[c.MeetingID] = true
		}
		for id := range acknowledged {
			if !stored[id] {
				t.Errorf("round %d: claim of %s is lost", round, id)
			}
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// killAfter runs a child, kills it once it has acknowledged n claims, and notes all that it has.
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
		t.Fatalf("the child ended by itself after %d claims", seen)
	}
}

// writeClaims claims until it is killed.
func writeClaims(t *testing.T, dir string) {
	db := open(t, dir)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := range 100_000 {
				id := fmt.Sprintf("%d-%d-%d", os.Getpid(), i, n)
				c := store.Claim{MeetingKey: store.MeetingKey{Tenant: "t", MeetingID: id}, Server: "s"}
				if _, err := db.CreateClaim(t.Context(), c); err != nil {
					t.Error(err)
					return
				}
				_, _ = os.Stdout.WriteString(id + "\n")
			}
		})
	}
	wg.Wait()
}
