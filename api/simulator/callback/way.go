package callback

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Way is how a release tells of an end.
type Way int

const (
	// Single is how releases from 3.0.27 on do: one GET, which any 2xx answers, no redirects, and the [Rules].
	Single Way = iota
	// Double is how those up to 3.0.26 did: a GET to see where the address leads, over up to five redirects, where only status
	// 200 will do, and a second one to the place itself, where any 2xx does. A receiver hears of each end twice.
	Double
)

// timeout is how long an answer may take.
func (w Way) timeout() time.Duration {
	if w == Double {
		return 5 * time.Second
	}
	return 10 * time.Second
}

// maxRedirects is how many redirects Double follows.
const maxRedirects = 5

// statusError is an answer that is none of those that will do.
type statusError int

func (s statusError) Error() string { return fmt.Sprintf("the receiver answered with %d", int(s)) }

// attempt sends a callback, and returns the status of the last answer.
func (o *Outbox) attempt(ctx context.Context, w Way, c *Callback) (status int, err error) {
	success := func(status int) bool { return status/100 == 2 }
	switch {
	case c.form != nil:
		_, status, err = o.exchange(ctx, Single, c, c.url, success)
	case w == Single:
		_, status, err = o.exchange(ctx, w, c, c.url, success)
	default:
		var final string
		if final, status, err = o.exchange(ctx, w, c, c.url, func(n int) bool { return n == http.StatusOK }); err == nil {
			_, status, err = o.exchange(ctx, w, c, final, success)
		}
	}
	return status, err
}

// exchange makes one request and returns the URL that answered in the end.
func (o *Outbox) exchange(
	ctx context.Context, w Way, c *Callback, target string, fine func(status int) bool,
) (final string, status int, err error) {
	limit := w.timeout()
	if o.opts.Timeout > 0 {
		limit = o.opts.Timeout
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	req, err := c.request(ctx, target)
	if err != nil {
		return "", 0, errors.New("no URL to call")
	}
	client := *o.opts.Client
	client.CheckRedirect = func(_ *http.Request, via []*http.Request) error {
		if w == Single || len(via) > maxRedirects {
			return http.ErrUseLastResponse
		}
		return nil
	}
	resp, err := client.Do(req)
	if err != nil {
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err // leaves out the URL, which may hold secrets
		}
		return "", 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	if !fine(resp.StatusCode) {
		return "", resp.StatusCode, statusError(resp.StatusCode)
	}
	return resp.Request.URL.String(), resp.StatusCode, nil
}

// request is the callback as it is sent.
func (c *Callback) request(ctx context.Context, target string) (*http.Request, error) {
	method := http.MethodGet
	if c.form != nil {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(c.form))
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "Mozilla")
	if c.contentType != "" {
		req.Header.Set("Content-Type", c.contentType)
	}
	if c.bearer != "" {
		req.Header.Set("User-Agent", "BigBlueButton Analytics Callback")
		req.Header.Set("Authorization", "Bearer "+c.bearer)
	}
	return req, nil
}
