package lease

import (
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// watch is what an instance has seen of the lease.
type watch struct {
	lease store.Lease   // as it stood at the last look
	since time.Time     // since when it was seen to stand so, without a gap
	seen  time.Time     // when the last look ended; zero before the first
	last  store.Lease   // the last one that somebody held
	extra time.Duration // that this instance waits longer than it must, so that not all try at once
}

// saw notes what a look has found. One that comes after a gap begins the watch anew: what happened meanwhile, to a store that
// lost its last writes too, nobody has seen.
func (w *watch) saw(l store.Lease, at time.Time, lease, extra time.Duration) (moved bool) {
	moved = w.seen.IsZero() || l.Holder != w.lease.Holder || l.Epoch != w.lease.Epoch
	if moved || l != w.lease || at.Sub(w.seen) > lease {
		w.since, w.extra = at, extra
	}
	w.lease, w.seen = l, at
	if l.Holder != "" {
		w.last = l
	}
	return moved
}

// free is when an instance may take the lease that was seen, once it has stood still for so long; at once where that is over.
func (w *watch) free(id string, highest uint64, still time.Duration) time.Time {
	ours := w.last.Holder == id && w.last.Epoch >= highest
	switch {
	case w.lease.Holder == "" && w.lease.Epoch > 0: // it was given back
		return w.seen
	case ours && (w.lease.Holder == id || w.lease == store.Lease{}): // it was ours, and our term has ended
		return w.seen
	}
	return w.since.Add(still + w.extra)
}
