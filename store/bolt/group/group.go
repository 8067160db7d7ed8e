package group

import (
	"context"
	"errors"
	"runtime"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// maxGroup bounds how long the first of a group can wait for the others.
const maxGroup = 512

var (
	errAgain     = errors.New("run the group again")
	errUnchanged = errors.New("nothing to commit")
	errPanicked  = errors.New("the closure panicked")
)

// Writer is the one that writes to a database. It is safe for concurrent use.
type Writer struct {
	db        *bbolt.DB
	committed func(begun time.Time, err error)
	writes    chan *write   // unbuffered: a write that was received is picked up
	closing   chan struct{} // closed to stop the writer
	stopped   chan struct{} // closed by the writer
}

// Txn is one write's part of a transaction. It knows whether that part has changed anything.
type Txn struct {
	*bbolt.Tx
	changed bool
}

// Changing says that something is about to be changed. What fails afterwards leaves its group to be run again without it.
func (t *Txn) Changing() { t.changed = true }

// write is one caller's change on its way through the writer.
type write struct {
	apply    func(*Txn) error
	outcome  chan error
	err      error // of apply, in the run that counts
	panicked any   // what apply panicked with, for the caller to raise
	left     bool  // failed halfway and is left out
}

// Start begins to write to a database, which must stay open until Stop. Each transaction that has changed something is told
// to committed, with when it was begun and the disk's error.
func Start(db *bbolt.DB, committed func(begun time.Time, err error)) *Writer {
	w := &Writer{
		db: db, committed: committed,
		writes: make(chan *write), closing: make(chan struct{}), stopped: make(chan struct{}),
	}
	go w.loop()
	return w
}

// Stop waits for the writes that have begun; those that wait, and all later ones, fail. It may be called once.
func (w *Writer) Stop() {
	close(w.closing)
	<-w.stopped
}

// Do runs apply in a transaction that it may share, perhaps twice, and returns once that is on the disk. Until the writer has
// it ctx can end the wait; afterwards only the commit can.
func (w *Writer) Do(ctx context.Context, apply func(*Txn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	mine := &write{apply: apply, outcome: make(chan error, 1)}
	select {
	case w.writes <- mine:
	case <-ctx.Done():
		return ctx.Err()
	case <-w.closing:
		return berrors.ErrDatabaseNotOpen
	}
	err := <-mine.outcome
	if mine.panicked != nil {
		panic(mine.panicked)
	}
	return err
}

// loop commits one group after the other until it is stopped.
func (w *Writer) loop() {
	defer close(w.stopped)
	for {
		select {
		case first := <-w.writes:
			w.commit(w.gather(first))
		case <-w.closing:
			return
		}
	}
}

// gather takes everybody who waits. Callers that the last commit has just set free get to run first: they may be back
// with their next write, and would otherwise all miss this transaction but one.
func (w *Writer) gather(first *write) []*write {
	runtime.Gosched()
	group := []*write{first}
	for len(group) < maxGroup {
		select {
		case next := <-w.writes:
			group = append(group, next)
		default:
			return group
		}
	}
	return group
}

// commit writes a group in one transaction, which blocks for as long as the disk takes, and tells everyone in it the
// outcome.
func (w *Writer) commit(group []*write) {
	err, begun := errAgain, time.Now()
	for errors.Is(err, errAgain) {
		err = w.db.Update(func(tx *bbolt.Tx) error { return applyAll(tx, group) })
	}
	if errors.Is(err, errUnchanged) {
		err = nil
	} else {
		w.committed(begun, err)
	}
	for _, one := range group {
		if err != nil && !one.left {
			one.err = err
		}
		one.outcome <- one.err
	}
}

// applyAll runs the writes of a group, one after the other. It returns an error where the transaction must not be committed:
// because a write has failed halfway, which rolling back alone can undo, or because there is nothing in it, which spares the
// disk a sync.
func applyAll(tx *bbolt.Tx, group []*write) error {
	changed := false
	for _, one := range group {
		if one.left {
			continue
		}
		t := &Txn{Tx: tx}
		one.run(t)
		if one.err != nil && t.changed {
			one.left = true
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
func (one *write) run(t *Txn) {
	one.err, one.panicked = errPanicked, nil
	defer func() { one.panicked = recover() }()
	one.err = one.apply(t)
}
