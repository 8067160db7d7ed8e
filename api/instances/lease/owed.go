package lease

import (
	"context"
	"errors"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// This file has what is so where the store is away when an instance starts. One that is known to be alone leads then, by a lease
// that the store has not got: it is owed. Nothing can be written to the store under it, so whoever leads keeps what it decides
// for later. The store gets the lease as soon as it answers, if nobody else has led since.

// without is what a look does that the store has not answered. One that has never answered this process is waited for as long as
// others may think that they lead. It returns when to look again.
func (k *Keeper) without(ctx context.Context, now time.Time) time.Time {
	again := now.Add(k.Time / beats)
	k.mu.Lock()
	if k.missing.IsZero() && k.watch.seen.IsZero() {
		k.missing = now
	}
	due := k.term == nil && !k.missing.IsZero() && now.Sub(k.missing) >= k.Time && !now.Before(k.rest)
	k.mu.Unlock()
	if !due || k.Alone == nil || !k.Alone() {
		return again
	}
	mine, err := k.next(store.Lease{})
	if err != nil {
		k.missed(err)
		return again
	}
	k.begin(ctx, mine, now, true)
	return again
}

// claim gives the store a lease that it is owed. It must stand there as an earlier process of this data directory has left it, or
// be nobody's: whoever else has led since the store was last seen knows what this instance does not.
func (k *Keeper) claim(ctx context.Context, t *term, start time.Time) time.Time {
	next := start.Add(k.Time / beats)
	was, err := k.Leases.Lease(ctx)
	if err == nil {
		k.mu.Lock()
		ours := was.Epoch < t.lease.Epoch && (was.Holder == "" || was.Epoch == k.former)
		k.mu.Unlock()
		if !ours {
			k.lose(t, "another has led while the store could not be seen from here")
			return k.now()
		}
		err = k.Leases.TakeLease(ctx, was, t.lease)
	}
	switch {
	case errors.Is(err, store.ErrConflict):
		return k.now() // somebody was faster: see who
	case err != nil:
		k.missed(err)
		k.lapse()
		return next
	}
	k.mu.Lock()
	t.owed, k.missing = false, time.Time{}
	k.mu.Unlock()
	k.extend(t, t.lease, start)
	k.Log.Info().Uint64("epoch", t.lease.Epoch).Msg("the shared store answers, and has the lease of this instance")
	return next
}

// Owes tells whether this instance leads by a lease that the store has not got yet.
func (k *Keeper) Owes() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.term != nil && !k.term.over && k.term.owed
}
