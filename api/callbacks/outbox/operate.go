package outbox

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// ErrDone is that there is nothing to be sent again: it was delivered, ended by its receiver, or dropped.
var ErrDone = errors.New("it is done: nothing is kept of it that could be sent again")

// List returns callbacks, oldest first.
func (o *Outbox) List(ctx context.Context, f store.CallbackFilter) ([]store.Callback, error) {
	return o.Store.Callbacks(ctx, f)
}

// Show returns one, or store.ErrNotFound.
func (o *Outbox) Show(ctx context.Context, id string) (store.Callback, error) {
	return o.Store.Callback(ctx, id)
}

// Retry has one that waits or is dead tried at once, and again for as long as a new one. It returns what was before and what is,
// [ErrDone] or store.ErrNotFound.
func (o *Outbox) Retry(ctx context.Context, id string) (was, is store.Callback, err error) {
	now := o.Now().UTC().Truncate(time.Millisecond)
	is, err = o.Store.UpdateCallback(ctx, id, func(c *store.Callback) error {
		was = *c
		if c.State.Settled() {
			return ErrDone
		}
		if now.Add(o.Config.RetryFor).After(o.limit(*c)) {
			c.Until = now.Add(o.Config.RetryFor)
		}
		c.State, c.Due, c.Tried, c.Changed = store.CallbackWaiting, time.Time{}, nil, now
		return nil
	})
	if err != nil {
		return was, is, err
	}
	o.term.Load().changed(is)
	return was, is, nil
}

// Selection are those that an operator means. The zero value is all.
type Selection struct {
	Tenant string
	Host   string // as it is listed, with its port where it has one
}

// RetryAll has all of a selection tried at once that are dead or have failed, and returns how many.
func (o *Outbox) RetryAll(ctx context.Context, s Selection) (n int, err error) {
	after := store.Callback{}
	for {
		rows, err := o.Store.Callbacks(ctx, store.CallbackFilter{
			States: []store.CallbackState{store.CallbackWaiting, store.CallbackDead}, Tenant: s.Tenant, After: after, Limit: pageMost / 4,
		})
		if err != nil {
			return n, err
		}
		for _, c := range rows {
			if !s.means(c) {
				continue
			}
			_, _, err := o.Retry(ctx, c.ID)
			switch {
			case err == nil:
				n++
			case !errors.Is(err, ErrDone) && !errors.Is(err, store.ErrNotFound): // which it has become meanwhile
				return n, err
			}
		}
		if len(rows) < pageMost/4 {
			return n, nil
		}
		after = store.Callback{ID: rows[len(rows)-1].ID, Created: rows[len(rows)-1].Created}
	}
}

// means tells whether a callback is meant: what was not tried yet is due anyway.
func (s Selection) means(c store.Callback) bool {
	return (s.Host == "" || strings.EqualFold(s.Host, hostOf(c.URL))) && (c.State == store.CallbackDead || c.Outcome != "")
}

// Drop has one that waits or is dead never sent. That it was dropped stays known for a while, so that it is not told after all.
func (o *Outbox) Drop(ctx context.Context, id string) (was, is store.Callback, err error) {
	now := o.Now().UTC().Truncate(time.Millisecond)
	is, err = o.Store.UpdateCallback(ctx, id, func(c *store.Callback) error {
		was = *c
		if c.State.Settled() {
			return ErrDone
		}
		c.State, c.Outcome, c.Body, c.Changed = o.settledAs(c.Kind), "dropped by an operator", nil, now
		return nil
	})
	if err != nil {
		return was, is, err
	}
	o.counts.add(is.Kind, "dropped")
	o.term.Load().changed(is)
	return was, is, nil
}

// HostOf is the host that a callback goes to, as a selection names it.
func HostOf(c store.Callback) string { return hostOf(c.URL) }
