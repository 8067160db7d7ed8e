package bolt_test

import (
	"bytes"
	"encoding/binary"
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/bolt"
)

// BenchmarkAudits asks for what operators ask of a long audit log: its last page, a page from its middle, and what one object
// has been through, which is found by a walk over all of it.
func BenchmarkAudits(b *testing.B) {
	many := 1_000_000
	if testing.Short() {
		many = 10_000
	}
	dir := b.TempDir()
	audited(b, dir, many)
	db := open(b, dir)
	page := func(b *testing.B, f store.AuditFilter, want int) {
		f.Limit = 100
		for range b.N {
			list, err := db.Index().Audits(b.Context(), f)
			if err != nil || len(list) != want {
				b.Fatal(len(list), err)
			}
		}
	}
	b.Run("last", func(b *testing.B) { page(b, store.AuditFilter{}, 100) })
	middle := store.Audit{ID: "a", At: seedTime.Add(time.Duration(many/2) * time.Second)}
	b.Run("middle", func(b *testing.B) { page(b, store.AuditFilter{Before: middle}, 100) })
	b.Run("object", func(b *testing.B) { page(b, store.AuditFilter{Object: "another"}, 1) })
}

// audited writes a log of many entries, a second apart, behind one of another object.
func audited(b *testing.B, dir string, many int) {
	b.Helper()
	db := open(b, dir)
	a := store.Audit{
		ID: "a", At: seedTime, Who: "token ci", Via: "api", From: "192.0.2.1", Action: "set", Kind: "server", Object: "another",
		Before: `{"tag":"","weight":1,"capacity":300}`, After: `{"tag":"gpu","weight":1,"capacity":300}`,
	}
	if err := db.Index().AddAudit(b.Context(), a); err != nil {
		b.Fatal(err)
	}
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
	file, err := bbolt.Open(filepath.Join(dir, bolt.File), 0o600, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	for first := 1; first < many; first += 50_000 {
		err := file.Update(func(tx *bbolt.Tx) error {
			rows := tx.Bucket([]byte("v1")).Bucket([]byte("audits"))
			key, value := rows.Cursor().First()
			row := bytes.Replace(value, []byte("another"), []byte("bbb1"), 1)
			for i := first; i < min(many, first+50_000); i++ {
				later := bytes.Clone(key)
				binary.BigEndian.PutUint64(later, binary.BigEndian.Uint64(key)+uint64(i))
				if err := rows.Put(later, row); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
