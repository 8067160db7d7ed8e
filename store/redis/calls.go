package redis

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/bbbpool/bbbpool/store"
)

// maxBlob bounds what one call sends: Redis takes half a gigabyte at most.
const maxBlob = 256 << 20

// Errors of calls.
var (
	errClosed  = errors.New("the store is closed")
	errChanged = errors.New("others changed it all the time")
)

// closureError is the error of a caller's closure, which goes back as it is.
type closureError struct{ error }

// ofClosure marks what a caller's closure has returned.
func ofClosure(err error) error {
	if err == nil {
		return nil
	}
	return closureError{err}
}

// within runs a call, which has a deadline, and says of its error what was done to what.
func (db *DB) within(ctx context.Context, timeouts int, op string, call func(context.Context) error) error {
	err := ctx.Err()
	switch {
	case err != nil:
	case db.done.Load():
		err = errClosed
	default:
		if away := db.there(ctx); away != nil {
			return away // it says what was tried
		}
		err = db.bounded(ctx, time.Duration(timeouts)*db.config.Timeout, call)
	}
	if own, ok := errors.AsType[closureError](err); ok {
		return own.error
	}
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	return nil
}

func (db *DB) bounded(ctx context.Context, timeout time.Duration, call func(context.Context) error) error {
	begun := time.Now()
	inner, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err := call(inner)
	gone := ctx.Err()
	if errors.Is(err, store.ErrAway) && errors.Is(gone, context.Canceled) {
		return gone // who has given up learns nothing of the server, and neither do we
	}
	db.meter.called(begun, err)
	if errors.Is(err, store.ErrAway) && gone != nil {
		return fmt.Errorf("%w: %w", err, gone)
	}
	return err
}

// await ends when ctx does, whatever the client waits for: behind sentinels it waits for others that wait, without an end.
func await[T any](ctx context.Context, call func() (T, error)) (answer T, err error) {
	type outcome struct {
		answer T
		err    error
	}
	done := make(chan outcome, 1)
	go func() {
		answer, err := call()
		done <- outcome{answer, err}
	}()
	select {
	case o := <-done:
		return o.answer, o.err
	case <-ctx.Done():
		return answer, ctx.Err()
	}
}

// look runs commands that read, as of one moment. With sum it tells their sum.
func (db *DB) look(ctx context.Context, reads commands, sum bool) (list []any, digest string, err error) {
	mode := ""
	if sum {
		mode = "sum"
	}
	ask := func() ([]any, error) { return lookScript.Run(ctx, db.client, nil, reads.blob, mode).Slice() }
	reply, err := await(ctx, ask)
	if err != nil && broken(err) && ctx.Err() == nil { // the connection was an old one; to ask again does no harm
		reply, err = await(ctx, ask)
	}
	if err != nil {
		return nil, "", away(err)
	}
	return replies(part(reply, 1)), text(part(reply, 0)), nil
}

// guard says what a write is compared with.
type guard struct {
	fenced bool     // with the lease
	sum    string   // of what these read; "" for no matter what
	reads  commands //
	silent bool     // it does not count: it is no record
}

// write writes, all or nothing. It reports false where what was read has changed meanwhile.
func (db *DB) write(ctx context.Context, g guard, writes commands) (bool, error) {
	if len(writes.blob)+len(g.reads.blob) > maxBlob {
		return false, fmt.Errorf("%w: %d bytes, the limit is %d", store.ErrTooLarge, len(writes.blob), maxBlob)
	}
	var lease held
	if g.fenced {
		mine := db.mine.Load()
		if mine == nil {
			return false, store.ErrFenced
		}
		lease = *mine
	}
	seen := ""
	if !g.silent {
		seen = strconv.FormatUint(db.seen.Load(), 10)
	}
	written := strconv.FormatUint(db.written.Load(), 10)
	keys := []string{db.key(leaseKey), db.key(sequenceKey)}
	args := []any{lease.holder, lease.epoch, g.sum, g.reads.blob, writes.blob, seen, written}
	reply, err := await(ctx, func() ([]any, error) { return writeScript.Run(ctx, db.client, keys, args...).Slice() })
	if err != nil {
		return false, away(err)
	}
	switch text(part(reply, 0)) {
	case "done":
		db.noteWrite(g, number(part(reply, 1)), truth(part(reply, 2)))
		return true, nil
	case "fenced":
		return false, store.ErrFenced
	case "type":
		return false, fmt.Errorf("the key %.100q has another type than ours: somebody has put it there", text(part(reply, 1)))
	}
	db.meter.again.Add(1)
	return false, nil
}

// noteWrite keeps the sequence of a write that counts.
func (db *DB) noteWrite(g guard, sequence uint64, back bool) {
	if g.silent {
		return
	}
	db.noteSequence(sequence, back)
	if g.fenced && !back {
		raise(&db.written, sequence)
	}
}

// plan makes writes of what was read. It may run more than once.
type plan func(list []any) (commands, error)

// change reads, and writes what plan makes of it, if that is so still; otherwise it begins anew.
func (db *DB) change(ctx context.Context, g guard, reads commands, try plan) error {
	for wait := time.Millisecond; ; wait = min(2*wait, 32*time.Millisecond) {
		list, sum, err := db.look(ctx, reads, true)
		if err != nil {
			return err
		}
		writes, err := try(list)
		if err != nil {
			return err
		}
		g.sum, g.reads = sum, reads
		done, err := db.write(ctx, g, writes)
		if done || err != nil {
			return err
		}
		if err := pause(ctx, rand.N(wait)); err != nil {
			return fmt.Errorf("%w: %w", store.ErrAway, errChanged)
		}
	}
}

// pause waits, unless ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// broken tells whether a connection broke, and no more: neither did the server refuse anything, nor was time over.
func broken(err error) bool {
	timeout, isNet := errors.AsType[net.Error](err)
	return errors.Is(err, io.EOF) || isNet && !timeout.Timeout()
}

// away says of an error of the client what it is to callers.
func away(err error) error {
	if errors.Is(err, goredis.ErrClosed) {
		return errClosed
	}
	if strings.Contains(err.Error(), "WRONGTYPE") {
		return fmt.Errorf("a key has another type than ours, somebody has put it there: %w", err)
	}
	return fmt.Errorf("%w: %w", store.ErrAway, err)
}
