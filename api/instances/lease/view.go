package lease

import (
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// Leading tells whether this instance decides now. It looks at the clock: one that was stopped for a while knows at once.
func (k *Keeper) Leading() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.leads()
}

func (k *Keeper) leads() bool { return k.holds() && k.term.ready && !k.term.leaving }

// holds tells whether what this instance writes is taken. It must be called with the lock.
func (k *Keeper) holds() bool { return k.term != nil && !k.term.over && k.now().Before(k.term.until) }

// Held returns until when the lease of this instance may be used, and since when it has it; false where it has none.
func (k *Keeper) Held() (until, since time.Time, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.holds() {
		return until, since, false
	}
	return k.term.until, k.term.since, true
}

// Mine returns the lease under which this instance writes, once its term has begun and until it has ended: also while it is
// about to give it back, and new decisions are left to whoever comes next.
func (k *Keeper) Mine() (store.Lease, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.holds() || !k.term.ready {
		return store.Lease{}, false
	}
	return k.term.lease, true
}

// Leader returns who decides, as far as this instance knows, and a channel that is closed when that changes. Nobody does
// where its Holder is empty: because none has it, because the one that has it here is not ready, or is about to give it
// back, or because news of a later one has come by another way.
func (k *Keeper) Leader() (store.Lease, <-chan struct{}) {
	k.mu.Lock()
	defer k.mu.Unlock()
	l := k.watch.lease
	switch {
	case k.term != nil && !k.leads(), k.term == nil && (l.Holder == k.ID || l.Epoch < k.highest):
		return store.Lease{}, k.changed
	case k.term != nil:
		return k.term.lease, k.changed
	}
	return l, k.changed
}

// Highest is the largest epoch that this instance knows of.
func (k *Keeper) Highest() uint64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.highest
}

// Seen notes an epoch that was heard of elsewhere than in the store. A larger one than that of the lease makes the keeper
// look at once.
func (k *Keeper) Seen(epoch uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if epoch <= k.highest || epoch >= maxEpoch {
		return
	}
	k.highest = epoch
	if epoch > k.watch.lease.Epoch {
		k.tell()
		k.poke()
	}
}

// Look has the keeper look at once, as whoever hears that the lease was given back wants it to.
func (k *Keeper) Look() { k.poke() }

// Away is why the store did not answer at the last look; nil where it did.
func (k *Keeper) Away() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.away
}

// Terms is how many terms this instance has begun.
func (k *Keeper) Terms() uint64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.terms
}

// tell has everybody look again who waits for a change. It must be called with the lock.
func (k *Keeper) tell() {
	close(k.changed)
	k.changed = make(chan struct{})
}

// poke has Run make a step now.
func (k *Keeper) poke() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}
