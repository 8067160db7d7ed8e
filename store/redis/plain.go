package redis

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/rows"
)

// Roles whose records Scalelite has no place for: each row is a field of one hash of ours.

// plainRows returns all rows of a kind, by their keys.
func (db *DB) plainRows(ctx context.Context, kind string) (map[string]string, error) {
	list, _, err := db.look(ctx, commandList([]string{"HGETALL", db.rowsKey(kind)}), false)
	return hash(part(list, 0)), err
}

// plainList returns all records of a kind, in the order of their keys.
func plainList[T any](ctx context.Context, db *DB, codec rows.Codec[T]) (records []T, err error) {
	err = db.within(ctx, listTimeouts, "list "+codec.Kind, func(ctx context.Context) error {
		values, err := db.plainRows(ctx, codec.Kind)
		for _, key := range slices.Sorted(maps.Keys(values)) {
			record, bad := codec.Decode([]byte(key), []byte(values[key]))
			if bad != nil {
				return bad
			}
			records = append(records, record)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return records, nil
}

// plainPut adds a write of a record.
func plainPut[T any](db *DB, c *commands, codec rows.Codec[T], record T) error {
	row, err := codec.Row(record)
	if err == nil {
		err = checkKey(row.Key)
	}
	if err != nil {
		return err
	}
	c.add("HSET", db.rowsKey(codec.Kind), string(row.Key), string(row.Value))
	return nil
}

// plainRead are the commands that read one record.
func (db *DB) plainRead(kind string, key []byte) commands {
	return commandList([]string{"HGET", db.rowsKey(kind), string(key)})
}

// endingRole is [store.Endings].
type endingRole struct{ db *DB }

func (role endingRole) Endings(ctx context.Context) ([]store.Ending, error) {
	return plainList(ctx, role.db, rows.Endings)
}

func (role endingRole) AddEndings(ctx context.Context, list ...store.Ending) error {
	return role.db.within(ctx, 1, "add endings", func(ctx context.Context) error {
		var c commands
		for _, e := range list {
			if err := plainPut(role.db, &c, rows.Endings, e); err != nil {
				return err
			}
		}
		_, err := role.db.write(ctx, guard{fenced: true}, c)
		return err
	})
}

func (role endingRole) DeleteEnding(ctx context.Context, e store.Ending) error {
	key := rows.Endings.Key(e)
	return role.db.within(ctx, 1, fmt.Sprintf("delete ending %.100q", e.MeetingID), func(ctx context.Context) error {
		if checkKey(key) != nil {
			return store.ErrNotFound
		}
		reads := role.db.plainRead(rows.Endings.Kind, key)
		return role.db.change(ctx, guard{fenced: true}, reads, func(list []any) (c commands, err error) {
			row, ok := found(part(list, 0))
			if !ok {
				return c, store.ErrNotFound
			}
			standing, err := rows.Endings.Decode(key, row)
			if err == nil && !standing.Asked.Equal(e.Asked) {
				err = store.ErrConflict
			}
			c.add("HDEL", role.db.rowsKey(rows.Endings.Kind), string(key))
			return c, err
		})
	})
}

// maxForgotten bounds what spending one token costs. More than one of the old goes for each new one, so that after a
// flood they become fewer.
const maxForgotten = 8

// tokenRole is [store.Tokens].
type tokenRole struct{ db *DB }

func (role tokenRole) SpendToken(ctx context.Context, id string, now, expires time.Time) error {
	db := role.db
	return db.within(ctx, 1, fmt.Sprintf("spend token %.100q", id), func(ctx context.Context) error {
		var c commands
		c.add(
			"FORGET", db.key(tokensByExpiryKey), db.rowsKey("tokens"), string(rows.TimeKey(now)), strconv.Itoa(rows.TimeSize),
			strconv.Itoa(maxForgotten),
		)
		if err := putToken(db, &c, rows.Tokens, rows.Token{ID: id, Expires: expires}); err != nil {
			return err
		}
		done, err := db.write(ctx, guard{sum: nothing, reads: db.plainRead("tokens", []byte(id))}, c)
		if err == nil && !done {
			err = store.ErrExists
		}
		return err
	})
}

// putToken writes a token, and what it is forgotten by.
func putToken(db *DB, c *commands, codec rows.Codec[rows.Token], t rows.Token) error {
	if err := plainPut(db, c, codec, t); err != nil {
		return err
	}
	c.add("ZADD", db.key(tokensByExpiryKey), "0", string(codec.Look(t)[0]))
	return nil
}

// useRole is [store.Uses].
type useRole struct{ db *DB }

func (role useRole) Uses(ctx context.Context) (map[store.Credential]time.Time, error) {
	records, err := plainList(ctx, role.db, rows.Uses)
	if err != nil {
		return nil, err
	}
	list := map[store.Credential]time.Time{}
	for _, u := range records {
		list[u.Credential] = u.At
	}
	return list, nil
}

func (role useRole) NoteUses(ctx context.Context, list map[store.Credential]time.Time) error {
	db := role.db
	uses := make([]rows.Use, 0, len(list))
	for c, at := range list {
		uses = append(uses, rows.Use{Credential: c, At: at})
	}
	return db.within(ctx, 1, "note uses", func(ctx context.Context) error {
		var reads commands
		for _, u := range uses {
			key := rows.UseKey(u.Credential)
			if err := checkKey(key); err != nil {
				return err
			}
			reads.join(db.plainRead("uses", key))
		}
		if len(uses) == 0 {
			return nil
		}
		return db.change(ctx, guard{}, reads, func(list []any) (c commands, err error) {
			for n, u := range uses {
				before, ok := found(part(list, n))
				db.putUse(&c, u, before, ok)
			}
			return c, nil
		})
	})
}

// putUse keeps the later of two times, and nothing for the zero one.
func (db *DB) putUse(c *commands, u rows.Use, before []byte, there bool) {
	key, value := string(rows.UseKey(u.Credential)), string(rows.TimeKey(u.At))
	switch {
	case u.At.IsZero() && there:
		c.add("HDEL", db.rowsKey("uses"), key)
	case u.At.IsZero() || there && string(before) >= value:
	default:
		c.add("HSET", db.rowsKey("uses"), key, value)
	}
}

// waitRole is [store.Waiting].
type waitRole struct{ db *DB }

func (role waitRole) Waiting(ctx context.Context, limit int) ([]store.Wait, error) {
	list, err := plainList(ctx, role.db, rows.Waiting)
	return list[:min(len(list), max(0, limit))], err
}

func (role waitRole) AddWaiting(ctx context.Context, w store.Wait) error {
	db := role.db
	return db.within(ctx, 1, fmt.Sprintf("create waiting write %.100q", w.ID), func(ctx context.Context) error {
		var c commands
		if err := plainPut(db, &c, rows.Waiting, w); err != nil {
			return err
		}
		done, err := db.write(ctx, guard{sum: nothing, reads: db.plainRead("waiting", []byte(w.ID))}, c)
		if err == nil && !done {
			err = store.ErrExists
		}
		return err
	})
}

func (role waitRole) DeleteWaiting(ctx context.Context, ids ...string) error {
	db := role.db
	return db.within(ctx, 1, "delete what waits", func(ctx context.Context) error {
		var c commands
		for _, id := range ids {
			c.add("HDEL", db.rowsKey("waiting"), id)
		}
		_, err := db.write(ctx, guard{}, c)
		return err
	})
}
