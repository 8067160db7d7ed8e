package callbacks

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/bbbpool/bbbpool/api/callbacks/address"
	"github.com/bbbpool/bbbpool/api/callbacks/analysis"
	"github.com/bbbpool/bbbpool/store"
)

// While the history is away nobody can tell where analytics go of a meeting that is over, and servers send them once. So they
// are put off: they wait in the outbox under the address that they came in at, which is none that can be called, and get the
// one of the front end when the history is there again.

// putOffFor is how long what was put off is not looked at by whoever delivers. It is resolved long before that.
const putOffFor = 7 * 24 * time.Hour

// unresolved are the rows that this instance has put off, by when. They may be in a journal still.
type unresolved struct {
	mu    sync.Mutex
	since map[string]time.Time
}

// maxUnresolved bounds them; what is more is found in the store.
const maxUnresolved = 10_000

func (u *unresolved) add(id string, since time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.since == nil {
		u.since = map[string]time.Time{}
	}
	if len(u.since) < maxUnresolved {
		u.since[id] = since
	}
}

// take returns all of them, and leaves none.
func (u *unresolved) take() map[string]time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	all := u.since
	u.since = nil
	return all
}

// putOff keeps what a server has told until it can be told whom it is for.
func (c *Callbacks) putOff(ctx context.Context, p address.Place, told analysis.Told) error {
	if !c.hasRoom(p.Tenant, store.CallbackAnalytics, len(told.Body)) {
		return nil
	}
	row := c.newRow(store.CallbackAnalytics, p.MeetingKey, told.InternalID, c.Seal.URL("", p))
	row.ID, row.Body, row.Due = analyticsID(told, p), told.Body, row.Created.Add(putOffFor)
	if err := c.Index.AddCallbacks(ctx, row); err != nil {
		return err
	}
	c.unresolved.add(row.ID, row.Created)
	return nil
}

// Run resolves what was put off, here or by an instance that is gone, and deletes analytics that were kept for long enough,
// until ctx ends.
func (c *Callbacks) Run(ctx context.Context) error {
	ticker := time.NewTicker(pulse)
	defer ticker.Stop()
	var looked, cleaned time.Time
	for {
		if now := c.Now(); now.Sub(looked) >= finding {
			looked = now
			c.Find(ctx)
		}
		if now := c.Now(); now.Sub(cleaned) >= cleaning {
			cleaned = now
			if err := c.Clean(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, store.ErrAway) {
				c.Log.Error().Err(err).Msg("delete analytics that were kept for long enough")
			}
		}
		c.Resolve(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// foundPage is how many rows are read at once, which may be large.
const foundPage = 32

// Find looks for rows that others have put off. There may be any number of those that only wait for their front end.
func (c *Callbacks) Find(ctx context.Context) {
	filter := store.CallbackFilter{
		States: []store.CallbackState{store.CallbackWaiting}, Kinds: []store.CallbackKind{store.CallbackAnalytics}, Limit: foundPage,
	}
	for {
		rows, err := c.Index.Callbacks(ctx, filter)
		if err != nil {
			return // it is looked again
		}
		for _, row := range rows {
			c.PutOff(row)
		}
		if len(rows) < foundPage {
			return
		}
		filter.After = store.Callback{ID: rows[foundPage-1].ID, Created: rows[foundPage-1].Created}
	}
}

// PutOff tells whether it is not known yet where a callback goes, and has that found out soon: an operator wants it sent.
func (c *Callbacks) PutOff(row store.Callback) bool {
	is := strings.HasPrefix(row.URL, address.Path)
	if is {
		c.unresolved.add(row.ID, row.Created)
	}
	return is
}

// Resolve finds out where what was put off goes, as far as that can be told now.
func (c *Callbacks) Resolve(ctx context.Context) {
	for id, since := range c.unresolved.take() {
		switch err := c.resolve(ctx, id); {
		case err == nil:
		case errors.Is(err, store.ErrAway), ctx.Err() != nil, errors.Is(err, store.ErrNotFound) && c.Now().Sub(since) < putOffFor:
			c.unresolved.add(id, since)
		default:
			c.Log.Error().Err(err).Str("callback", id).Msg("find out where analytics go")
		}
	}
}

// resolve gives one row the address that it goes to. What nobody has asked for is done; what is about no meeting that is known
// is dead, so that somebody may look at it.
func (c *Callbacks) resolve(ctx context.Context, id string) error {
	row, err := c.Index.Callback(ctx, id)
	if err != nil {
		return err
	}
	p, foreign := c.Seal.Read(row.URL)
	if foreign != nil || row.State != store.CallbackWaiting {
		return nil //nolint:nilerr // it is resolved: its address is none of ours
	}
	told, err := analysis.Read(row.Body)
	if err != nil {
		return err
	}
	of, err := c.about(ctx, p, told)
	if errors.Is(err, ErrUnknown) || errors.Is(err, ErrForeign) {
		return c.settle(ctx, row, store.CallbackDead, err.Error())
	}
	if err != nil {
		return err
	}
	return c.redirect(ctx, row, p, told, of)
}

// redirect keeps what a row has, where that is wanted, and gives it its front end's address.
func (c *Callbacks) redirect(ctx context.Context, row store.Callback, p address.Place, told analysis.Told, of stay) error {
	body := told.For(p.MeetingID, c.restorer(of.back))
	if err := c.keep(ctx, p, told, body); err != nil {
		return err
	}
	asked, _ := of.back.Of(p.Meta())
	to, ok := c.goesTo(asked)
	if !ok {
		return c.settle(ctx, row, store.CallbackDone, "no front end has asked for it")
	}
	err := c.amend(ctx, row, func(now *store.Callback) {
		now.URL, now.Signer, now.Body, now.Due = to, of.signer, body, time.Time{}
	})
	c.nudge()
	return err
}

// settle ends a row that goes nowhere.
func (c *Callbacks) settle(ctx context.Context, row store.Callback, state store.CallbackState, outcome string) error {
	return c.amend(ctx, row, func(now *store.Callback) {
		now.State, now.Outcome = state, outcome
		if state == store.CallbackDone {
			now.Body = nil
		}
	})
}

// amend changes a row that was put off, unless another instance has resolved it meanwhile: it may have been sent since.
func (c *Callbacks) amend(ctx context.Context, row store.Callback, change func(now *store.Callback)) error {
	_, err := c.Index.UpdateCallback(ctx, row.ID, func(now *store.Callback) error {
		if now.State != store.CallbackWaiting || now.URL != row.URL {
			return errSettled
		}
		change(now)
		now.Changed = c.Now().UTC()
		return nil
	})
	if errors.Is(err, errSettled) {
		return nil
	}
	return err
}
