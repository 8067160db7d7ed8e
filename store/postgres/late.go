package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/postgres/fault"
)

// Late is for whoever goes on without the database while it is away: Open is content then, every call fails with
// [store.ErrAway], and the database is taken up as soon as it answers.
type Late struct {
	// Admit looks whether a database may be used whose schema is today's, before any other call gets through; nil for yes.
	Admit func(ctx context.Context, db *DB) error
	// Refused hears, once, why a database that has come back may not be used, by Admit or by its schema: it stays away.
	Refused func(err error)
}

// lookAgain is how often it is looked whether a database is there that was away when it was opened.
const lookAgain = time.Second

// passing marks the context of what is asked before the database may be used by others.
type passing struct{}

// takeUp brings the schema to today's, has whoever opened the database admit it, and lets calls through.
func (db *DB) takeUp(ctx context.Context) error {
	db.Plan = nil // of an attempt that has come to nothing
	if err := db.prepare(ctx); err != nil && !errors.Is(err, errDry) {
		return fault.Wrap(ctx, "open the database", err)
	}
	if db.late.Admit != nil {
		if err := db.late.Admit(context.WithValue(ctx, passing{}, true), db); err != nil {
			return err
		}
	}
	db.ready.Store(true)
	return nil
}

// there is an error until the database may be used.
func (db *DB) there(ctx context.Context, op string) error {
	if db.ready.Load() || ctx.Value(passing{}) != nil {
		return nil
	}
	why := db.closedFor.Load()
	if why == nil {
		return fmt.Errorf("%s: %w", op, store.ErrAway)
	}
	return fmt.Errorf("%s: %w: %w", op, store.ErrAway, *why)
}

// comeBack takes up a database that was away when it was opened, as soon as it answers, and then does what [DB.maintain] does.
func (db *DB) comeBack() {
	for {
		select {
		case <-db.ended.Done():
			return
		case <-time.After(lookAgain):
		}
		err := db.takeUp(db.ended)
		switch {
		case err == nil:
			db.maintain()
			return
		case db.ended.Err() != nil:
			return
		}
		db.closedFor.Store(&err)
		if !errors.Is(err, store.ErrAway) {
			if db.late.Refused != nil {
				db.late.Refused(err)
			}
			return
		}
	}
}
