package lease

import (
	"context"
	"errors"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// begin has a term run under a lease that was taken by a call that began at start, or that the store is owed.
func (k *Keeper) begin(ctx context.Context, mine store.Lease, start time.Time, owed bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	t := &term{lease: mine, until: k.end(start), since: now, owed: owed, stop: stop, finished: make(chan struct{})}
	t.expiry = time.AfterFunc(max(0, t.until.Sub(now)), k.lapse)
	k.term, k.renewed, k.terms = t, start, k.terms+1
	k.highest = max(k.highest, mine.Epoch)
	if owed {
		k.Log.Warn().Uint64("epoch", mine.Epoch).
			Msg("the shared store does not answer, and this is the only instance: it leads without a lease")
	} else {
		k.watch.saw(mine, now, k.Time, 0)
		k.Log.Info().Uint64("epoch", mine.Epoch).Msg("this instance has the lease: it leads")
	}
	k.tell()
	go func() {
		defer k.poke()
		defer close(t.finished)
		defer stop()
		t.err = k.Term(run, Tenure{Epoch: mine.Epoch, Ready: func() { k.ready(t) }})
	}()
}

// ready notes that a term has begun to decide.
func (k *Keeper) ready(t *term) {
	k.mu.Lock()
	defer k.mu.Unlock()
	t.ready = true
	k.tell()
}

// lapse ends a term whose lease has run out, unless there is nobody else and the store does not answer. The timer of the term
// calls it, and every step.
func (k *Keeper) lapse() {
	alone := k.Alone != nil && k.Alone()
	k.mu.Lock()
	t, now := k.term, k.now()
	if t == nil || t.over {
		k.mu.Unlock()
		return
	}
	if alone && k.away != nil && now.Sub(t.until) < k.Time { // else it was stopped, and who knows what happened meanwhile
		t.until = k.end(now)
		t.expiry.Reset(t.until.Sub(now))
		k.tell()
	}
	out := !now.Before(t.until)
	k.mu.Unlock()
	if out {
		k.lose(t, "it could not be renewed in time")
	}
}

// lose ends a term: what runs in it is stopped, and nothing that it writes is taken any more.
func (k *Keeper) lose(t *term, why string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if t.over {
		return
	}
	t.over = true
	t.expiry.Stop()
	t.stop()
	k.tell()
	k.Log.Warn().Uint64("epoch", t.lease.Epoch).Str("why", why).Msg("this instance has lost the lease, and follows")
}

// conclude takes away a term that has ended. One that ended by itself had a fault: its lease is given back, and others have
// time to take it.
func (k *Keeper) conclude(ctx context.Context, t *term) time.Time {
	k.mu.Lock()
	lost := t.over
	t.over = true
	t.expiry.Stop()
	k.mu.Unlock()
	if t.err != nil && !errors.Is(t.err, context.Canceled) {
		k.Log.Error().Err(t.err).Uint64("epoch", t.lease.Epoch).Msg("a term has failed")
	}
	if !lost {
		k.drop(ctx, t)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if !lost || t.err != nil {
		k.rest = k.now().Add(k.Time)
	}
	k.term = nil
	k.tell()
	return k.now()
}

// errNotLeading is for a step down of an instance that has nothing to step down from.
var errNotLeading = errors.New("this instance does not lead")

// StepDown gives the lease to others: from now on nothing new is decided here, settle waits for what is under way, the term
// ends, and the lease is given back. It is left to others for one lease time.
func (k *Keeper) StepDown(ctx context.Context, settle func(context.Context)) error {
	k.mu.Lock()
	t := k.term
	if t == nil || t.over || t.leaving {
		k.mu.Unlock()
		return errNotLeading
	}
	t.leaving = true
	k.rest = k.now().Add(2 * k.Time)
	k.tell()
	k.Log.Info().Uint64("epoch", t.lease.Epoch).Msg("this instance steps down")
	k.mu.Unlock()
	if settle != nil {
		settle(ctx)
	}
	k.finish(ctx, t)
	return nil
}

// giveBack ends the term that runs, if there is one, and gives its lease back.
func (k *Keeper) giveBack(ctx context.Context) {
	k.mu.Lock()
	t := k.term
	if t != nil {
		t.leaving = true
		k.tell()
	}
	k.mu.Unlock()
	if t != nil {
		k.finish(ctx, t)
		<-t.finished // what it leans on is closed next
		k.mu.Lock()
		k.term = nil
		k.mu.Unlock()
	}
}

// endWithin is how long a term may take to end until its lease is given back all the same.
const endWithin = 2 * time.Second

// finish ends a term, waits until it has, and gives the lease back if it was not lost. Meanwhile it is renewed by steps, or
// runs out. One that takes long, as with work on a disk that hangs, loses the lease before it has ended: nothing that it does is
// worth that nobody decides for as long, and what it writes from then on is refused.
func (k *Keeper) finish(ctx context.Context, t *term) {
	t.stop()
	timer := time.NewTimer(endWithin)
	defer timer.Stop()
	select {
	case <-t.finished:
	case <-timer.C:
	case <-ctx.Done():
	}
	if !isClosed(t.finished) {
		k.Log.Warn().Uint64("epoch", t.lease.Epoch).Msg("a term takes long to end: its lease is given back before it has")
	}
	k.mu.Lock()
	lost := t.over
	t.over = true
	t.expiry.Stop()
	k.rest = k.now().Add(k.Time)
	k.mu.Unlock()
	if !lost {
		k.drop(ctx, t)
	}
	k.poke()
}

// drop gives a lease back that is not used any more, and tells others.
func (k *Keeper) drop(ctx context.Context, t *term) {
	call, cancel := context.WithTimeout(context.WithoutCancel(ctx), k.Time/tries)
	defer cancel()
	k.mu.Lock()
	mine := t.lease
	k.mu.Unlock()
	if err := k.Leases.DropLease(call, mine); err != nil {
		k.Log.Warn().Err(err).Msg("the lease was not given back: others wait for it to run out")
		return
	}
	if k.Told != nil {
		k.Told()
	}
}

func (k *Keeper) isOver(t *term) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return t.over
}
