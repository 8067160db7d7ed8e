package bolt

import (
	"bytes"
	"context"
	"errors"
	"strings"
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

func (role auditRole) Audits(ctx context.Context, f store.AuditFilter) (list []store.Audit, err error) {
	err = role.db.read(ctx, "list the audit log", func(tx *bbolt.Tx) error {
		c := bucket(tx, audits).Cursor()
		for key, value := lastBefore(c, auditsEnd(f)); key != nil && len(list) < f.Limit; key, value = c.Prev() {
			if !f.Since.IsZero() && bytes.Compare(key[:rows.TimeSize], rows.TimeKey(f.Since)) < 0 {
				return nil
			}
			if ctx.Err() == nil && !mayBe(value, f) {
				continue
			}
			a, err := auditTable.read(key, value)
			if err != nil || ctx.Err() != nil {
				return errors.Join(err, ctx.Err())
			}
			if selected(a, f) {
				list = append(list, a)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// auditsEnd is the key before which a selection begins; nil for the end of the log.
func auditsEnd(f store.AuditFilter) (end []byte) {
	if !f.Until.IsZero() {
		end = rows.TimeKey(f.Until)
	}
	if f.Before.ID != "" {
		if behind := rows.Audits.Key(f.Before); end == nil || bytes.Compare(behind, end) < 0 {
			end = behind
		}
	}
	return end
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

// mayBe tells whether a row can be of a selected entry, without reading it: most of a walk over a long log is spent on rows
// that are not. Words that JSON could write in another way than they are say nothing.
func mayBe(row []byte, f store.AuditFilter) bool {
	for _, word := range []string{f.Who, f.Via, f.Action, f.Kind, f.Object, f.Tenant} {
		if word != "" && isPlain(word) && !bytes.Contains(row, []byte(`"`+word+`"`)) {
			return false
		}
	}
	return true
}

func isPlain(word string) bool {
	return strings.IndexFunc(word, func(r rune) bool { return r < ' ' || r > '~' || strings.ContainsRune(`"\<>&`, r) }) < 0
}

func selected(a store.Audit, f store.AuditFilter) bool {
	for _, pair := range [][2]string{
		{f.Who, a.Who}, {f.Via, a.Via}, {f.Action, a.Action}, {f.Kind, a.Kind}, {f.Object, a.Object}, {f.Tenant, a.Tenant},
	} {
		if pair[0] != "" && pair[0] != pair[1] {
			return false
		}
	}
	return true
}

func (role auditRole) DeleteAudits(ctx context.Context, before time.Time, limit int) (deleted int, err error) {
	err = role.db.write(ctx, "shorten the audit log", func(t *txn) error {
		deleted, err = t.deleteBefore(audits, rows.TimeKey(before), limit)
		return err
	})
	if err != nil {
		return 0, err
	}
	return deleted, nil
}
