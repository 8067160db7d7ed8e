package bolt

import (
	"context"
	"time"

	"go.etcd.io/bbolt"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/rows"
)

// useRole is [store.Uses].
type useRole struct{ db *DB }

func (role useRole) Uses(ctx context.Context) (map[store.Credential]time.Time, error) {
	return fetch(ctx, role.db, "list uses", func(tx *bbolt.Tx) (list map[store.Credential]time.Time, err error) {
		list = map[store.Credential]time.Time{}
		err = bucket(tx, uses).ForEach(func(key, value []byte) error {
			use, err := rows.Uses.Decode(key, value)
			if err != nil {
				return err
			}
			list[use.Credential] = use.At
			return ctx.Err()
		})
		return list, err
	})
}

func (role useRole) NoteUses(ctx context.Context, list map[store.Credential]time.Time) error {
	return role.db.write(ctx, "note uses", func(t *txn) error {
		for c, at := range list {
			if err := t.noteUse(rows.UseKey(c), at); err != nil {
				return err
			}
		}
		return nil
	})
}

// noteUse keeps the later of two times, and nothing for the zero one.
func (t *txn) noteUse(key []byte, at time.Time) error {
	if key == nil {
		return rows.ErrKey
	}
	before, value := t.get(uses, key), rows.TimeKey(at)
	switch {
	case at.IsZero() && before != nil:
		return t.delete(uses, key)
	case at.IsZero() || before != nil && string(before) >= string(value):
		return nil
	}
	return t.put(uses, key, value)
}
