package bolt

import (
	"context"

	"go.etcd.io/bbolt"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/rows"
)

var waitTable = table[store.Wait]{bucket: waiting, noun: "waiting write", codec: rows.Waiting}

// waitRole is [store.Waiting].
type waitRole struct{ db *DB }

func (role waitRole) Waiting(ctx context.Context, limit int) ([]store.Wait, error) {
	return fetch(ctx, role.db, "list what waits", func(tx *bbolt.Tx) (list []store.Wait, err error) {
		c := bucket(tx, waiting).Cursor()
		for key, value := c.First(); key != nil && len(list) < limit && ctx.Err() == nil; key, value = c.Next() {
			w, err := waitTable.read(key, value)
			if err != nil {
				return list, err
			}
			list = append(list, w)
		}
		return list, ctx.Err()
	})
}

func (role waitRole) AddWaiting(ctx context.Context, w store.Wait) error {
	_, err := create(ctx, role.db, waitTable, []byte(w.ID), w)
	return err
}

func (role waitRole) DeleteWaiting(ctx context.Context, ids ...string) error {
	return role.db.write(ctx, "delete what waits", func(t *txn) error {
		for _, id := range ids {
			if key := []byte(id); len(key) > 0 && t.get(waiting, key) != nil {
				if err := t.delete(waiting, key); err != nil {
					return err
				}
			}
		}
		return nil
	})
}
