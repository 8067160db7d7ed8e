package bbb

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Timeouts of calls to servers.
type Timeouts struct {
	Connect time.Duration // for the name's addresses and TCP, and once more for TLS
}

// Transport makes calls over HTTP/1.1, each on the goroutine of its caller, and keeps connections open in between.
//
// It stands in for http.Transport, which hands every call to two goroutines of its connection and back: in a pool that
// is busy passing calls on, these switches are what it waits for. Measured with BenchmarkGetMeetingInfo of the gateway,
// a pool makes a quarter more calls a second without them. It does less, too: no proxies, no redirects, no HTTP/2.
//
// New connections go to the addresses that the host's name has at that moment. While it cannot be resolved they go to
// those where the host was last reached, see Unresolved.
type Transport struct {
	Lookup func(ctx context.Context, host string) ([]string, error) // of a name; IP addresses need none
	Dial   func(ctx context.Context, network, addr string) (net.Conn, error)
	TLS    *tls.Config // for servers with https; the name is theirs

	connect time.Duration
	names   names
	mu      sync.Mutex
	idle    map[string][]*conn // by scheme and host, the one used last at the end
	swept   time.Time          // when connections that nobody used for long were last closed
}

const (
	maxIdle        = maxConcurrent    // connections to a server that are kept
	idleTimeout    = 50 * time.Second // nginx closes idle connections after 65 s or more: be the first
	maxReplyHeader = 64 << 10
	maxInterim     = 5 // replies that say no more than "go on"
)

// NewTransport returns a transport for all clients of a pool.
func NewTransport(t Timeouts) *Transport {
	return &Transport{
		Lookup:  net.DefaultResolver.LookupHost,
		Dial:    (&net.Dialer{KeepAlive: 15 * time.Second}).DialContext,
		TLS:     &tls.Config{MinVersion: tls.VersionTLS12},
		connect: t.Connect,
		names:   names{hosts: map[string]*host{}},
		idle:    map[string][]*conn{},
	}
}

// conn is a connection to a server, in use by one call or idle.
type conn struct {
	net.Conn
	key   string
	limit io.LimitedReader // what may still be read
	r     *bufio.Reader
	w     *bufio.Writer
	idle  time.Time            // since when
	tls   *tls.ConnectionState // nil over http
}

// RoundTrip makes one call. A connection that turns out to have been closed while it was idle is replaced by a new one,
// if the call may be made twice.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	for {
		c, idle, err := t.conn(req.Context(), req.URL)
		if err != nil {
			return nil, t.cause(req.Context(), err)
		}
		resp, silent, err := t.exchange(c, req)
		if err == nil {
			return resp, nil
		}
		_ = c.Close()
		if !idle || !silent || !repeatable(req) || req.Context().Err() != nil {
			return nil, t.cause(req.Context(), err)
		}
		if req.GetBody == nil {
			continue
		}
		if req.Body, err = req.GetBody(); err != nil {
			return nil, err
		}
	}
}

// repeatable tells whether it does no harm if a call reaches the server twice.
func repeatable(req *http.Request) bool {
	_, idempotent := req.Header["Idempotency-Key"]
	return idempotent || req.Method == http.MethodGet
}

// cause prefers what ended the context to what that did to the connection.
func (t *Transport) cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// conn returns a connection, and whether it was idle.
func (t *Transport) conn(ctx context.Context, u *url.URL) (c *conn, idle bool, err error) {
	key := u.Scheme + "://" + u.Host
	if c := t.take(key); c != nil {
		return c, true, nil
	}
	raw, addrs, err := t.dial(ctx, u.Hostname(), cmp.Or(u.Port(), defaultPorts[u.Scheme]))
	if err != nil {
		return nil, false, err
	}
	c = &conn{key: key}
	if u.Scheme == "https" {
		secure, err := t.handshake(ctx, raw, u.Hostname())
		if err != nil {
			return nil, false, err
		}
		state := secure.ConnectionState()
		raw, c.tls = secure, &state
	}
	t.names.reached(u.Hostname(), addrs)
	c.Conn, c.limit.R, c.w = raw, raw, bufio.NewWriter(raw)
	c.r = bufio.NewReader(&c.limit)
	return c, false, nil
}

func (t *Transport) handshake(ctx context.Context, raw net.Conn, name string) (*tls.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, t.connect)
	defer cancel()
	config := t.TLS.Clone()
	config.ServerName = name
	secure := tls.Client(raw, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, raw.Close())
	}
	return secure, nil
}

// exchange sends a request and reads the head of the response. Silent tells that not a byte came back.
func (t *Transport) exchange(c *conn, req *http.Request) (resp *http.Response, silent bool, err error) {
	ctx := req.Context()
	deadline, _ := ctx.Deadline()
	if err := c.SetDeadline(deadline); err != nil {
		return nil, true, err
	}
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) }) // wakes whoever reads or writes
	sent := c.send(req)
	resp, silent, err = c.receive(req)
	if err != nil {
		stop()
		return nil, silent, cmp.Or(sent, err)
	}
	resp.TLS = c.tls
	// A server may answer before it has read all of a body that it does not want: then the answer counts.
	resp.Body = &replyBody{ReadCloser: resp.Body, done: func(whole bool) {
		if stop() && whole && sent == nil && !resp.Close && c.r.Buffered() == 0 {
			t.keep(c)
			return
		}
		_ = c.Close()
	}}
	return resp, false, nil
}

func (c *conn) send(req *http.Request) error {
	if err := req.Write(c.w); err != nil {
		return err
	}
	return c.w.Flush()
}

func (c *conn) receive(req *http.Request) (resp *http.Response, silent bool, err error) {
	for range maxInterim {
		c.limit.N = maxReplyHeader
		if _, err := c.r.Peek(1); err != nil {
			return nil, true, err
		}
		if resp, err = http.ReadResponse(c.r, req); err != nil {
			return nil, false, err
		}
		if resp.StatusCode >= http.StatusOK {
			c.limit.N = math.MaxInt64 // of the body, the caller reads as much as it can bear
			return resp, false, nil
		}
	}
	return nil, false, errors.New("too many interim replies")
}

// take returns the connection that was used last, unless that was too long ago.
func (t *Transport) take(key string) *conn {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := t.idle[key]
	if len(list) == 0 {
		return nil
	}
	c := list[len(list)-1]
	if time.Since(c.idle) > idleTimeout {
		return nil // and all others are older: the next sweep closes them
	}
	t.idle[key] = list[:len(list)-1]
	return c
}

// keep puts a connection back for others, and now and then closes those that nobody has used for long.
func (t *Transport) keep(c *conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c.idle = time.Now()
	if list := t.idle[c.key]; len(list) < maxIdle {
		t.idle[c.key] = append(list, c)
	} else {
		_ = c.Close()
	}
	if c.idle.Sub(t.swept) > idleTimeout {
		t.swept = c.idle
		t.sweep(c.idle.Add(-idleTimeout))
	}
}

// sweep closes what has been idle since before a time. The lock is held.
func (t *Transport) sweep(before time.Time) {
	for key, list := range t.idle {
		n := 0
		for n < len(list) && list[n].idle.Before(before) {
			_ = list[n].Close()
			n++
		}
		if t.idle[key] = list[n:]; n == len(list) {
			delete(t.idle, key)
		}
	}
}

// CloseIdleConnections closes every connection that is not in use.
func (t *Transport) CloseIdleConnections() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sweep(time.Now().Add(time.Hour))
}

// replyBody is the body of a response, which gives the connection back when it is closed.
type replyBody struct {
	io.ReadCloser
	whole bool // read to its end
	done  func(whole bool)
}

// Read notes the end.
func (b *replyBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.whole = b.whole || err == io.EOF // wrapped, it is no sound end
	return n, err
}

// Close gives the connection back, or closes it if there is something left on it. What is left is not worth reading.
func (b *replyBody) Close() error {
	if b.done != nil {
		b.done(b.whole)
		b.done = nil
	}
	return nil
}
