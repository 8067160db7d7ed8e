package redis

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/rows"
)

// maxKey bounds what names a record.
const maxKey = 32 << 10

// image is all that the database has of one record.
type image struct {
	row      []byte            // ours; nil for none
	fields   map[string]string // of Scalelite's hash; nil for none
	member   bool              // of Scalelite's set
	enabled  bool              // a server, in the set of those
	settings []setting         // of a tenant
	holder   string            // which tenant Scalelite finds by the name of this one; "" where nothing says that
	owner    string            // the claim that has Scalelite's key of a meeting; "" for none
}

// table is a kind of records that Scalelite has keys for.
type table[T any] struct {
	noun  string // for errors
	codec rows.Codec[T]
	// reads are the commands that read one record, and one the image that they give.
	reads func(db *DB, key []byte) commands
	one   func(list []any) image
	// listing are the commands that read all, and all the images that they give, by the key.
	listing func(db *DB) commands
	all     func(list []any) map[string]image
	// merge makes a record of an image, if there is one.
	merge func(key []byte, i image) (T, bool, error)
	// put makes the writes that turn an image into a record; before is the record that is there, nil for none.
	put func(db *DB, c *commands, key []byte, i image, before *T, now T) error
	// drop makes the writes that take a record away.
	drop func(db *DB, c *commands, key []byte, i image, record T)
}

// op names what is done with a record, for errors.
func (tb table[T]) op(verb string, key []byte) string {
	return fmt.Sprintf("%s %s %.100q", verb, tb.noun, strings.Replace(string(key), "\x00", "/", 1))
}

// checkKey refuses what can name no record.
func checkKey(key []byte) error {
	switch {
	case len(key) == 0:
		return rows.ErrKey
	case len(key) > maxKey:
		return fmt.Errorf("%w: a key of %d bytes, the limit is %d", store.ErrTooLarge, len(key), maxKey)
	}
	return nil
}

// read is a record as it will be read, which shares nothing with the one given.
func (tb table[T]) read(key []byte, record T) (T, error) {
	value, err := tb.codec.Encode(record)
	if err != nil {
		return record, err
	}
	return tb.codec.Decode(key, value)
}

// save makes the writes for a record, and returns it as it will be read.
func (tb table[T]) save(db *DB, c *commands, key []byte, i image, before *T, record T) (T, error) {
	record, err := tb.read(key, record)
	if err != nil {
		return record, err
	}
	return record, tb.put(db, c, key, i, before, record)
}

// list returns all records in the order of their keys.
func list[T any](ctx context.Context, db *DB, tb table[T]) (records []T, err error) {
	err = db.within(ctx, listTimeouts, "list "+tb.codec.Kind, func(ctx context.Context) error {
		found, _, err := db.look(ctx, tb.listing(db), false)
		if err != nil {
			return err
		}
		records, err = tb.records(found)
		return err
	})
	if err != nil {
		return nil, err
	}
	return records, nil
}

func (tb table[T]) records(found []any) (records []T, err error) {
	images := tb.all(found)
	for _, key := range slices.Sorted(maps.Keys(images)) {
		if len(key) > maxKey {
			continue // somebody else's, whatever it is
		}
		record, stands, err := tb.merge([]byte(key), images[key])
		if err != nil {
			return nil, err
		}
		if stands {
			records = append(records, record)
		}
	}
	return records, nil
}

// one returns the record under a key, or store.ErrNotFound.
func one[T any](ctx context.Context, db *DB, tb table[T], key []byte) (record T, err error) {
	err = db.within(ctx, 1, tb.op("read", key), func(ctx context.Context) error {
		if checkKey(key) != nil {
			return store.ErrNotFound
		}
		found, _, err := db.look(ctx, tb.reads(db, key), false)
		if err != nil {
			return err
		}
		var stands bool
		if record, stands, err = tb.merge(key, tb.one(found)); err == nil && !stands {
			err = store.ErrNotFound
		}
		return err
	})
	if err != nil {
		var none T
		return none, err
	}
	return record, nil
}

// create returns the record that stands afterwards, with store.ErrExists if it is an older one. That there is nothing of
// that name is what it takes for granted at first, for that is one call less.
func create[T any](ctx context.Context, db *DB, tb table[T], key []byte, record T) (standing T, err error) {
	err = db.within(ctx, 1, tb.op("create", key), func(ctx context.Context) error {
		if err := checkKey(key); err != nil {
			return err
		}
		var c commands
		if standing, err = tb.save(db, &c, key, image{}, nil, record); err != nil {
			return err
		}
		done, err := db.write(ctx, guard{fenced: true, sum: nothing, reads: tb.reads(db, key)}, c)
		if done || err != nil {
			return err
		}
		return db.change(ctx, guard{fenced: true}, tb.reads(db, key), func(list []any) (c commands, err error) {
			i := tb.one(list)
			older, stands, err := tb.merge(key, i)
			if err != nil {
				return c, err
			}
			if stands {
				standing = older
				return c, store.ErrExists
			}
			standing, err = tb.save(db, &c, key, i, nil, record)
			return c, err
		})
	})
	if err != nil && !errors.Is(err, store.ErrExists) {
		var none T
		return none, err
	}
	return standing, err
}

// update hands a closure the record that stands, and writes what it has made of it.
func update[T any](ctx context.Context, db *DB, tb table[T], key []byte, change func(*T) error) (changed T, err error) {
	err = db.within(ctx, 1, tb.op("update", key), func(ctx context.Context) error {
		if checkKey(key) != nil {
			return store.ErrNotFound
		}
		return db.change(ctx, guard{fenced: true}, tb.reads(db, key), func(list []any) (c commands, err error) {
			i := tb.one(list)
			before, stands, err := tb.merge(key, i)
			if err == nil && !stands {
				err = store.ErrNotFound
			}
			if err != nil {
				return c, err
			}
			after, err := tb.read(key, before)
			if err != nil {
				return c, err
			}
			if err := change(&after); err != nil {
				return c, ofClosure(err)
			}
			changed, err = tb.save(db, &c, key, i, &before, after)
			return c, err
		})
	})
	if err != nil {
		var none T
		return none, err
	}
	return changed, nil
}

// remove deletes a record that passes check.
func remove[T any](ctx context.Context, db *DB, tb table[T], key []byte, check func(T) error) error {
	return db.within(ctx, 1, tb.op("delete", key), func(ctx context.Context) error {
		if checkKey(key) != nil {
			return store.ErrNotFound
		}
		return db.change(ctx, guard{fenced: true}, tb.reads(db, key), func(list []any) (c commands, err error) {
			i := tb.one(list)
			record, stands, err := tb.merge(key, i)
			if err == nil && !stands {
				err = store.ErrNotFound
			}
			if err == nil {
				err = check(record)
			}
			if err == nil {
				tb.drop(db, &c, key, i, record)
			}
			return c, err
		})
	})
}

// anyway is the check of what is removed whatever it is.
func anyway[T any](T) error { return nil }

// putRow writes our row of a record, with marks of what Scalelite's fields are then.
func putRow[T any](db *DB, c *commands, codec rows.Codec[T], key []byte, record T, from marks) error {
	row, err := codec.Encode(record)
	if err != nil {
		return err
	}
	value, err := envelope{row, from}.encode()
	if err != nil {
		return err
	}
	c.add("HSET", db.rowsKey(codec.Kind), string(key), value)
	return nil
}

// openRow reads our row of a record; ok is false where there is none.
func openRow[T any](codec rows.Codec[T], key []byte, row []byte) (record T, from marks, ok bool, err error) {
	if row == nil {
		return record, nil, false, nil
	}
	e, err := openEnvelope(row)
	if err != nil {
		return record, nil, false, fmt.Errorf("%.100q: %w", key, err)
	}
	record, err = codec.Decode(key, e.Row)
	return record, e.From, err == nil, err
}

// rowsOf are images with nothing but our rows, by their keys.
func rowsOf(reply any) map[string]image {
	images := map[string]image{}
	for key, row := range hash(reply) {
		images[key] = image{row: []byte(row)}
	}
	return images
}
