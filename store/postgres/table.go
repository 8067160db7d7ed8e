package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/postgres/fault"
	"github.com/bbbpool/bbbpool/store/postgres/standing"
	"github.com/bbbpool/bbbpool/store/rows"
)

// table is what the records of a kind have in common. What the key says is not in the row, so no closure can change it.
type table[T any] struct {
	noun  string // for errors
	codec rows.Codec[T]
	check func(T) error // refuses what could not be found again; nil refuses nothing
}

// op names what is done with a record, for errors.
func (tb table[T]) op(verb string, key []byte) string {
	return fmt.Sprintf("%s %s %.100q", verb, tb.noun, strings.Replace(string(key), "\x00", "/", 1))
}

// lockOf is the number by which writers of one record wait for each other, also of one that is not there yet.
func lockOf(kind string, key []byte) int64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(kind))
	_, _ = h.Write([]byte{0})
	_, _ = h.Write(key)
	return int64(h.Sum64())
}

// lock makes writers of the same records wait for each other, in one order, and for those who write a lot at once.
func (t *txn) lock(locks ...int64) error {
	var b pgx.Batch
	b.Queue("SELECT pg_advisory_xact_lock_shared($1)", int64(lockGate))
	slices.Sort(locks)
	for _, l := range slices.Compact(locks) {
		b.Queue("SELECT pg_advisory_xact_lock($1)", l)
	}
	return t.send(&b)
}

// lockAll makes all other writers wait.
func (t *txn) lockAll() error {
	var b pgx.Batch
	b.Queue("SELECT pg_advisory_xact_lock($1)", int64(lockGate))
	return t.send(&b)
}

// get returns the value of a row, nil for none.
func (t *txn) get(kind string, key []byte) (value []byte, err error) {
	err = t.QueryRow(t.ctx, "SELECT value FROM bbbpool.rows WHERE kind = $1 AND key = $2", kind, key).Scan(&value)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return value, fault.OfDB(err)
}

// put queues a row, and what it is found by.
func put(b *pgx.Batch, row store.Row, look [][]byte) error {
	if err := standing.CheckRow(row, look); err != nil {
		return err
	}
	b.Queue(`INSERT INTO bbbpool.rows (kind, key, value) VALUES ($1, $2, $3)
		ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value WHERE rows.value <> excluded.value`,
		row.Kind, row.Key, standing.Bytes(row.Value))
	for i, place := range look {
		if place == nil {
			b.Queue("DELETE FROM bbbpool.places WHERE kind = $1 AND look = $2 AND key = $3", row.Kind, int16(i), row.Key)
			continue
		}
		b.Queue(`INSERT INTO bbbpool.places (kind, look, place, key) VALUES ($1, $2, $3, $4)
			ON CONFLICT (kind, look, key) DO UPDATE SET place = excluded.place WHERE places.place <> excluded.place`,
			row.Kind, int16(i), place, row.Key)
	}
	return nil
}

// forget queues the removal of rows, and of all that they are found by.
func forget(b *pgx.Batch, kind string, keys ...[]byte) {
	if len(keys) == 0 {
		return
	}
	b.Queue("DELETE FROM bbbpool.places WHERE kind = $1 AND key = ANY($2)", kind, keys)
	b.Queue("DELETE FROM bbbpool.rows WHERE kind = $1 AND key = ANY($2)", kind, keys)
}

// save queues a record. It returns the record as it will be read, which shares nothing with the one given.
func (tb table[T]) save(b *pgx.Batch, key []byte, record T) (T, error) {
	if len(key) == 0 {
		return record, rows.ErrKey
	}
	value, err := tb.codec.Encode(record)
	if err != nil {
		return record, err
	}
	after, err := tb.codec.Decode(key, value)
	if err == nil && tb.check != nil {
		err = tb.check(after)
	}
	if err != nil {
		return after, err
	}
	var look [][]byte
	if tb.codec.Look != nil {
		look = tb.codec.Look(after)
	}
	return after, put(b, store.Row{Kind: tb.codec.Kind, Key: key, Value: value}, look)
}

// read makes a record of a row, or returns store.ErrNotFound for none.
func (tb table[T]) read(t *txn, key []byte) (record T, err error) {
	value, err := t.get(tb.codec.Kind, key)
	if err == nil && value == nil {
		err = store.ErrNotFound
	}
	if err != nil {
		return record, err
	}
	return tb.codec.Decode(key, value)
}

// one returns the record under a key, or store.ErrNotFound.
func one[T any](ctx context.Context, db *DB, tb table[T], key []byte) (record T, err error) {
	err = db.read(ctx, tb.op("read", key), func(t *txn) (err error) {
		record, err = tb.read(t, key)
		return err
	})
	if err != nil {
		var none T
		return none, err
	}
	return record, nil
}

// create adds a record, or returns store.ErrExists.
func create[T any](ctx context.Context, db *DB, tb table[T], key []byte, record T) error {
	return db.write(ctx, tb.op("create", key), func(t *txn) error {
		if err := t.lock(lockOf(tb.codec.Kind, key)); err != nil {
			return err
		}
		switch standing, err := t.get(tb.codec.Kind, key); {
		case err != nil:
			return err
		case standing != nil:
			return store.ErrExists
		}
		var b pgx.Batch
		if _, err := tb.save(&b, key, record); err != nil {
			return err
		}
		return t.send(&b)
	})
}

// change hands a closure the record that stands or, where there is none, fresh; a nil fresh makes that store.ErrNotFound.
// The record must be locked.
func (tb table[T]) change(t *txn, b *pgx.Batch, key []byte, fresh *T, change func(*T) error) (changed T, err error) {
	record, err := tb.read(t, key)
	if errors.Is(err, store.ErrNotFound) && fresh != nil {
		record, err = *fresh, nil
	}
	if err == nil {
		err = change(&record)
	}
	if err != nil {
		return changed, err
	}
	return tb.save(b, key, record)
}

// update changes a record in one transaction, and makes it from fresh unless that is nil.
func update[T any](ctx context.Context, db *DB, tb table[T], key []byte, fresh *T, change func(*T) error) (T, error) {
	var updated, none T
	err := db.write(ctx, tb.op("update", key), func(t *txn) (err error) {
		if err := t.lock(lockOf(tb.codec.Kind, key)); err != nil {
			return err
		}
		var b pgx.Batch
		if updated, err = tb.change(t, &b, key, fresh, change); err != nil {
			return err
		}
		return t.send(&b)
	})
	if err != nil {
		return none, err
	}
	return updated, nil
}

// remove deletes a record, or returns store.ErrNotFound.
func remove[T any](ctx context.Context, db *DB, tb table[T], key []byte) error {
	return db.write(ctx, tb.op("delete", key), func(t *txn) error {
		if err := t.lock(lockOf(tb.codec.Kind, key)); err != nil {
			return err
		}
		switch standing, err := t.get(tb.codec.Kind, key); {
		case err != nil:
			return err
		case standing == nil:
			return store.ErrNotFound
		}
		var b pgx.Batch
		forget(&b, tb.codec.Kind, key)
		return t.send(&b)
	})
}

// span is a part of the rows of a kind or of one of its look-ups, in the order of the bytes. Its ends may be nil.
type span struct {
	after []byte // exclusive
	from  []byte // inclusive
	to    []byte // exclusive
	limit int    // 0 is no limit
	last  bool   // begin at its end
}

// prefixed are all that begin so.
func prefixed(prefix []byte) span { return span{from: prefix, to: successor(prefix)} }

// successor is the first that comes behind all that begin so; nil for none.
func successor(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] != 0xff {
			next := bytes.Clone(prefix[:i+1])
			next[i]++
			return next
		}
	}
	return nil
}

func (s span) most() *int64 {
	if s.limit <= 0 {
		return nil
	}
	n := int64(s.limit)
	return &n
}

// each calls fn for the rows of a kind in a span of the keys that say all these words.
func (t *txn) each(kind string, s span, fn func(key, value []byte) error, words ...[]byte) error {
	order := ""
	if s.last {
		order = " DESC"
	}
	sql := "SELECT key, value FROM bbbpool.rows WHERE kind = $1"
	args := []any{kind}
	add := func(condition string, arg any) {
		args = append(args, arg)
		sql += fmt.Sprintf(" AND "+condition, len(args))
	}
	if s.after != nil {
		add("key > $%d", s.after)
	}
	if s.from != nil {
		add("key >= $%d", s.from)
	}
	if s.to != nil {
		add("key < $%d", s.to)
	}
	for _, word := range words {
		add("position($%d::bytea in value) > 0", word)
	}
	sql += " ORDER BY key" + order
	if n := s.most(); n != nil {
		args = append(args, *n)
		sql += fmt.Sprintf(" LIMIT $%d", len(args))
	}
	return t.list(func(rows pgx.Rows) error {
		var key, value []byte
		if err := rows.Scan(&key, &value); err != nil {
			return err
		}
		if err := fn(key, value); err != nil {
			return fault.Ours{Err: err}
		}
		return nil
	}, sql, args...)
}

// all returns the records of a kind in a span of the keys.
func all[T any](t *txn, tb table[T], s span) (list []T, err error) {
	err = t.each(tb.codec.Kind, s, func(key, value []byte) error {
		record, err := tb.codec.Decode(key, value)
		list = append(list, record)
		return err
	})
	return list, err
}

// whole returns all records of a kind, in the order of their keys.
func whole[T any](ctx context.Context, db *DB, op string, tb table[T]) (list []T, err error) {
	err = db.read(ctx, op, func(t *txn) error {
		list, err = all(t, tb, span{})
		return err
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// head is what the index of places has of a place.
const head = "substring(p.place from 1 for 2000)"

// placed are the keys of a kind in a span of one of its look-ups, in their order.
func (t *txn) placed(kind string, look int, s span) (keys [][]byte, err error) {
	sql, args := placesIn(kind, look, s)
	err = t.list(func(rows pgx.Rows) error {
		var key []byte
		err := rows.Scan(&key)
		keys = append(keys, key)
		return err
	}, "SELECT p.key FROM bbbpool.places p WHERE "+sql, args...)
	return keys, err
}

// found are the records of a kind in a span of one of its look-ups, in their order.
func found[T any](t *txn, tb table[T], look int, s span) (list []T, err error) {
	err = eachFound(t, tb, look, s, func(record T) { list = append(list, record) })
	return list, err
}

// eachFound calls fn for the records of a kind in a span of one of its look-ups, in their order.
func eachFound[T any](t *txn, tb table[T], look int, s span, fn func(T)) error {
	sql, args := placesIn(tb.codec.Kind, look, s)
	return t.list(func(rows pgx.Rows) error {
		var key, value []byte
		if err := rows.Scan(&key, &value); err != nil {
			return err
		}
		record, err := tb.codec.Decode(key, value)
		if err != nil {
			return fault.Ours{Err: err}
		}
		fn(record)
		return nil
	}, `SELECT r.key, r.value FROM bbbpool.places p JOIN bbbpool.rows r ON r.kind = p.kind AND r.key = p.key WHERE `+sql, args...)
}

// placesIn is what asks for a span of places: by the index, and by what that has cut off.
func placesIn(kind string, look int, s span) (sql string, args []any) {
	args = []any{kind, int16(look)}
	sql = "p.kind = $1 AND p.look = $2"
	add := func(sign string, end []byte) {
		if end == nil {
			return
		}
		args = append(args, end)
		n := len(args)
		sql += fmt.Sprintf(" AND %s %s= substring($%d::bytea from 1 for 2000) AND p.place %s $%d", head, sign[:1], n, sign, n)
	}
	add(">", s.after)
	add(">=", s.from)
	add("<", s.to)
	sql += " ORDER BY " + head + ", p.place"
	if n := s.most(); n != nil {
		args = append(args, *n)
		sql += fmt.Sprintf(" LIMIT $%d", len(args))
	}
	return sql, args
}

// deleteFirst removes the first rows of a kind in a span of the keys, with nobody else writing meanwhile: who deletes pages
// takes a short one for the last.
func (db *DB) deleteFirst(ctx context.Context, op, kind string, s span) (deleted int, err error) {
	return db.deleteSome(ctx, op, kind, s.limit, func(t *txn) (keys [][]byte, err error) {
		err = t.each(kind, s, func(key, _ []byte) error {
			keys = append(keys, key)
			return nil
		})
		return keys, err
	})
}

// deleteSome removes the rows that which names, at most limit of them.
func (db *DB) deleteSome(
	ctx context.Context, op, kind string, limit int, which func(*txn) ([][]byte, error),
) (deleted int, err error) {
	err = db.write(ctx, op, func(t *txn) error {
		if deleted = 0; limit <= 0 {
			return nil
		}
		if err := t.lockAll(); err != nil {
			return err
		}
		keys, err := which(t)
		if err != nil {
			return err
		}
		var b pgx.Batch
		forget(&b, kind, keys...)
		deleted = len(keys)
		return t.send(&b)
	})
	if err != nil {
		return 0, err
	}
	return deleted, nil
}
