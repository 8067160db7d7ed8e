package bolt

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"github.com/bbbpool/bbbpool/store"
)

var auditTable = table[store.Audit]{bucket: audits, noun: "audit entry", encode: encodeAudit, decode: decodeAudit}

type auditRow struct {
	Who    text `json:"who,omitempty"`
	Via    text `json:"via,omitempty"`
	From   text `json:"from,omitempty"`
	Action text `json:"action,omitempty"`
	Kind   text `json:"kind,omitempty"`
	Object text `json:"object,omitempty"`
	Tenant text `json:"tenant,omitempty"`
	Before text `json:"before,omitempty"`
	After  text `json:"after,omitempty"`
}

func encodeAudit(a store.Audit) any {
	return auditRow{
		text(a.Who), text(a.Via), text(a.From), text(a.Action), text(a.Kind), text(a.Object), text(a.Tenant), text(a.Before),
		text(a.After),
	}
}

func decodeAudit(key, value []byte) (store.Audit, error) {
	var r auditRow
	err := json.Unmarshal(value, &r)
	return store.Audit{
		ID: string(key[timeSize:]), At: timeOf(key), Who: string(r.Who), Via: string(r.Via), From: string(r.From),
		Action: string(r.Action), Kind: string(r.Kind), Object: string(r.Object), Tenant: string(r.Tenant),
		Before: string(r.Before), After: string(r.After),
	}, err
}

// auditKey is nil for an entry without an ID.
func auditKey(a store.Audit) []byte {
	if a.ID == "" {
		return nil
	}
	return append(timeKey(a.At), a.ID...)
}

// auditRole is [store.Audits].
type auditRole struct{ db *DB }

func (role auditRole) AddAudit(ctx context.Context, a store.Audit) error {
	_, err := create(ctx, role.db, auditTable, auditKey(a), a)
	return err
}

func (role auditRole) Audits(ctx context.Context, f store.AuditFilter) (list []store.Audit, err error) {
	err = role.db.read(ctx, "list the audit log", func(tx *bbolt.Tx) error {
		c := bucket(tx, audits).Cursor()
		for key, value := lastBefore(c, auditsEnd(f)); key != nil && len(list) < f.Limit; key, value = c.Prev() {
			if !f.Since.IsZero() && bytes.Compare(key[:timeSize], timeKey(f.Since)) < 0 {
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
		end = timeKey(f.Until)
	}
	if f.Before.ID != "" {
		if behind := auditKey(f.Before); end == nil || bytes.Compare(behind, end) < 0 {
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
		deleted, err = t.deleteBefore(audits, timeKey(before), limit)
		return err
	})
	if err != nil {
		return 0, err
	}
	return deleted, nil
}
