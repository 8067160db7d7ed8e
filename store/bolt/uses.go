package bolt

import (
	"context"
	"fmt"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/bolt/file"
)

// useRole is [store.Uses].
type useRole struct{ db *DB }

// useKey is nil for a credential that could be taken for another one.
func useKey(c store.Credential) []byte {
	if c.Kind == "" || strings.Contains(c.Kind+c.Tenant, "\x00") {
		return nil
	}
	return []byte(c.Kind + "\x00" + c.Tenant + "\x00" + c.Name)
}

func (role useRole) Uses(ctx context.Context) (list map[store.Credential]time.Time, err error) {
	err = role.db.read(ctx, "list uses", func(tx *bbolt.Tx) error {
		list = map[store.Credential]time.Time{}
		return bucket(tx, uses).ForEach(func(key, value []byte) error {
			parts := strings.SplitN(string(key), "\x00", 3)
			if len(parts) != 3 || len(value) != timeSize {
				return fmt.Errorf("read the use of %.100q: %w", key, file.ErrDamaged)
			}
			list[store.Credential{Kind: parts[0], Tenant: parts[1], Name: parts[2]}] = timeOf(value)
			return ctx.Err()
		})
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

func (role useRole) NoteUses(ctx context.Context, list map[store.Credential]time.Time) error {
	return role.db.write(ctx, "note uses", func(t *txn) error {
		for c, at := range list {
			if err := t.noteUse(useKey(c), at); err != nil {
				return err
			}
		}
		return nil
	})
}

// noteUse keeps the later of two times, and nothing for the zero one.
func (t *txn) noteUse(key []byte, at time.Time) error {
	if key == nil {
		return errKey
	}
	before, value := t.get(uses, key), timeKey(at)
	switch {
	case at.IsZero() && before != nil:
		return t.delete(uses, key)
	case at.IsZero() || before != nil && string(before) >= string(value):
		return nil
	}
	return t.put(uses, key, value)
}
