package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/rows"
)

// table is a bucket of rows. What the key says is not in the row, so no closure can change it.
//
// What a row looks like is known to package rows.
type table[T any] struct {
	bucket string
	noun   string // for errors
	codec  rows.Codec[T]
	// What follows is nil where there is none: check refuses a record that could not be found again, links are its entries in
	// the indexes, and tally counts it, sign times.
	check func(T) error
	links func(T) []link
	tally func(t *txn, record T, sign int64) error
}

// follow takes a row into its indexes and tallies; before is nil for a new one, after for one that goes.
func (tb table[T]) follow(t *txn, before, after *T) error {
	if after != nil && tb.check != nil {
		if err := tb.check(*after); err != nil {
			return err
		}
	}
	if tb.links != nil {
		if err := t.move(tb.linksOf(before), tb.linksOf(after)); err != nil {
			return err
		}
	}
	if tb.tally == nil {
		return nil
	}
	if before != nil {
		if err := tb.tally(t, *before, -1); err != nil {
			return err
		}
	}
	if after != nil {
		return tb.tally(t, *after, 1)
	}
	return nil
}

func (tb table[T]) linksOf(record *T) []link {
	if record == nil {
		return nil
	}
	return tb.links(*record)
}

// op names what is done with a record, for errors.
func (tb table[T]) op(verb string, key []byte) string {
	return fmt.Sprintf("%s %s %.100q", verb, tb.noun, strings.Replace(string(key), "\x00", "/", 1))
}

// read makes a record of a row.
func (tb table[T]) read(key, value []byte) (T, error) { return tb.codec.Decode(key, value) }

// save writes a record and its entries in the indexes. It returns the record as it will be read, which shares nothing with
// the one given.
func (tb table[T]) save(t *txn, key []byte, before *T, record T) (T, error) {
	if len(key) == 0 {
		return record, rows.ErrKey
	}
	value, err := tb.codec.Encode(record)
	if err != nil {
		return record, err
	}
	after, err := tb.read(key, value)
	if err != nil {
		return after, err
	}
	if err := tb.follow(t, before, &after); err != nil {
		return after, err
	}
	return after, t.put(tb.bucket, key, value)
}

// all returns the records in the order of their keys.
func all[T any](ctx context.Context, db *DB, tb table[T]) ([]T, error) {
	return fetch(ctx, db, "list "+tb.bucket, func(tx *bbolt.Tx) (records []T, err error) {
		err = bucket(tx, tb.bucket).ForEach(func(key, value []byte) error {
			record, err := tb.read(key, value)
			records = append(records, record)
			return errors.Join(err, ctx.Err())
		})
		return records, err
	})
}

// one returns the record under a key, or store.ErrNotFound.
func one[T any](ctx context.Context, db *DB, tb table[T], key []byte) (record T, err error) {
	err = db.read(ctx, tb.op("read", key), func(tx *bbolt.Tx) error {
		value := bucket(tx, tb.bucket).Get(key)
		if value == nil {
			return store.ErrNotFound
		}
		record, err = tb.read(key, value)
		return err
	})
	return record, err
}

// create returns the record that stands afterwards, with store.ErrExists if it is an older one.
func create[T any](ctx context.Context, db *DB, tb table[T], key []byte, record T) (T, error) {
	var standing, none T
	err := db.write(ctx, tb.op("create", key), func(t *txn) (err error) {
		if value := t.get(tb.bucket, key); value != nil {
			standing, err = tb.read(key, value)
			return errors.Join(err, store.ErrExists)
		}
		standing, err = tb.save(t, key, nil, record)
		return err
	})
	if err != nil && !errors.Is(err, store.ErrExists) {
		return none, err
	}
	return standing, err
}

// change hands a closure the record that stands or, where there is none, fresh; a nil fresh makes that
// store.ErrNotFound.
func (tb table[T]) change(t *txn, key []byte, fresh *T, change func(*T) error) (changed T, err error) {
	var before *T
	var after T
	switch value := t.get(tb.bucket, key); {
	case value != nil:
		if after, err = tb.read(key, value); err != nil {
			return changed, err
		}
		if tb.links != nil || tb.tally != nil { // else nobody asks what it was
			standing, err := tb.read(key, value)
			if err != nil {
				return changed, err
			}
			before = &standing
		}
	case fresh == nil:
		return changed, store.ErrNotFound
	default:
		after = *fresh
	}
	if err := change(&after); err != nil {
		return changed, err
	}
	return tb.save(t, key, before, after)
}

// update changes a record that is there, in a transaction of the writer.
func update[T any](ctx context.Context, db *DB, tb table[T], key []byte, change func(*T) error) (T, error) {
	return upsert(ctx, db, tb, key, nil, change)
}

// upsert changes a record, and makes it from fresh unless that is nil.
func upsert[T any](
	ctx context.Context, db *DB, tb table[T], key []byte, fresh *T, change func(*T) error,
) (T, error) {
	return apply(ctx, db, tb.op("update", key), func(t *txn) (T, error) { return tb.change(t, key, fresh, change) })
}

// remove deletes a record that passes check.
func remove[T any](ctx context.Context, db *DB, tb table[T], key []byte, check func(T) error) error {
	return db.write(ctx, tb.op("delete", key), func(t *txn) error {
		value := t.get(tb.bucket, key)
		if value == nil {
			return store.ErrNotFound
		}
		record, err := tb.read(key, value)
		if err == nil {
			err = check(record)
		}
		if err != nil {
			return err
		}
		return tb.drop(t, key, record)
	})
}

// drop deletes a record that stands, with its entries in the indexes.
func (tb table[T]) drop(t *txn, key []byte, record T) error {
	if err := tb.follow(t, &record, nil); err != nil {
		return err
	}
	return t.delete(tb.bucket, key)
}

// dropAll deletes the records with these IDs, all of which are there, and returns how many that are.
func (tb table[T]) dropAll(t *txn, ids [][]byte) (dropped int, err error) {
	return len(ids), tb.dropSome(t, ids, func(T) bool { return true })
}

// dropSome deletes those of the records with these IDs that which tells to, in their order. All of them are there.
func (tb table[T]) dropSome(t *txn, ids [][]byte, which func(T) bool) error {
	for i, id := range ids {
		ids[i] = bytes.Clone(id) // which deleting may move
	}
	for _, id := range ids {
		record, err := tb.read(id, t.get(tb.bucket, id))
		if err == nil && which(record) {
			err = tb.drop(t, id, record)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// before are the IDs of the rows that an index of times has under a prefix from before a time, the first first, from the first
// one behind after on.
func (t *txn) before(index, prefix, after string, end time.Time, limit int) (ids [][]byte) {
	last := rows.TimeKey(end)
	for place := range merge(bucket(t.Tx, index), []string{prefix}, after) {
		if len(ids) >= limit || bytes.Compare(place[:rows.TimeSize], last) >= 0 {
			break
		}
		ids = append(ids, idAt(place))
	}
	return ids
}

// idsUnder are the IDs of the first rows that an index of times has under a prefix.
func idsUnder(tx *bbolt.Tx, index, prefix, after string, limit int) (ids [][]byte) {
	for place := range merge(bucket(tx, index), []string{prefix}, after) {
		if len(ids) >= limit {
			break
		}
		ids = append(ids, idAt(place))
	}
	return ids
}

// each reads the records with these IDs, all of which are there.
func (tb table[T]) each(ctx context.Context, tx *bbolt.Tx, ids [][]byte) (list []T, err error) {
	for _, id := range ids {
		record, err := tb.read(id, bucket(tx, tb.bucket).Get(id))
		if err := errors.Join(err, ctx.Err()); err != nil {
			return nil, err
		}
		list = append(list, record)
	}
	return list, nil
}

// anyway is the check of what is removed whatever it is.
func anyway[T any](T) error { return nil }
