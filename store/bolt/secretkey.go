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

func (role keyRole) Key(ctx context.Context, name string, fresh []byte) (key []byte, err error) {
	err = role.db.write(ctx, fmt.Sprintf("get the key %.100q", name), func(t *txn) error {
		if key = bytes.Clone(t.get(keys, []byte(name))); key != nil {
			return nil
		}
		switch {
		case name == "":
			return rows.ErrKey
		case len(fresh) == 0:
			return errNoKey
		}
		key = bytes.Clone(fresh)
		return t.put(keys, []byte(name), key)
	})
	if err != nil {
		return nil, err
	}
	return key, nil
}
