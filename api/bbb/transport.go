package bbb

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"time"
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
type Transport struct {
	Lookup func(ctx context.Context, host string) ([]string, error) // of a name; IP addresses need none
	Dial   func(ctx context.Context, network, addr string) (net.Conn, error)
	TLS    *tls.Config // for servers with https; the name is theirs

	connect time.Duration
	names   names
	answers *budget
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
		Lookup:  net.DefaultResolver.LookupHost,
		Dial:    (&net.Dialer{KeepAlive: 15 * time.Second}).DialContext,
		TLS:     &tls.Config{MinVersion: tls.VersionTLS12},
		connect: timeouts.Connect,
		names:   names{hosts: map[string]*host{}},
		answers: newBudget(),
	}
	t.kept, t.fresh = t.pool(true), t.pool(false)
	return t
}

// pool returns one of net/http's transports, which keeps connections for later calls or does not.
func (t *Transport) pool(keep bool) *http.Transport {
	protocols := &http.Protocols{}
	protocols.SetHTTP1(true)
	return &http.Transport{
		DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) { return t.open(ctx, addr, false) },
		DialTLSContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
			return t.open(ctx, addr, true)
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

// open connects to a host and port, and remembers where it was reached.
func (t *Transport) open(ctx context.Context, addr string, secure bool) (net.Conn, error) {
	name, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	c, addrs, err := t.dial(ctx, name, port)
	if err == nil && secure {
		c, err = t.handshake(ctx, c, name)
	}
	if err != nil {
		return nil, err
	}
	t.names.reached(name, addrs)
	return c, nil
}

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
