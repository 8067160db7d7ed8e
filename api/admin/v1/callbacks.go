package v1

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Callback is something that a front end is told, or is to be.
type Callback struct {
	ID        string     `json:"id"`
	Kind      string     `json:"kind"` // "ended", "end", "ready", "analytics", "event"
	Tenant    string     `json:"tenant"`
	MeetingID string     `json:"meeting_id"`
	Subject   string     `json:"subject"` // the session, recording or event that it tells of
	Host      string     `json:"host"`
	URL       string     `json:"url"` // what stands in its query is "***" unless it is asked for
	Hook      string     `json:"hook"`
	State     string     `json:"state"` // "waiting", "dead", "done"
	Attempts  int        `json:"attempts"`
	Outcome   string     `json:"outcome"` // of the last attempt, or of what was done with it
	Signer    string     `json:"signer"`  // the name of the secret that signed the create
	Tried     []string   `json:"tried"`   // names of secrets that its receiver has not accepted
	Marks     string     `json:"marks"`   // of "end": "true", "false", or "" while nobody knows
	Reason    string     `json:"reason"`  // of an end
	Bytes     int        `json:"bytes"`   // that its body has
	Created   time.Time  `json:"created"`
	Due       *time.Time `json:"due"`     // not before; null for at once
	Until     *time.Time `json:"until"`   // given up then; null for the pool's own limit
	Changed   time.Time  `json:"changed"` // when it was tried last, or something was done with it
}

// CallbackFilter selects callbacks. The zero value selects the oldest.
type CallbackFilter struct {
	State, Kind string
	Tenant      string
	Meeting     string // its ID
	Host        string
	After       string // the ID of the last one of the page before
	Limit       int    // of a page; 0 is 100, and there are never more than 1,000
}

// CallbackRetry says which callbacks are to be tried at once: all that are dead or have failed, of one host if that is not "".
type CallbackRetry struct {
	Tenant string `json:"tenant,omitempty"`
	Host   string `json:"host,omitempty"`
}

// RetriedCallbacks is what has come of that.
type RetriedCallbacks struct {
	Count int `json:"count"`
}

// Callbacks are the calls about what front ends are told.
type Callbacks struct{ client *Client }

// List returns a page of the selected ones, the oldest first. The ID of the last one leads to the next page.
func (c Callbacks) List(ctx context.Context, f CallbackFilter) ([]Callback, error) {
	query := url.Values{}
	for name, value := range map[string]string{
		"state": f.State, "kind": f.Kind, "tenant": f.Tenant, "meeting": f.Meeting, "host": f.Host, "after": f.After,
	} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if f.Limit != 0 {
		query.Set("limit", strconv.Itoa(f.Limit))
	}
	return call[[]Callback](ctx, c.client, http.MethodGet, "/callbacks", query, nil)
}

// Show returns one; with its whole address if it is revealed.
func (c Callbacks) Show(ctx context.Context, id string, reveal bool) (Callback, error) {
	query := url.Values{}
	if reveal {
		query.Set("reveal", "true")
	}
	return call[Callback](ctx, c.client, http.MethodGet, "/callbacks/"+url.PathEscape(id), query, nil)
}

// Retry has one tried at once.
func (c Callbacks) Retry(ctx context.Context, id string) (Callback, error) {
	return call[Callback](ctx, c.client, http.MethodPost, "/callbacks/"+url.PathEscape(id)+"/retry", nil, nil)
}

// RetryAll has all of a selection tried at once.
func (c Callbacks) RetryAll(ctx context.Context, r CallbackRetry) (RetriedCallbacks, error) {
	return call[RetriedCallbacks](ctx, c.client, http.MethodPost, "/callbacks-retry", nil, r)
}

// Drop has one never sent.
func (c Callbacks) Drop(ctx context.Context, id string) (Callback, error) {
	return call[Callback](ctx, c.client, http.MethodPost, "/callbacks/"+url.PathEscape(id)+"/drop", nil, nil)
}
