package bbb

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb/budget"
	"github.com/bbbpool/bbbpool/api/bbb/resolver"
)

// Timeouts of calls to servers.
type Timeouts struct {
	Connect time.Duration // for the name's addresses and TCP, and once more for TLS
}

// Transport is net/http's transport for all clients of a pool: HTTP/1.1 alone, no proxies, nothing that is compressed.
// Connections are kept open in between calls. A request with Close set gets one of its own, which nobody had before.
//
// New connections go to the addresses that the host's name has at that moment. While it cannot be resolved they go to
// those where the host was last reached, see Unresolved.
//
// # Design
//
// Why net/http: how a connection is kept, found dead, and replaced is where clients of one's own go wrong, and a class is
// what it costs. One that makes each call on the goroutine of its caller has passed on a quarter more calls a second
// (BenchmarkGetMeetingInfo of the gateway), which is not worth that. Ours adds three things beside it, each where net/http
// has a hook for it: where to dial (package resolver), what to ask for anew (Client.send), and how much to read (package
// budget). It is not http.Client, which would follow redirects and put URLs, checksums included, into errors; and it is not
// HTTP/2, where one stalled connection would stall every call to its server.
//
// What is asked for anew: an answer belongs to a call by nothing but its order on the connection. A server, or a proxy
// before it, that says something once too often makes everything after it the answer to the call before. So what comes over
// a connection that was used before, and is not plainly about our call, is asked for once more over a fresh one. Calls that
// may not reach a server twice never get a used connection in the first place. To use each connection once would need none
// of this, and cost every call of a poll two round trips or three, TLS included.
//
// Why one budget over all answers: a limit for each would have to be as large as the largest list, and three hundred servers
// at once, of which one may be hostile, would each be allowed that. One budget for all bounds what the process takes,
// whatever servers send; small answers are free, so no create waits for it.
type Transport struct {
	*resolver.Dialer
	TLS *tls.Config // for servers with https; the name is theirs

	connect time.Duration
	answers *budget.Budget
	kept    *http.Transport
	fresh   *http.Transport
}

const (
	maxIdle        = maxConcurrent    // connections to a server that are kept
	idleTimeout    = 50 * time.Second // nginx closes idle connections after 65 s or more: be the first
	maxReplyHeader = 64 << 10
)

// NewTransport returns a transport for all clients of a pool.
func NewTransport(timeouts Timeouts) *Transport {
	t := &Transport{
		Dialer:  resolver.New(timeouts.Connect),
		TLS:     &tls.Config{MinVersion: tls.VersionTLS12},
		connect: timeouts.Connect,
		answers: budget.New(),
	}
	t.kept, t.fresh = t.connections(true), t.connections(false)
	return t
}

// connections returns one of net/http's transports, which keeps connections for later calls or does not.
func (t *Transport) connections(keep bool) *http.Transport {
	protocols := &http.Protocols{}
	protocols.SetHTTP1(true)
	return &http.Transport{
		DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) { return t.Open(ctx, addr, nil) },
		DialTLSContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
			return t.Open(ctx, addr, func(raw net.Conn, name string) (net.Conn, error) { return t.handshake(ctx, raw, name) })
		},
		Protocols: protocols, DisableKeepAlives: !keep, DisableCompression: true,
		MaxIdleConnsPerHost: maxIdle, IdleConnTimeout: idleTimeout, MaxResponseHeaderBytes: maxReplyHeader,
	}
}

// RoundTrip makes one call. A connection that turns out to have been closed while it was idle is replaced by another one,
// if the call may be made twice.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Close {
		return t.fresh.RoundTrip(req)
	}
	return t.kept.RoundTrip(req)
}

// CloseIdleConnections closes every connection that is not in use.
func (t *Transport) CloseIdleConnections() {
	t.kept.CloseIdleConnections()
}

// handshake makes a connection one of TLS, within a connect timeout of its own.
func (t *Transport) handshake(ctx context.Context, raw net.Conn, name string) (net.Conn, error) {
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
