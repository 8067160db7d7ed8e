package bolt_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/bolt"
)

// oldFile puts the frozen database of an older schema into a directory.
func oldFile(t *testing.T, dir, name string) []byte {
	t.Helper()
	old, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, bolt.File), old, 0o600); err != nil {
		t.Fatal(err)
	}
	return old
}

// Before a schema is raised the file is kept byte for byte, so that the version which has written it opens it; what would
// happen can be known before, and once it is done there is nothing more to keep.
func TestOpen_Snapshot(t *testing.T) {
	dir := t.TempDir()
	old := oldFile(t, dir, "v5.db")
	plan, err := bolt.Plan(dir)
	if err != nil || !strings.Contains(plan, "schema 5 becomes") || !strings.Contains(plan, "bbbpool.db.schema-5") {
		t.Errorf("planned %q, %v", plan, err)
	}
	if now, _ := os.ReadFile(filepath.Join(dir, bolt.File)); !bytes.Equal(now, old) {
		t.Error("a plan has changed the file")
	}
	for range 2 {
		db := open(t, dir)
		if _, err := bolt.Plan(dir); !errors.Is(err, store.ErrLocked) {
			t.Errorf("planned while it is open: %v", err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		kept, err := os.ReadFile(filepath.Join(dir, "bbbpool.db.schema-5"))
		if err != nil || !bytes.Equal(kept, old) {
			t.Errorf("kept %d bytes of %d, %v", len(kept), len(old), err)
		}
		if entries, _ := os.ReadDir(dir); len(entries) != 2 {
			t.Errorf("files: %v", entries)
		}
	}
	if plan, err = bolt.Plan(dir); err != nil || !strings.Contains(plan, "as it is to be") {
		t.Errorf("planned %q, %v", plan, err)
	}
	raw(t, filepath.Join(dir, bolt.File), func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("meta")).Put([]byte("schema"), []byte("99"))
	})
	_, err = bolt.Plan(dir)
	mentions(t, err, store.ErrNewerSchema, "knows up to", ".schema-")
}

// Of the snapshots the last few are kept.
func TestOpen_Snapshots(t *testing.T) {
	dir := t.TempDir()
	for v := 1; v <= 5; v++ {
		oldFile(t, dir, fmt.Sprintf("v%d.db", v))
		if err := open(t, dir).Close(); err != nil {
			t.Fatal(err)
		}
	}
	for v := 1; v <= 5; v++ {
		_, err := os.Stat(filepath.Join(dir, fmt.Sprint("bbbpool.db.schema-", v)))
		if (err == nil) != (v >= 3) {
			t.Errorf("snapshot of schema %d: %v", v, err)
		}
	}
}

// What copies have left that were cut short is taken away before the next one: a start that is killed again and again must not
// fill the disk.
func TestOpen_SnapshotCutShort(t *testing.T) {
	dir := t.TempDir()
	oldFile(t, dir, "v5.db")
	for _, name := range []string{".bbbpool.db.schema-123", ".bbbpool.db.schema-4", "bbbpool.db.schema-4.mine"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := open(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
	var names []string
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if strings.Join(names, " ") != "bbbpool.db bbbpool.db.schema-4.mine bbbpool.db.schema-5" {
		t.Errorf("files: %v", names)
	}
}
