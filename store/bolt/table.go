package bolt

import (
	"context"
	"errors"
	"fmt"
	"strings"

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
	// index follows a row into its indexes; before is nil for a new one, after for one that goes.
	index func(t *txn, before, after *T) error
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
	if tb.index != nil {
		if err := tb.index(t, before, &after); err != nil {
			return after, err
		}
	}
	return after, t.put(tb.bucket, key, value)
}

// all returns the records in the order of their keys.
func all[T any](ctx context.Context, db *DB, tb table[T]) (records []T, err error) {
	err = db.read(ctx, "list "+tb.bucket, func(tx *bbolt.Tx) error {
		return bucket(tx, tb.bucket).ForEach(func(key, value []byte) error {
			record, err := tb.read(key, value)
			records = append(records, record)
			return errors.Join(err, ctx.Err())
		})
	})
	if err != nil {
		return nil, err
	}
	return records, nil
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
		if tb.index != nil { // else nobody asks what it was
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
	var updated, none T
	err := db.write(ctx, tb.op("update", key), func(t *txn) (err error) {
		updated, err = tb.change(t, key, fresh, change)
		return err
	})
	if err != nil {
		return none, err
	}
	return updated, nil
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
		if err == nil && tb.index != nil {
			err = tb.index(t, &record, nil)
		}
		if err != nil {
			return err
		}
		return t.delete(tb.bucket, key)
	})
}

// anyway is the check of what is removed whatever it is.
func anyway[T any](T) error { return nil }
