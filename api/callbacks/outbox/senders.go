package outbox

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/api/callbacks/signing"
	"github.com/bbbpool/bbbpool/store"
)

// Verdict is how an answer is understood.
type Verdict int

// The verdicts.
const (
	Again     Verdict = iota // it is tried again
	Delivered                // it was taken
	Ended                    // its receiver wants no more of it
	Unsigned                 // the signature was not accepted, perhaps: the tenant's other secrets are tried
)

// Sender is how callbacks of a kind are sent. What is nil is as for all.
type Sender struct {
	// Request makes the request of an attempt. Method, address, header and body are its own; the outbox adds who sends it, and its
	// idempotency key. The secret is the zero value for what is not signed.
	Request func(ctx context.Context, c store.Callback, to *url.URL, secret store.TenantSecret, t Tenant) (*http.Request, error)
	// Signed tells that it needs a secret. Without a valid one it waits.
	Signed bool
	// Judge understands a status; see Judge.
	Judge func(status int) Verdict
	// Retry is how long to wait after a failure, and whether it is given up instead; Attempts has counted the failure already.
	Retry func(c store.Callback) (wait time.Duration, giveUp bool)
	// GaveUp is called when one was given up, once that is written.
	GaveUp func(c store.Callback)
	// Drops tells that what was given up is not kept for somebody to retry.
	Drops bool
	// Keep is how long after it was written a row is remembered that is done, where that need not be as long as for others; it is
	// in the state store.CallbackOver then.
	Keep time.Duration
}

// ErrUnwanted is returned by Request for what nobody wants any more: it is dropped.
var ErrUnwanted = errors.New("nobody wants it any more")

// Judge understands a status as BigBlueButton's documentation has it.
func Judge(status int) Verdict {
	switch {
	case status >= 200 && status < 300:
		return Delivered
	case status == http.StatusNotFound || status == http.StatusGone:
		return Ended
	case status == http.StatusRequestTimeout || status == http.StatusTooEarly || status == http.StatusTooManyRequests:
		return Again
	case status >= 400 && status < 500:
		return Unsigned
	}
	return Again
}

// own are the kinds that BigBlueButton itself calls.
func (o *Outbox) own() map[store.CallbackKind]Sender {
	return map[store.CallbackKind]Sender{
		store.CallbackEnded:     {Request: ended},
		store.CallbackEnd:       {Request: end},
		store.CallbackReady:     {Request: ready, Signed: true},
		store.CallbackAnalytics: {Request: o.analytics, Signed: true},
	}
}

// ended calls meetingEndedURL as it stands.
func ended(
	ctx context.Context, c store.Callback, to *url.URL, _ store.TenantSecret, _ Tenant,
) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, to.String(), http.NoBody)
	if err == nil {
		reason(req, c)
	}
	return req, err
}

// end calls meta_endCallbackUrl, with what BigBlueButton adds to its query behind what stands there.
// Where its server has not told of marks, there are none for all that is known: BigBlueButton shows nobody else whether there
// were, and a front end that counts recordings in the making would wait for one for ever.
func end(ctx context.Context, c store.Callback, to *url.URL, _ store.TenantSecret, _ Tenant) (*http.Request, error) {
	with := *to
	added := "recordingmarks=" + url.QueryEscape(cmp.Or(c.Marks, "false")) + "&meetingID=" + url.QueryEscape(c.MeetingID)
	if with.RawQuery != "" {
		added = strings.TrimSuffix(with.RawQuery, "&") + "&" + added
	}
	with.RawQuery = added
	return ended(ctx, c, &with, store.TenantSecret{}, Tenant{})
}

// reason says why a meeting is over. BigBlueButton's own form has no place for it.
func reason(req *http.Request, c store.Callback) {
	word := strings.Map(func(r rune) rune {
		if r == '-' || r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, c.Reason)
	if word != "" {
		req.Header.Set("Bbbpool-Reason", word[:min(len(word), 32)])
	}
}

// ready tells of a recording as the script on a server does.
func ready(
	ctx context.Context, c store.Callback, to *url.URL, secret store.TenantSecret, t Tenant,
) (*http.Request, error) {
	token, err := signing.Recording(c.MeetingID, recordID(c), secret.Secret, t.Algorithm)
	if err != nil {
		return nil, err
	}
	form := url.Values{"signed_parameters": {token}}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.String(), strings.NewReader(form))
	if err == nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return req, err
}

// recordID is the recording that a row tells of: the first word of its subject, behind which formats may stand.
func recordID(c store.Callback) string {
	id, _, _ := strings.Cut(c.Subject, " ")
	return id
}

// analytics passes on what a server has told of who did what.
func (o *Outbox) analytics(
	ctx context.Context, c store.Callback, to *url.URL, secret store.TenantSecret, t Tenant,
) (*http.Request, error) {
	token, err := signing.Bearer(secret.Secret, t.Algorithm, o.Now())
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.String(), bytes.NewReader(c.Body))
	if err == nil {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return req, err
}

// headed adds what each request has: who sends it, which callback it is, and which attempt.
func (o *Outbox) headed(req *http.Request, c store.Callback) {
	req.Header.Set("User-Agent", "bbbpool/"+o.Version)
	req.Header.Set("Bbbpool-Delivery", c.ID)
	req.Header.Set("Bbbpool-Attempt", strconv.Itoa(c.Attempts+1))
}
