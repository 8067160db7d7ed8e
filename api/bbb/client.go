package bbb

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

// maxConcurrent is how many calls a server gets from us at once. More wait here, so that a slow server costs its own
// callers and nobody else.
const maxConcurrent = 64

// Client calls one server. It is safe for concurrent use.
type Client struct {
	url       string
	base      *url.URL // the same, read; nil where it cannot be
	header    http.Header
	secret    Secret
	alg       Algorithm
	transport http.RoundTripper
	response  time.Duration
	slots     chan struct{}
}

// Endpoint is what a client needs to know of a server.
type Endpoint struct {
	URL       string // of the API, ending in /bigbluebutton/api
	Secret    Secret
	Algorithm Algorithm // "" is SHA256
}

// NewClient returns a client for a server. Redirects are not followed: an API that answers with one is misconfigured,
// and a join is the browser's to follow.
func NewClient(e Endpoint, transport http.RoundTripper, response time.Duration) *Client {
	if e.Algorithm == "" {
		e.Algorithm = SHA256
	}
	c := &Client{
		url: e.URL, secret: e.Secret, alg: e.Algorithm, transport: transport, response: response,
		header: http.Header{"User-Agent": {"bbbpool"}, "Accept": {"text/xml, application/xml, */*"}},
		slots:  make(chan struct{}, maxConcurrent),
	}
	if base, err := url.Parse(e.URL); err == nil && base.Host != "" {
		c.base = base
	}
	return c
}

// URL returns the signed URL of a call with a raw query.
func (c *Client) URL(call, query string) string {
	return c.url + "/" + call + "?" + c.alg.Sign(call, query, c.secret)
}

// Reply is what a server said, whatever it was.
type Reply struct {
	Status      int
	ContentType string
	Location    string // where a redirect leads
	Body        []byte
	Date        time.Time // what the server, or nginx before it, took for now; to the second; zero where it did not say
	Expires     time.Time // when its certificate does; zero over http
}

// Skew is the server's clock minus ours, in whole seconds, by the reply to a call that we began and ended at these times.
// It is 0 where the reply does not tell: it has no Date, or the difference may as well come from the length of the call,
// and from Date having no fractions of a second. Beyond a year it is a year, ahead or behind.
func (r *Reply) Skew(began, ended time.Time) time.Duration {
	if r.Date.IsZero() {
		return 0
	}
	const fraction = time.Second / 2
	half := ended.Sub(began) / 2
	skew := r.Date.Add(fraction).Sub(began.Add(half))
	if skew.Abs() <= half+fraction {
		return 0
	}
	return min(max(skew.Round(time.Second), -maxSkew), maxSkew)
}

// maxSkew is as far as clocks may be apart. What is said beyond that may be any date, and overflows what is made of it.
const maxSkew = 365 * 24 * time.Hour

// Answer reads the head of the reply to a call. It fails with a *CallError where that is not BigBlueButton's.
func (r *Reply) Answer(call string) (Answer, error) {
	answer, err := ParseAnswer(r.Body)
	if err != nil {
		return Answer{}, &CallError{Call: call, Reason: NotBBB, Status: r.Status, Err: err}
	}
	return answer, nil
}

// Do makes a call and returns the reply whole. With a body it is a POST of that type, else a GET. It fails with a
// *CallError where the server cannot be reached, does not answer in time, or answers with a status of 500 and above.
// The time is what ctx has left; where it has no deadline, the response timeout.
func (c *Client) Do(ctx context.Context, call, query, contentType string, body []byte) (*Reply, error) {
	return c.do(ctx, call, query, contentType, body, MaxAnswer)
}

// do is Do for an answer of at most so many bytes.
func (c *Client) do(
	ctx context.Context, call, query, contentType string, body []byte, limit int64,
) (*Reply, error) {
	ctx, cancel := c.bounded(ctx) // for the wait, too
	defer cancel()
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		why := Busy
		if errors.Is(ctx.Err(), context.Canceled) {
			why = Cancel
		}
		return nil, &CallError{Call: call, Reason: why, Err: ctx.Err()}
	}
	return c.send(ctx, call, c.alg.Sign(call, query, c.secret), contentType, body, limit)
}

// Answer makes a call without a body and reads the head of the answer. A FAILED is an answer, not an error.
func (c *Client) Answer(ctx context.Context, call, query string) (Answer, error) {
	reply, err := c.Do(ctx, call, query, "", nil)
	if err != nil {
		return Answer{}, err
	}
	return reply.Answer(call)
}

// Probe asks the API for its version: the cheapest sign of life there is. It needs no checksum, and waits for no
// slot.
func (c *Client) Probe(ctx context.Context) (Answer, error) {
	reply, err := c.ProbeReply(ctx)
	if err != nil {
		return Answer{}, err
	}
	return reply.Answer("")
}

// ProbeReply is Probe with the whole reply, which also tells the server's time and when its certificate expires.
// Whether it is BigBlueButton's has still to be seen, with Answer("").
func (c *Client) ProbeReply(ctx context.Context) (*Reply, error) {
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	return c.send(ctx, "", "", "", nil, MaxAnswer)
}

// bounded gives a context without a deadline the response timeout.
func (c *Client) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, own := ctx.Deadline(); own {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, c.response)
}

// send goes past http.Client, which would follow redirects, and put URLs and what servers send into its errors.
func (c *Client) send(
	ctx context.Context, call, signed, contentType string, body []byte, limit int64,
) (*Reply, error) {
	if c.base == nil {
		return nil, &CallError{Call: call, Reason: BadURL, Err: errors.New("the address cannot be called")}
	}
	resp, err := c.transport.RoundTrip(c.request(ctx, call, signed, contentType, body))
	if err != nil {
		return nil, callError(call, err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := readUpTo(resp.Body, resp.ContentLength, limit)
	if err != nil {
		return nil, callError(call, err)
	}
	return check(call, resp, answer, limit)
}

// request puts a call together. Names of calls, and queries that Params made, need no escaping.
func (c *Client) request(ctx context.Context, call, signed, contentType string, body []byte) *http.Request {
	target := *c.base
	if call != "" {
		target.Path += "/" + call
		if target.RawPath != "" {
			target.RawPath += "/" + call
		}
		target.RawQuery = signed
	}
	req := (&http.Request{
		Method: http.MethodGet, URL: &target, Host: target.Host, Header: c.header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(ctx)
	if body == nil {
		return req
	}
	req.Method, req.ContentLength = http.MethodPost, int64(len(body))
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	req.Body, _ = req.GetBody() // never fails
	req.Header = c.header.Clone()
	req.Header.Set("Content-Type", contentType)
	if call == "create" {
		// Never sent. It says that the call may be repeated where an idle connection turns out to be dead: a create is
		// idempotent, and a POST must not cost a sound server its health.
		req.Header["Idempotency-Key"] = nil
	}
	return req
}

// readUpTo reads all of r, or one byte more than the limit. A size that is known in advance saves growing.
func readUpTo(r io.Reader, size, limit int64) ([]byte, error) {
	var b bytes.Buffer
	if 0 < size && size <= limit {
		b.Grow(int(size) + bytes.MinRead) // ReadFrom wants that much room to find the end in
	}
	_, err := b.ReadFrom(io.LimitReader(r, limit+1))
	return b.Bytes(), err
}

// check sorts out replies that are none.
func check(call string, resp *http.Response, body []byte, limit int64) (*Reply, error) {
	status := resp.StatusCode
	switch {
	case int64(len(body)) > limit:
		err := fmt.Errorf("more than %d MiB", limit>>20)
		return nil, &CallError{Call: call, Reason: TooLarge, Status: status, Err: err}
	case status >= 500:
		err := fmt.Errorf("%d %s", status, http.StatusText(status))
		return nil, &CallError{Call: call, Reason: Status, Status: status, Err: err}
	}
	reply := &Reply{
		Status: status, ContentType: resp.Header.Get("Content-Type"), Location: resp.Header.Get("Location"),
		Body: body, Date: date(resp.Header),
	}
	if resp.TLS != nil && len(resp.TLS.PeerCertificates) > 0 {
		reply.Expires = resp.TLS.PeerCertificates[0].NotAfter
	}
	return reply, nil
}

// date reads when a reply was made. The zero time is for one that does not say, or says what nobody understands.
func date(header http.Header) time.Time {
	t, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	return t
}
