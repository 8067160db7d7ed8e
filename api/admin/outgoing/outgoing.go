// Package outgoing is what operators see of what front ends are told, and what they do about it: list, show, retry, drop.
//
// It owns how a callback is shown: no body, and nothing of what stands in the query of an address unless somebody asks for it who
// may see secrets. It never sends anything, and decides about no callback: package outbox does both.
package outgoing

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/bbbpool/bbbpool/api/admin/access"
	"github.com/bbbpool/bbbpool/api/admin/confine"
	"github.com/bbbpool/bbbpool/api/admin/frame"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/callbacks/outbox"
	"github.com/bbbpool/bbbpool/store"
)

// Box has the callbacks.
type Box interface {
	// List returns the selected callbacks, oldest first.
	List(ctx context.Context, f store.CallbackFilter) ([]store.Callback, error)
	// Show returns one, or store.ErrNotFound.
	Show(ctx context.Context, id string) (store.Callback, error)
	// Retry has one tried at once. It returns what was and what is, store.ErrNotFound, or outbox.ErrDone.
	Retry(ctx context.Context, id string) (was, is store.Callback, err error)
	// RetryAll has all tried at once that are dead or have failed, and returns how many.
	RetryAll(ctx context.Context, s outbox.Selection) (int, error)
	// Drop has one never sent. It returns what Retry does.
	Drop(ctx context.Context, id string) (was, is store.Callback, err error)
}

// Callbacks shows what front ends are told.
type Callbacks struct{ Box Box }

// Routes are those about callbacks.
func (c *Callbacks) Routes() frame.Routes {
	return frame.Routes{
		"GET /callbacks":             frame.Own(c.list, confine.ByQuery(), access.Read),
		"GET /callbacks/{id}":        frame.Own(c.show, c.byID(), access.Read),
		"POST /callbacks/{id}/retry": frame.Own(c.retry, c.byID(), access.Operate),
		"POST /callbacks/{id}/drop":  frame.Own(c.drop, c.byID(), access.Operate),
		"POST /callbacks-retry":      frame.Own(c.retryAll, confine.ByBody(), access.Operate),
	}
}

// byID keeps those that see one tenant alone to what is that tenant's.
func (c *Callbacks) byID() confine.Rule {
	return confine.ByOwner(func(ctx context.Context, id string) (string, error) {
		row, err := c.one(ctx, id)
		return row.Tenant, err
	}, func(id string) error { return notFound(id) })
}

func notFound(id string) *v1.Error {
	return v1.NotFound("there is no callback %q: bbbpool callback list shows those there are", id)
}

func (c *Callbacks) one(ctx context.Context, id string) (store.Callback, error) {
	row, err := c.Box.Show(ctx, id)
	return row, refusal(id, err)
}

// refusal says in words what an error of the box means.
func refusal(id string, err error) error {
	switch {
	case errors.Is(err, store.ErrNotFound):
		return notFound(id)
	case errors.Is(err, outbox.ErrDone):
		return v1.Conflict("callback %s: %s", id, err)
	}
	return err
}

const (
	pageDefault = 100
	pageMost    = 1000
)

var (
	states = []store.CallbackState{store.CallbackWaiting, store.CallbackDead, store.CallbackDone}
	kinds  = []store.CallbackKind{
		store.CallbackEnded, store.CallbackEnd, store.CallbackReady, store.CallbackAnalytics, store.CallbackEvent,
	}
)

func (c *Callbacks) list(r *http.Request) (any, error) {
	query := r.URL.Query()
	filter := store.CallbackFilter{Tenant: query.Get("tenant"), MeetingID: query.Get("meeting")}
	var err error
	if filter.States, err = oneOf(query, "state", states); err != nil {
		return nil, err
	}
	if filter.Kinds, err = oneOf(query, "kind", kinds); err != nil {
		return nil, err
	}
	limit, err := frame.Number(r, "limit", pageDefault, 1, pageMost)
	if err != nil {
		return nil, err
	}
	if after := query.Get("after"); after != "" {
		if filter.After, err = c.one(r.Context(), after); err != nil {
			return nil, err
		}
		if filter.Tenant != "" && filter.After.Tenant != filter.Tenant {
			return nil, notFound(after)
		}
	}
	return c.page(r.Context(), filter, query.Get("host"), limit)
}

// oneOf reads a word of a query, of those there are.
func oneOf[W ~string](query url.Values, name string, words []W) ([]W, error) {
	word := W(query.Get(name))
	switch {
	case word == "":
		return nil, nil
	case slices.Contains(words, word):
		return []W{word}, nil
	}
	known := make([]string, 0, len(words))
	for _, w := range words {
		known = append(known, string(w))
	}
	return nil, v1.Invalid("%s %q: want one of %s", name, string(word), strings.Join(known, ", "))
}

// page reads as many as there are to be, of one host where one is named.
func (c *Callbacks) page(ctx context.Context, f store.CallbackFilter, host string, limit int) (any, error) {
	list := make([]v1.Callback, 0, 16) // never nil, which JSON would show as null
	for {
		f.Limit = min(limit, 128) // bodies come along
		rows, err := c.Box.List(ctx, f)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			if host != "" && !strings.EqualFold(host, outbox.HostOf(row)) {
				continue
			}
			if list = append(list, View(row, false)); len(list) == limit {
				return list, nil
			}
		}
		if len(rows) < f.Limit {
			return list, nil
		}
		f.After = rows[len(rows)-1]
	}
}

func (c *Callbacks) show(r *http.Request) (any, error) {
	reveal, err := frame.Flag(r, "reveal")
	if err != nil {
		return nil, err
	}
	row, err := c.one(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if reveal {
		frame.Logger(r).Info().Str("callback", row.ID).Msg("the whole address of a callback shown")
		return frame.Changed{Answer: View(row, true), Action: "show", Kind: "callback", Object: row.ID, Tenant: row.Tenant}, nil
	}
	return View(row, false), nil
}

func (c *Callbacks) retry(r *http.Request) (any, error) { return c.change(r, "retry", c.Box.Retry) }

func (c *Callbacks) drop(r *http.Request) (any, error) { return c.change(r, "drop", c.Box.Drop) }

// change does something with one callback.
func (c *Callbacks) change(
	r *http.Request, action string, do func(context.Context, string) (was, is store.Callback, err error),
) (any, error) {
	if err := frame.Read(r, &struct{}{}); err != nil {
		return nil, err
	}
	id := r.PathValue("id")
	was, is, err := do(context.WithoutCancel(r.Context()), id)
	if err != nil {
		return nil, refusal(id, err)
	}
	frame.Logger(r).Info().Str("callback", id).Str("kind", string(is.Kind)).Msg("callback: " + action)
	shown := View(is, false)
	return frame.Changed{
		Answer: shown, Action: action, Kind: "callback", Object: id, Tenant: is.Tenant, Before: View(was, false), After: shown,
	}, nil
}

func (c *Callbacks) retryAll(r *http.Request) (any, error) {
	var asked v1.CallbackRetry
	if err := frame.Read(r, &asked); err != nil {
		return nil, err
	}
	n, err := c.Box.RetryAll(r.Context(), outbox.Selection{Tenant: asked.Tenant, Host: asked.Host})
	if err != nil {
		return nil, err
	}
	answer := v1.RetriedCallbacks{Count: n}
	return frame.Changed{
		Answer: answer, Action: "retry", Kind: "callback", Object: asked.Host, Tenant: asked.Tenant, After: answer,
	}, nil
}

// View is a callback as operators see it; revealed it has its whole address.
func View(c store.Callback, reveal bool) v1.Callback {
	tried := c.Tried
	if tried == nil {
		tried = []string{}
	}
	return v1.Callback{
		ID: c.ID, Kind: string(c.Kind), Tenant: c.Tenant, MeetingID: c.MeetingID, Subject: c.Subject, Host: outbox.HostOf(c),
		URL: address(c.URL, reveal), Hook: c.Hook, State: shownAs(c.State), Attempts: c.Attempts, Outcome: c.Outcome, Signer: c.Signer,
		Tried: tried, Marks: c.Marks, Reason: c.Reason, Bytes: len(c.Body), Created: c.Created,
		Due: v1.Stamp(c.Due), Until: v1.Stamp(c.Until), Changed: c.Changed,
	}
}

// hidden stands for what is not shown.
const hidden = "***"

// address is an address without what may be secret in it: user and password, and what stands in its query, whose names remain.
func address(text string, reveal bool) string {
	if reveal {
		return text
	}
	u, err := url.Parse(text)
	if err != nil {
		return hidden
	}
	shown := u.Scheme + "://" + u.Host + u.EscapedPath()
	if u.RawQuery == "" {
		return shown
	}
	var fields []string
	for field := range strings.SplitSeq(u.RawQuery, "&") {
		name, _, valued := strings.Cut(field, "=")
		if !valued { // who knows whether that is a name
			name = hidden
		} else {
			name += "=" + hidden
		}
		fields = append(fields, name)
	}
	return shown + "?" + strings.Join(fields, "&")
}

// shownAs is a state as operators see it: whether something is forgotten sooner or later is nothing to them.
func shownAs(state store.CallbackState) string {
	if state.Settled() {
		state = store.CallbackDone
	}
	return string(state)
}
