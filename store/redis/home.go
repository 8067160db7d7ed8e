package redis

import (
	"context"
	"errors"
	"strconv"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/bbbpool/bbbpool/store"
)

// homeKey is when all records were put here from elsewhere, by a restore or a move, in microseconds since 1970; it is absent
// where they were made here. Whoever has a copy of before knows by it that the copy is worth nothing.
const homeKey = oursPrefix + "home"

// Home returns when all records were put here, 0 where they were not.
func (db *DB) Home(ctx context.Context) (home uint64, err error) {
	err = db.within(ctx, 1, "ask since when the records are here", func(ctx context.Context) error {
		text, err := db.client.Get(ctx, db.key(homeKey)).Result()
		if errors.Is(err, goredis.Nil) {
			return nil
		}
		if err != nil {
			return away(err)
		}
		home, _ = strconv.ParseUint(text, 10, 64) // somebody's rubbish is no home
		return nil
	})
	return home, err
}

// Settle says that all records were put here then, unless that was done later, too. It needs the lease.
func (db *DB) Settle(ctx context.Context, home uint64) error {
	return db.within(ctx, 1, "say since when the records are here", func(ctx context.Context) error {
		return db.raiseTo(ctx, db.key(homeKey), home)
	})
}

// raiseTo sets a number that only rises, with the lease.
func (db *DB) raiseTo(ctx context.Context, key string, number uint64) error {
	mine := db.mine.Load()
	if mine == nil {
		return store.ErrFenced
	}
	keys := []string{db.key(leaseKey), key}
	reply, err := raiseScript.Run(ctx, db.client, keys, mine.holder, mine.epoch, "0", strconv.FormatUint(number, 10)).Text()
	switch {
	case err != nil:
		return away(err)
	case reply == "fenced":
		return store.ErrFenced
	}
	return nil
}

// SettleNow says that all records have just been put here.
func (db *DB) SettleNow(ctx context.Context) error {
	was, err := db.Home(ctx)
	if err != nil {
		return err
	}
	return db.Settle(ctx, max(was+1, uint64(time.Now().UnixMicro())))
}
