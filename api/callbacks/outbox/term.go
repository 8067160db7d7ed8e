package outbox

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

const (
	lookEvery  = 3 * time.Second // for what other instances have written
	lookPause  = 50 * time.Millisecond
	lookBack   = 15 * time.Second // how much older than the newest a row may be that such a look finds
	wholeEvery = 30 * time.Second // a look at all of them, no more often
	wholeShare = 100              // nor for more than this part of the time
	tidyEvery  = 10 * time.Minute
	tidyMost   = 500                 // rows that are looked at, and deleted, in one transaction
	deadKeep   = 30 * 24 * time.Hour // how long dead ones are kept, which nobody has looked after
	pause      = time.Second         // while the store does not answer
	idleMost   = time.Minute
	pageMost   = 256
	pageBytes  = 4 << 20 // that a page should have, so that bodies do not fill the memory
)

// term is one run of an outbox.
type term struct {
	box     *Outbox
	woken   chan struct{} // the queue has changed
	workers sync.WaitGroup

	mu     sync.Mutex
	index  *index
	paused time.Time           // nothing is begun until then
	newest time.Time           // creation of the newest row that was seen
	page   int                 // rows of the next page
	kept   map[string]*outcome // of the term before: what receivers have said and could not be written
}

func newTerm(o *Outbox) *term {
	return &term{box: o, woken: make(chan struct{}, 1), index: newIndex(), page: 64, kept: o.kept}
}

// unwritten is what receivers have said for good and could not be written.
func (t *term) unwritten() map[string]*outcome {
	t.mu.Lock()
	defer t.mu.Unlock()
	left := t.kept // of rows that were not found again
	for id, e := range t.index.entries {
		if e.result != nil && e.result.state.Settled() {
			if left == nil {
				left = map[string]*outcome{}
			}
			left[id] = e.result
		}
	}
	return left
}

func (t *term) wake() {
	select {
	case t.woken <- struct{}{}:
	default:
	}
}

// sends begins attempts as they become due, until ctx ends.
func (t *term) sends(ctx context.Context) {
	for ctx.Err() == nil {
		timer := time.NewTimer(t.dispatch(ctx))
		select {
		case <-ctx.Done():
		case <-t.woken:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// dispatch begins all attempts that are due and have room, and returns when to look again.
func (t *term) dispatch(ctx context.Context) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.box.Now()
	if now.Before(t.paused) {
		return t.paused.Sub(now)
	}
	for e := t.index.take(now); e != nil; e = t.index.take(now) {
		l := e.lane
		t.workers.Go(func() { t.attempt(ctx, l, e) })
	}
	if q := t.index.queue; len(q) > 0 && t.index.busy < maxBusy {
		return min(max(q[0].next.Sub(now), time.Millisecond), idleMost)
	}
	return idleMost // somebody wakes us
}

// attempt makes an attempt, or writes the outcome of one that could not be written, and gives the lane back.
func (t *term) attempt(ctx context.Context, l *lane, e *entry) {
	r := e.result
	if r == nil {
		r = t.yields(ctx, e)
	}
	if r == nil {
		r = t.box.try(ctx, e.id)
	}
	var failed error
	if r != nil && r.write != nil {
		failed = t.box.write(ctx, e.id, r)
	}
	t.mu.Lock()
	t.settle(e, r, failed)
	t.index.finish(l, t.box.Now())
	t.index.place(l)
	t.counted()
	t.mu.Unlock()
	t.wake()
}

// settle puts an entry where its outcome wants it.
func (t *term) settle(e *entry, r *outcome, failed error) {
	e.result = nil
	now := t.box.Now()
	switch is := t.index.entries[e.id]; {
	case is != e && is != nil && failed != nil && r.state.Settled(): // somebody has changed it meanwhile; it is done all the same
		is.result, t.paused = r, now.Add(pause)
	case is != e: // or dropped it
	case r == nil: // the term ends
		e.next = now.Add(pause)
	case r.away != nil:
		e.next, t.paused = now.Add(pause), now.Add(pause)
	case failed != nil && !errors.Is(failed, store.ErrNotFound):
		e.result, e.next, t.paused = r, now.Add(pause), now.Add(pause)
	case failed != nil || r.gone || r.state.Settled():
		t.index.remove(e)
	case r.state == store.CallbackDead:
		e.changed = r.changed
		t.index.bury(e)
	default:
		e.next, e.refused, e.changed, e.tried = r.next, r.refused, r.changed, e.tried || r.write != nil
	}
}

// counted tells the outbox what there is.
func (t *term) counted() {
	t.box.waiting.Store(int64(len(t.index.entries)))
	t.box.bytes.Store(t.index.bytes)
	of := maps.Clone(t.index.of)
	t.box.tenants.Store(&of)
}

// scans finds rows, and takes away old ones, until ctx ends.
func (t *term) scans(ctx context.Context) {
	var wholeAt, tidyAt time.Time
	dead := false // those were read that are dead already
	for ctx.Err() == nil {
		now := t.box.Now()
		from := store.Callback{}
		whole := !now.Before(wholeAt)
		if !whole {
			from = t.recent()
		}
		begun := time.Now()
		ok := t.find(ctx, store.CallbackWaiting, from)
		if whole && ok {
			t.sweep(now)
			wholeAt = now.Add(max(wholeEvery, wholeShare*time.Since(begun)))
		}
		t.wake()
		dead = dead || t.find(ctx, store.CallbackDead, store.Callback{})
		if !now.Before(tidyAt) && t.tidy(ctx, now) {
			tidyAt = now.Add(tidyEvery)
		}
		t.rest(ctx, begun)
	}
}

func (t *term) sweep(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.index.sweep(now)
	t.kept = nil // what is in it and was not found does not wait any more
}

// rest waits until it is time to look again. However often somebody says that there is something, looks have a pause between
// them.
func (t *term) rest(ctx context.Context, begun time.Time) {
	timer := time.NewTimer(lookEvery)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-t.box.nudged:
		breath := time.NewTimer(lookPause - time.Since(begun))
		defer breath.Stop()
		select {
		case <-ctx.Done():
		case <-breath.C:
		}
	case <-timer.C:
	}
}

// recent is where a look at the newest begins. A clock that was set back writes what is older than the newest.
func (t *term) recent() store.Callback {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.newest.IsZero() {
		return store.Callback{}
	}
	return store.Callback{ID: "0", Created: earlier(t.newest, t.box.Now()).Add(-lookBack)}
}

// find reads the rows in a state behind one, and indexes those that are not; it tells whether it has read all of them.
func (t *term) find(ctx context.Context, state store.CallbackState, after store.Callback) bool {
	for ctx.Err() == nil {
		t.mu.Lock()
		limit := t.page
		t.mu.Unlock()
		rows, err := t.box.Store.Callbacks(ctx, store.CallbackFilter{States: []store.CallbackState{state}, After: after, Limit: limit})
		if err != nil {
			if ctx.Err() == nil && !errors.Is(err, store.ErrAway) {
				t.box.Log.Error().Err(err).Msg("callbacks cannot be read")
			}
			return false
		}
		if more := t.have(rows); !more || len(rows) < limit {
			return true
		}
		after = rows[len(rows)-1]
		after.Body = nil
	}
	return false
}

// have indexes rows, and tells whether there is room for more.
func (t *term) have(rows []store.Callback) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	defer t.counted()
	var bytes int64
	now := t.box.Now()
	for _, c := range rows {
		bytes += size(c)
		if t.index.entries[c.ID] == nil && !t.fits(c.State) {
			return false
		}
		t.know(c)
		if c.Created.After(t.newest) && c.State == store.CallbackWaiting && !c.Created.After(now) {
			t.newest = c.Created // one from the future, by a clock that is ahead, would hide those that come
		}
	}
	switch {
	case bytes > pageBytes:
		t.page = max(t.page/2, 4)
	case bytes < pageBytes/8:
		t.page = min(t.page*2, pageMost)
	}
	return true
}

// fits tells whether the index may have one more. Dead ones take no room from those that wait; the rest of the rows is found
// when there is room.
func (t *term) fits(state store.CallbackState) bool {
	n := t.index.waiting
	if state == store.CallbackDead {
		n = len(t.index.entries)
	}
	return n < t.box.Config.Max
}

// know has the index know a row as it is. One that was changed by others than us is due when it says.
func (t *term) know(c store.Callback) {
	e := t.index.entries[c.ID]
	switch {
	case e == nil:
		if e = t.index.add(c); !e.dead {
			e.result = t.kept[c.ID]
		}
		delete(t.kept, c.ID)
		return
	case e.result != nil || e.lane != nil && e.lane.busy == e:
		return
	case e.changed.Equal(c.Changed) && e.dead == (c.State == store.CallbackDead):
		return
	}
	t.index.remove(e)
	t.index.add(c)
}

// changed has the index know what an operator has made of a row. What its receiver has said for good stays said. One that was not
// found yet, and may have older ones before it that were not either, is left to whoever looks.
func (t *term) changed(c store.Callback) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.wake()
	defer t.mu.Unlock()
	e := t.index.entries[c.ID]
	if e == nil && c.Created.After(t.newest) {
		t.box.Nudge()
		return
	}
	if e != nil {
		t.index.remove(e) // one that is under way is written by its attempt only if it still waits
	}
	if !c.State.Settled() {
		is := t.index.add(c)
		if e != nil && e.result != nil && e.result.state.Settled() {
			is.result = e.result
		}
	}
	t.counted()
}

// tidy takes away what is done and old, and what has been dead for long. It tells whether all of it was.
func (t *term) tidy(ctx context.Context, now time.Time) bool {
	for _, old := range []struct {
		state store.CallbackState
		keep  time.Duration
	}{
		{store.CallbackDone, t.box.Config.Keep},
		{store.CallbackOver, t.box.keepOver()},
		{store.CallbackDead, max(deadKeep, t.box.Config.Keep+t.box.Config.RetryFor)},
	} {
		before := now.Add(-old.keep)
		if !t.forget(ctx, old.state, before) {
			return false
		}
		if old.state == store.CallbackDead {
			t.forgetDead(before)
		}
	}
	return true
}

// forget deletes the rows in a state that were there before a time and have not changed since. One that was delivered late is
// remembered from then on. It tells whether all of them are gone.
func (t *term) forget(ctx context.Context, state store.CallbackState, before time.Time) bool {
	for last := (store.Callback{}); ; {
		var err error
		if last, err = t.box.Store.DeleteCallbacks(ctx, state, before, last, tidyMost); err != nil || last.ID == "" {
			return err == nil
		}
	}
}

// keepOver is how long kinds are remembered that are soon forgotten.
func (o *Outbox) keepOver() (keep time.Duration) {
	for _, s := range o.senders {
		keep = max(keep, s.Keep)
	}
	return keep
}

// forgetDead takes dead ones out of the index that were deleted.
func (t *term) forgetDead(before time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range t.index.entries {
		if e.dead && e.created.Before(before) && e.changed.Before(before) {
			t.index.remove(e)
		}
	}
	t.counted()
}
