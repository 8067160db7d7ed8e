package redis

import (
	"context"
	_ "embed" // the script
	"errors"
	"fmt"
	"strconv"
	"strings"

	goredis "github.com/redis/go-redis/v9"

	"github.com/bbbpool/bbbpool/store"
)

var (
	//go:embed raise.lua
	raiseLua    string
	raiseScript = goredis.NewScript(raiseLua)
)

// Raise makes the sequence to, in one step, if it is from or more and less than to; else it returns [store.ErrConflict]. It
// needs the lease: who raises the sequence says that nothing is lost.
func (db *DB) Raise(ctx context.Context, from, to uint64) error {
	return db.within(ctx, 1, "raise the sequence", func(ctx context.Context) error {
		mine := db.mine.Load()
		if mine == nil {
			return store.ErrFenced
		}
		keys := []string{db.key(leaseKey), db.key(sequenceKey)}
		bounds := []any{mine.holder, mine.epoch, strconv.FormatUint(from, 10), strconv.FormatUint(to, 10)}
		reply, err := raiseScript.Run(ctx, db.client, keys, bounds...).Text()
		switch {
		case err != nil:
			return away(err)
		case reply == "fenced":
			return store.ErrFenced
		case reply != "done":
			return fmt.Errorf("%w: it is %.40s", store.ErrConflict, reply)
		}
		db.noteSequence(to, false)
		return nil
	})
}

// Incarnation names the running server: another one after it was started again, or after a failover. It is "" where the
// server does not tell.
func (db *DB) Incarnation(ctx context.Context) (life string, err error) {
	err = db.within(ctx, 1, "ask which server it is", func(ctx context.Context) error {
		info, err := db.client.Info(ctx, "server").Result()
		if _, said := errors.AsType[goredis.Error](err); said {
			return nil // it may not be asked for
		}
		if err != nil {
			return away(err)
		}
		for line := range strings.Lines(info) {
			if id, ok := strings.CutPrefix(line, "run_id:"); ok {
				life = strings.TrimSpace(id)
			}
		}
		return nil
	})
	return life, err
}
