package bolt

import (
	"bytes"
	"context"
	"errors"

	"go.etcd.io/bbolt"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/rows"
)

var usageTable = table[store.Usage]{bucket: usage, noun: "usage", codec: rows.Usage}

// usageRole is [store.Usages].
type usageRole struct{ db *DB }

func (role usageRole) AddUsage(ctx context.Context, list ...store.Usage) error {
	return role.db.write(ctx, "add usage", func(t *txn) error { return t.addUsage(list) })
}

func (t *txn) addUsage(list []store.Usage) error {
	for _, u := range list {
		_, err := usageTable.change(t, rows.Usage.Key(u), &store.Usage{Day: u.Day, Tenant: u.Tenant}, func(was *store.Usage) error {
			was.Add(u)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (role usageRole) Usage(ctx context.Context, f store.UsageFilter) ([]store.Usage, error) {
	return fetch(ctx, role.db, "list usage", func(tx *bbolt.Tx) (list []store.Usage, err error) {
		c := bucket(tx, usage).Cursor()
		for key, value := firstUsage(c, f); key != nil; key, value = c.Next() {
			u, err := usageTable.read(key, value)
			switch {
			case err != nil || ctx.Err() != nil:
				return list, errors.Join(err, ctx.Err())
			case f.To != "" && u.Day > f.To || f.Limit > 0 && len(list) == f.Limit:
				return list, nil
			case f.Tenant == "" || f.Tenant == u.Tenant:
				list = append(list, u)
			}
		}
		return list, nil
	})
}

// firstUsage places a cursor at the first row that may be selected.
func firstUsage(c *bbolt.Cursor, f store.UsageFilter) (key, value []byte) {
	after := rows.Usage.Key(f.After)
	if string(after) < f.From {
		return c.Seek([]byte(f.From))
	}
	if key, value = c.Seek(after); after != nil && bytes.Equal(key, after) {
		return c.Next()
	}
	return key, value
}

func (role usageRole) DeleteUsage(ctx context.Context, before string, limit int) (int, error) {
	return apply(ctx, role.db, "delete usage", func(t *txn) (int, error) { return t.deleteBefore(usage, []byte(before), limit) })
}

// deleteBefore removes the first rows of a bucket that has no index, up to a key and at most limit of them.
func (t *txn) deleteBefore(name string, end []byte, limit int) (deleted int, err error) {
	var keys [][]byte
	c := bucket(t.Tx, name).Cursor()
	for key, _ := c.First(); key != nil && len(keys) < limit && bytes.Compare(key, end) < 0; key, _ = c.Next() {
		keys = append(keys, bytes.Clone(key))
	}
	for _, key := range keys {
		if err := t.delete(name, key); err != nil {
			return 0, err
		}
	}
	return len(keys), nil
}
