package bbb

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb/budget"
)

// maxConcurrent is how many calls a server gets from us at once. More wait here, so that a slow server costs its own
// callers and nobody else.
const maxConcurrent = 64

// Client calls one server. It is safe for concurrent use.
type Client struct {
	url       string
	base      *url.URL // the same, read; nil where it cannot be
	header    http.Header
	keys      atomic.Pointer[keys]
	alg       Algorithm
	transport http.RoundTripper
	answers   *budget.Budget
	response  time.Duration
	slots     chan struct{}
}

// Endpoint is what a client needs to know of a server.
type Endpoint struct {
	URL       string // of the API, ending in /bigbluebutton/api
	Secret    Secret
	Former    Secret    // that it may have still, as its secret is being changed; "" where it is not
	OnFormer  bool      // it was last seen to accept that
	Algorithm Algorithm // "" is SHA256
}

// NewClient returns a client for a server. Redirects are not followed: an API that answers with one is misconfigured,
// and a join is the browser's to follow. Clients with the same *Transport share what memory there is for answers.
func NewClient(e Endpoint, transport http.RoundTripper, response time.Duration) *Client {
	if e.Algorithm == "" {
		e.Algorithm = SHA256
	}
	c := &Client{
		url: e.URL, alg: e.Algorithm, transport: transport, response: response,
		header: http.Header{"User-Agent": {"bbbpool"}, "Accept": {"text/xml, application/xml, */*"}},
		slots:  make(chan struct{}, maxConcurrent),
	}
	c.keys.Store(newKeys(e.Secret, e.Former, e.OnFormer))
	if t, ok := transport.(*Transport); ok {
		c.answers = t.answers
	} else {
		c.answers = budget.New()
	}
	if base, err := url.Parse(e.URL); err == nil && base.Host != "" {
		c.base = base
	}
	return c
}

// URL returns the signed URL of a call with a raw query. Of two secrets it is signed with the one that the server was last
// seen to accept.
func (c *Client) URL(call, query string) string {
	return c.url + "/" + call + "?" + c.alg.Sign(call, query, c.keys.Load().current())
}

// Secret returns the secret that the server was last seen to accept.
func (c *Client) Secret() Secret { return c.keys.Load().current() }

// Do makes a call and returns the reply whole. With a body it is a POST of that type, else a GET. It fails with a
// *CallError where the server cannot be reached, does not answer in time, or answers with an HTTP error of its own. The
// time is what ctx has left; where it has no deadline, the response timeout. A server whose secret is being changed is
// called with both, if need be.
func (c *Client) Do(ctx context.Context, call, query, contentType string, body []byte) (*Reply, error) {
	return c.do(ctx, question{call: call, query: query, contentType: contentType, body: body})
}

// question is a call to make.
type question struct {
	call, query string
	signed      string // the query that is sent
	contentType string
	body        []byte // nil without one

	// read reads the reply while there is room for it: what comes of a large one takes memory as well.
	read func(*Reply) error
}

// do waits for a slot, and makes the call within its time.
func (c *Client) do(ctx context.Context, q question) (*Reply, error) {
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
		return nil, &CallError{Call: q.call, Reason: why, Err: ctx.Err()}
	}
	return c.exchangeSigned(ctx, q)
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
	return c.send(ctx, question{})
}

// bounded gives a context without a deadline the response timeout.
func (c *Client) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, own := ctx.Deadline(); own {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, c.response)
}

// send makes a call. A connection that was used before may have more on it than the answer to our call: what a server,
// or a proxy before it, said once too often, or when it had waited long enough. So what comes over one and does not look
// like the answer is asked for once more, over a connection that nobody had before.
func (c *Client) send(ctx context.Context, q question) (*Reply, error) {
	if c.base == nil {
		return nil, &CallError{Call: q.call, Reason: BadURL, Err: errors.New("the address cannot be called")}
	}
	req := c.request(q)
	r, err := c.exchange(ctx, req, q.call)
	if r.over.Reused && ctx.Err() == nil && doubtful(q, r, err) {
		r.Leave()
		_ = r.over.Conn.Close() // what else is on it would be taken for the next answer
		req.Close = true
		r, err = c.exchange(ctx, req, q.call)
	}
	defer r.Leave()
	switch {
	case errors.Is(err, budget.ErrCrowded) && !errors.Is(ctx.Err(), context.Canceled):
		return nil, &CallError{Call: q.call, Reason: Busy, Err: err}
	case err != nil:
		return nil, callError(q.call, cmp.Or(ctx.Err(), err)) // what ended the call, not what that did to the connection
	}
	reply, err := r.reply(q.call)
	if err == nil && q.read != nil {
		err = q.read(reply)
	}
	return reply, err
}

// received is what came back over a connection. The place in the budget that it takes is left after use.
type received struct {
	budget.Place
	over httptrace.GotConnInfo
	resp *http.Response
	body []byte
}

// exchange makes one attempt at a call. It goes past http.Client, which would follow redirects, and put URLs and what servers
// send into its errors.
func (c *Client) exchange(ctx context.Context, req *http.Request, call string) (r received, err error) {
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(over httptrace.GotConnInfo) { r.over = over },
	})
	req = req.WithContext(ctx)
	if req.GetBody != nil {
		req.Body, _ = req.GetBody() // never fails
	}
	if r.resp, err = c.transport.RoundTrip(req); err != nil { //nolint:bodyclose // it is, below
		return r, err
	}
	defer func() { _ = r.resp.Body.Close() }()
	r.body, err = c.answers.Read(ctx, r.resp.Body, maxAnswer(call), &r.Place)
	return r, err
}

// request puts a call together. Names of calls, and queries that Params made, need no escaping.
func (c *Client) request(q question) *http.Request {
	target := *c.base
	if q.call != "" {
		target.Path += "/" + q.call
		if target.RawPath != "" {
			target.RawPath += "/" + q.call
		}
		target.RawQuery = q.signed
	}
	req := &http.Request{
		Method: http.MethodGet, URL: &target, Host: target.Host, Header: c.header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Close: !repeatable[q.call],
	}
	if q.body == nil {
		return req
	}
	req.Method, req.ContentLength = http.MethodPost, int64(len(q.body))
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(q.body)), nil }
	if len(q.body) == 0 {
		req.GetBody = func() (io.ReadCloser, error) { return http.NoBody, nil }
	}
	req.Header = c.header.Clone()
	req.Header.Set("Content-Type", q.contentType)
	if repeatable[q.call] {
		// Never sent. It says that the call may be repeated where an idle connection turns out to be dead: a create is
		// idempotent, and a POST must not cost a sound server its health.
		req.Header["Idempotency-Key"] = nil
	}
	return req
}

// repeatable are the calls that may reach a server twice. All others get connections of their own: whether one that was
// idle has taken a call before it broke, nobody can tell.
var repeatable = map[string]bool{
	"": true, "create": true, "end": true, "getMeetings": true, "getMeetingInfo": true, "isMeetingRunning": true,
	"getSessions": true, "getRecordings": true, "getRecordingTextTracks": true,
	"publishRecordings": true, "deleteRecordings": true, "updateRecordings": true,
}
