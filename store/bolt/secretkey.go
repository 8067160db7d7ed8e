package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/bbbpool/bbbpool/store/rows"
)

var errNoKey = errors.New("there is none yet, and the fresh one is empty")

// keyRole is [store.Keys].
type keyRole struct{ db *DB }

func (role keyRole) Key(ctx context.Context, name string, fresh []byte) ([]byte, error) {
	return apply(ctx, role.db, fmt.Sprintf("get the key %.100q", name), func(t *txn) ([]byte, error) {
		if key := t.get(keys, []byte(name)); key != nil {
			return bytes.Clone(key), nil
		}
		switch {
		case name == "":
			return nil, rows.ErrKey
		case len(fresh) == 0:
			return nil, errNoKey
		}
		key := bytes.Clone(fresh)
		return key, t.put(keys, []byte(name), key)
	})
}
