package bolt_test

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/bolt"
)

// A disk without room fails the writes that need some, says which, loses nothing, and is forgotten once there is room.
func TestFull(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	ctx, kept := t.Context(), 0
	restore := limitFileSize(t, 20<<20)
	var err error
	for range 1000 {
		big := store.Tenant{ID: fmt.Sprint("t", kept), Name: strings.Repeat("x", 1<<20)}
		if _, err = db.State().CreateTenant(ctx, big); err != nil {
			break
		}
		kept++
	}
	mentions(t, err, nil, fmt.Sprintf(`create tenant "t%d"`, kept), "file")
	measures(t, db, "bbbpool_store_writable 0", "bbbpool_store_writes_failed_total 1")
	if tenants, err := db.State().Tenants(ctx); err != nil || len(tenants) != kept {
		t.Errorf("%d tenants of %d, %v", len(tenants), kept, err)
	}
	restore()
	if _, err := db.State().CreateTenant(ctx, store.Tenant{ID: fmt.Sprint("t", kept)}); err != nil {
		t.Errorf("with room again: %v", err)
	}
	measures(t, db, "bbbpool_store_writable 1", "bbbpool_store_writes_failed_total 1")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	raw(t, filepath.Join(dir, bolt.File), func(*bbolt.Tx) error { return nil })
	if tenants, err := open(t, dir).State().Tenants(ctx); err != nil || len(tenants) != kept+1 {
		t.Errorf("%d tenants of %d, %v", len(tenants), kept+1, err)
	}
}

// limitFileSize makes files end where the disk would.
func limitFileSize(t *testing.T, size uint64) (restore func()) {
	t.Helper()
	signal.Ignore(syscall.SIGXFSZ)
	var old syscall.Rlimit
	err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old)
	if err == nil {
		err = syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: size, Max: old.Max})
	}
	if err != nil {
		t.Fatal(os.NewSyscallError("limit the file size", err))
	}
	restore = func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
			t.Error(err)
		}
		signal.Reset(syscall.SIGXFSZ)
	}
	t.Cleanup(restore)
	return restore
}
