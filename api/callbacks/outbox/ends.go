package outbox

import (
	"context"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// This file has ends told before what came of their meetings. Who counts recordings in the making, as Greenlight does, counts one
// more at an end with marks, and one less at a recording that is there: the other way round it counts one for ever. Both go to
// addresses of their own, so a front end that was away for hours would hear of them in whatever order their pauses end.

const (
	endFirst = time.Second // how long an end has for its attempt, before the recording is told of
	maxEnds  = 20          // that are looked at: those of one room that wait
)

// yields has an end that waits tried once before a recording of its room is told of at the same host, whatever comes of that. It
// returns nil where there is none, or it has had its turn: an end that nobody takes holds up no recording.
func (t *term) yields(ctx context.Context, e *entry) *outcome {
	if e.kind != store.CallbackReady || e.yielded {
		e.yielded = false
		return nil
	}
	c, err := t.box.Store.Callback(ctx, e.id)
	if err != nil || c.State != store.CallbackWaiting || c.Due.After(t.box.Now()) {
		return nil
	}
	ends, err := t.box.Store.Callbacks(ctx, store.CallbackFilter{
		States: []store.CallbackState{store.CallbackWaiting}, Tenant: c.Tenant, MeetingID: c.MeetingID,
		Kinds: []store.CallbackKind{store.CallbackEnd}, Limit: maxEnds,
	})
	if err != nil {
		return nil
	}
	var until time.Time
	for _, end := range ends {
		if end.Created.After(c.Created) || hostOf(end.URL) != e.host || laneOf(end) == laneOf(c) {
			continue
		}
		if at := t.hurry(ctx, end).Add(endFirst); at.After(until) {
			until = at
		}
	}
	if until.IsZero() {
		return nil
	}
	e.yielded = true
	return &outcome{state: c.State, next: until, changed: c.Changed}
}

// hurry has an end tried now, and returns when it is: one that was not tried yet waits for its marks, and keeps to that.
func (t *term) hurry(ctx context.Context, end store.Callback) time.Time {
	now := t.box.Now()
	if !end.Due.After(now) {
		return now
	}
	if end.Attempts == 0 {
		return end.Due
	}
	changed := now.UTC().Truncate(time.Millisecond)
	is, err := t.box.Store.UpdateCallback(ctx, end.ID, func(c *store.Callback) error {
		if c.State != store.CallbackWaiting {
			return errSettled
		}
		c.Due, c.Changed = time.Time{}, changed
		return nil
	})
	if err == nil {
		t.changed(is)
	}
	return now
}
