package bolt

import (
	"context"
	"fmt"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/rows"
)

// maxForgotten bounds what spending one token costs. More than one of the old goes for each new one, so that after a
// flood they become fewer.
const maxForgotten = 8

// tokenRole is [store.Tokens].
type tokenRole struct{ db *DB }

func (role tokenRole) SpendToken(ctx context.Context, id string, now, expires time.Time) error {
	key, until := []byte(id), rows.TimeKey(expires)
	return role.db.write(ctx, fmt.Sprintf("spend token %.100q", id), func(t *txn) error {
		if len(key) == 0 {
			return rows.ErrKey
		}
		if t.get(tokens, key) != nil {
			return store.ErrExists
		}
		if err := t.forgetTokens(rows.TimeKey(now)); err != nil {
			return err
		}
		if err := t.put(tokens, key, until); err != nil {
			return err
		}
		return t.put(tokensByExpiry, append(until, key...), nil)
	})
}

// forgetTokens removes some that expired before now, the oldest first.
func (t *txn) forgetTokens(now []byte) error {
	var expired []string
	for key := range merge(bucket(t.Tx, tokensByExpiry), []string{""}, "") {
		if len(expired) == maxForgotten || string(key[:rows.TimeSize]) >= string(now) {
			break
		}
		expired = append(expired, string(key))
	}
	for _, key := range expired {
		if err := t.delete(tokensByExpiry, []byte(key)); err != nil {
			return err
		}
		if err := t.delete(tokens, []byte(key[rows.TimeSize:])); err != nil {
			return err
		}
	}
	return nil
}
