package bolt

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/bbbpool/bbbpool/store"
)

// maxGroup bounds how long the first of a group can wait for the others.
const maxGroup = 512

var (
	errAgain     = errors.New("run the group again")
	errUnchanged = errors.New("nothing to commit")
	errPanicked  = errors.New("the closure panicked")
)

// This file is group commit; doc.go says why writes go this way.

// write is one caller's change on its way through the writer.
type write struct {
	apply    func(*txn) error
	outcome  chan error
	err      error // of apply, in the run that counts
	panicked any   // what apply panicked with, for the caller to raise
	left     bool  // failed halfway and is left out
}

// submit hands a change to the writer and waits for its outcome. Until the writer has it ctx can end the wait; afterwards
// only the commit can.
func (db *DB) submit(ctx context.Context, apply func(*txn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w := &write{apply: apply, outcome: make(chan error, 1)}
	select {
	case db.writes <- w:
	case <-ctx.Done():
		return ctx.Err()
	case <-db.closing:
		return berrors.ErrDatabaseNotOpen
	}
	err := <-w.outcome
	if w.panicked != nil {
		panic(w.panicked)
	}
	return err
}

// commitLoop is the writer: it commits one group after the other until the database is closed.
func (db *DB) commitLoop() {
	defer close(db.stopped)
	for {
		select {
		case first := <-db.writes:
			db.commit(db.gather(first))
		case <-db.closing:
			return
		}
	}
}

// gather takes everybody who waits. Callers that the last commit has just set free get to run first: they may be back
// with their next write, and would otherwise all miss this transaction but one.
func (db *DB) gather(first *write) []*write {
	runtime.Gosched()
	group := []*write{first}
	for len(group) < maxGroup {
		select {
		case w := <-db.writes:
			group = append(group, w)
		default:
			return group
		}
	}
	return group
}

// commit writes a group in one transaction, which blocks for as long as the disk takes, and tells everyone in it the
// outcome.
func (db *DB) commit(group []*write) {
	err, begun := errAgain, time.Now()
	for errors.Is(err, errAgain) {
		err = db.bolt.Update(func(tx *bbolt.Tx) error { return applyAll(tx, group) })
	}
	if errors.Is(err, errUnchanged) {
		err = nil
	} else {
		db.meter.committed(begun, err)
	}
	for _, w := range group {
		if err != nil && !w.left {
			w.err = err
		}
		w.outcome <- w.err
	}
}

// applyAll runs the writes of a group, one after the other. It returns an error where the transaction must not be committed:
// because a write has failed halfway, which rolling back alone can undo, or because there is nothing in it, which spares the
// disk a sync.
func applyAll(tx *bbolt.Tx, group []*write) error {
	changed := false
	for _, w := range group {
		if w.left {
			continue
		}
		t := &txn{Tx: tx}
		w.run(t)
		if w.err != nil && t.changed {
			w.left = true
			return errAgain
		}
		changed = changed || t.changed
	}
	if !changed {
		return errUnchanged
	}
	return nil
}

// run calls the closure, and keeps its error or what it panicked with.
func (w *write) run(t *txn) {
	w.err, w.panicked = errPanicked, nil
	defer func() { w.panicked = recover() }()
	w.err = w.apply(t)
}

// txn is one write's part of a transaction. It knows whether that part has changed anything.
type txn struct {
	*bbolt.Tx
	changed bool
}

// get returns the value under a key, nil for none. It is good for as long as the transaction.
func (t *txn) get(name string, key []byte) []byte { return bucket(t.Tx, name).Get(key) }

// put writes a value, and refuses a key that bbolt would.
func (t *txn) put(name string, key, value []byte) error {
	if len(key) > bbolt.MaxKeySize {
		return fmt.Errorf("%w: %s: a key of %d bytes, the limit is %d", store.ErrTooLarge, keyed[name], len(key), bbolt.MaxKeySize)
	}
	t.changed = true
	return bucket(t.Tx, name).Put(key, value)
}

// delete removes a key.
func (t *txn) delete(name string, key []byte) error {
	t.changed = true
	return bucket(t.Tx, name).Delete(key)
}
