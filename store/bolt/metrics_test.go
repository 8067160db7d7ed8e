package bolt_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/bolt"
)

// measures fails unless all of these lines are among the metrics.
func measures(t *testing.T, db *bolt.DB, want ...string) {
	t.Helper()
	var b strings.Builder
	db.WriteMetrics(&b)
	lines := strings.Split(b.String(), "\n")
	for _, line := range want {
		if !slices.Contains(lines, line) {
			t.Errorf("%q is not in\n%s", line, b.String())
		}
	}
}

// The metrics tell how large the file is and how many transactions have changed something. What reads or changes nothing
// is none.
func TestWriteMetrics(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	measures(t, db, "bbbpool_store_writable 1", "bbbpool_store_commit_duration_seconds_count 0")
	for range 3 {
		if _, err := db.State().CreateTenant(t.Context(), store.Tenant{ID: "t"}); err != nil && !strings.Contains(err.Error(), "exists") {
			t.Fatal(err)
		}
		if _, err := db.State().Tenants(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := db.State().CreateTenant(done, store.Tenant{ID: "u"}); err == nil {
		t.Error("nobody waited")
	}
	info, err := os.Stat(filepath.Join(dir, bolt.File))
	if err != nil {
		t.Fatal(err)
	}
	measures(t, db, fmt.Sprint("bbbpool_store_bytes ", info.Size()), "bbbpool_store_commit_duration_seconds_count 1",
		"bbbpool_store_writes_failed_total 0", "bbbpool_store_writable 1")
}
