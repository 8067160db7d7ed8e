package bolt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"

	"go.etcd.io/bbolt"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/bolt/file"
	"github.com/bbbpool/bbbpool/store/bolt/group"
)

// File is the name of the database in the data directory.
const File = "bbbpool.db"

// DB is one file that keeps both groups of roles: it reads, writes and measures for them, and knows none of their records.
// It is safe for concurrent use.
type DB struct {
	bolt   *bbolt.DB
	path   string
	meter  *meter
	writer *group.Writer
	close  func() error
}

// state is the small group, and nothing but the roles that it is put together from.
type state struct {
	serverRole
	tenantRole
	tokenRole
	claimRole
	endingRole
	useRole
	waitRole
	wholeRole
	io.Closer
}

// index is the large group.
type index struct {
	keyRole
	sessionRole
	recordingRole
	catalogueRole
	importRole
	eventRole
	adminTokenRole
	auditRole
	usageRole
	erasureRole
	callbackRole
	hookRole
	analyticsRole
	wholeRole
	io.Closer
}

// State is the small group of roles. Closing it closes the database, and the other group with it.
func (db *DB) State() store.State {
	return state{
		serverRole{db},
		tenantRole{db},
		tokenRole{db},
		claimRole{db},
		endingRole{db},
		useRole{db},
		waitRole{db},
		wholeRole{db, true},
		db,
	}
}

// Index is the large group of roles. Closing it closes the database, and the other group with it.
func (db *DB) Index() store.Index {
	return index{
		keyRole{db},
		sessionRole{db},
		recordingRole{db},
		catalogueRole{db},
		importRole{db},
		eventRole{db},
		adminTokenRole{db},
		auditRole{db},
		usageRole{db},
		erasureRole{db},
		callbackRole{db},
		hookRole{db},
		analyticsRole{db},
		wholeRole{db, false},
		db,
	}
}

// Open opens the database in the directory dir and makes one readable by its owner alone if there is none. The error
// is [store.ErrLocked] while another process has it, and [store.ErrNewerSchema] if a newer version has written it. What
// is in its place and is no database of ours is refused and left alone: no pool begins anew by accident. All errors say
// what to do. Whoever opens it must close it.
func Open(dir string) (*DB, error) {
	path := filepath.Join(dir, File)
	opened, err := file.Open(path, func(tx *bbolt.Tx) error { return migrate(tx, 0) }, prepare)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	db := &DB{bolt: opened, path: path, meter: newMeter()}
	db.writer = group.Start(opened, db.meter.committed)
	db.close = sync.OnceValue(db.shutdown)
	return db, nil
}

// Close waits for the writes and reads that have begun and closes the file; those that wait, and all later ones,
// fail. Closing again does nothing and returns what the first call did.
func (db *DB) Close() error { return db.close() }

// shutdown is Close's work: it blocks until the writer and all readers are done.
func (db *DB) shutdown() error {
	db.writer.Stop()
	if err := db.bolt.Close(); err != nil {
		return fmt.Errorf("close the database: %w", err)
	}
	return nil
}

// read runs fn on a consistent view, which no write changes or waits for.
func (db *DB) read(ctx context.Context, op string, fn func(*bbolt.Tx) error) error {
	err := ctx.Err()
	if err == nil {
		err = file.Guard(func() error { return db.bolt.View(fn) })
	}
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	return nil
}

// write runs apply in a transaction that it may share, perhaps twice, and returns once that is on the disk.
func (db *DB) write(ctx context.Context, op string, apply func(*txn) error) error {
	err := db.writer.Do(ctx, func(t *group.Txn) error { return apply(&txn{t}) })
	if own, ok := errors.AsType[closureError](err); ok {
		return own.error
	}
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	return nil
}

// fetch is read for what fn finds; nothing where it fails.
func fetch[T any](ctx context.Context, db *DB, op string, fn func(*bbolt.Tx) (T, error)) (found T, err error) {
	err = db.read(ctx, op, func(tx *bbolt.Tx) (err error) {
		found, err = fn(tx)
		return err
	})
	return known(found, err)
}

// apply is write for what fn returns, of the run that counts; nothing where it fails.
func apply[T any](ctx context.Context, db *DB, op string, fn func(*txn) (T, error)) (done T, err error) {
	err = db.write(ctx, op, func(t *txn) (err error) {
		done, err = fn(t)
		return err
	})
	return known(done, err)
}

// known is a result, if there was no error.
func known[T any](result T, err error) (T, error) {
	if err != nil {
		var none T
		return none, err
	}
	return result, nil
}

// closureError is the error of a caller's closure, which goes back as it is.
type closureError struct{ error }

// ofClosure marks what a caller's closure has returned.
func ofClosure(err error) error {
	if err == nil {
		return nil
	}
	return closureError{err}
}

// txn is one write's part of a transaction, to which the buckets are known by their names.
type txn struct{ *group.Txn }

// get returns the value under a key, nil for none. It is good for as long as the transaction.
func (t *txn) get(name string, key []byte) []byte { return bucket(t.Tx, name).Get(key) }

// put writes a value, and refuses a key that bbolt would.
func (t *txn) put(name string, key, value []byte) error {
	if len(key) > bbolt.MaxKeySize {
		return fmt.Errorf("%w: %s: a key of %d bytes, the limit is %d", store.ErrTooLarge, keyed[name], len(key), bbolt.MaxKeySize)
	}
	t.Changing()
	return bucket(t.Tx, name).Put(key, value)
}

// delete removes a key.
func (t *txn) delete(name string, key []byte) error {
	t.Changing()
	return bucket(t.Tx, name).Delete(key)
}
