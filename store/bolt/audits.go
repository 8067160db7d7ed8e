package bolt

import (
	"bytes"
	"context"
	"errors"
	"time"

	"go.etcd.io/bbolt"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/rows"
)

var auditTable = table[store.Audit]{bucket: audits, noun: "audit entry", codec: rows.Audits}

// auditRole is [store.Audits].
type auditRole struct{ db *DB }

func (role auditRole) AddAudit(ctx context.Context, a store.Audit) error {
	_, err := create(ctx, role.db, auditTable, rows.Audits.Key(a), a)
	return err
}

func (role auditRole) Audits(ctx context.Context, f store.AuditFilter) ([]store.Audit, error) {
	words := rows.AuditWords(f)
	return fetch(ctx, role.db, "list the audit log", func(tx *bbolt.Tx) (list []store.Audit, err error) {
		c := bucket(tx, audits).Cursor()
		for key, value := lastBefore(c, rows.AuditsEnd(f)); key != nil && len(list) < f.Limit; key, value = c.Prev() {
			if !f.Since.IsZero() && bytes.Compare(key[:rows.TimeSize], rows.TimeKey(f.Since)) < 0 {
				return list, nil
			}
			if ctx.Err() == nil && !rows.MayBeAudit(value, words) {
				continue
			}
			a, err := auditTable.read(key, value)
			if err != nil || ctx.Err() != nil {
				return list, errors.Join(err, ctx.Err())
			}
			if f.Selects(a) {
				list = append(list, a)
			}
		}
		return list, nil
	})
}

// lastBefore places a cursor at the last key before end.
func lastBefore(c *bbolt.Cursor, end []byte) (key, value []byte) {
	if end == nil {
		return c.Last()
	}
	if key, _ = c.Seek(end); key == nil {
		return c.Last()
	}
	return c.Prev()
}

func (role auditRole) DeleteAudits(ctx context.Context, before time.Time, limit int) (int, error) {
	return apply(ctx, role.db, "shorten the audit log", func(t *txn) (int, error) {
		return t.deleteBefore(audits, rows.TimeKey(before), limit)
	})
}
