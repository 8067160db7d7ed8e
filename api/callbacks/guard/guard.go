// Package guard makes requests to addresses that others have chosen, without being a way in for them: what only this machine can
// reach is refused, unless an operator allows it.
//
// It owns which addresses are refused and why ([Refusal] names the rule and the setting), how a connection is made, and how much
// of an answer is read. It decides on the address that is really dialled, so that a name may say one thing to whoever checks it
// and another to whoever calls; it follows no redirect, obeys no proxy of the environment, keeps no cookies, and has no secret
// of the pool that could go along. It never decides whether and when something is sent, and never reads a body for anybody.
package guard

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	connect     = 5 * time.Second  // for TCP, and once more for TLS
	whole       = 15 * time.Second // for a request, its answer included
	maxBody     = 64 << 10         // bytes of an answer that are read, and thrown away
	maxHeader   = 32 << 10
	maxIdle     = 64
	maxIdleHost = 4
	idle        = 30 * time.Second
	maxTried    = 4 // addresses of a name
)

// Guard makes the requests. Its exported fields must be set before the first. It is safe for concurrent use.
type Guard struct {
	Allowed Allowed
	// Bases are the addresses that the pool itself is known by, as https://pool.example.edu/: nothing is sent there.
	Bases []string
	// Own are the addresses that this process listens on. What one of them would answer is never asked for; may be nil.
	Own func() []netip.AddrPort
	// Lookup is how names become addresses; the system's resolver if nil.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)
	// Dial is how connections are made; as usual if nil.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// TLS is what certificates are verified by; nil for what the system trusts.
	TLS *tls.Config

	once             sync.Once
	strict, trusting *http.Transport
}

// Answer is what there is to know of an answer.
type Answer struct {
	Status int
	After  string // Retry-After, as it stands there
}

// Do sends a request. Trusting is without a look at the certificate. The request has to be made anew for another try.
func (g *Guard) Do(req *http.Request, trusting bool) (Answer, error) {
	if err := g.Check(req.URL); err != nil {
		return Answer{}, err
	}
	g.once.Do(g.open)
	ctx, cancel := context.WithTimeout(req.Context(), whole)
	defer cancel()
	req = req.WithContext(ctx)
	over := g.strict
	if trusting {
		over = g.trusting
	}
	// A transport, and no http.Client: that would follow redirects, make an Authorization of what stands in the address, and put
	// the address, which may have secrets in it, into errors.
	resp, err := over.RoundTrip(req)
	if err != nil {
		return Answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.CopyN(io.Discard, resp.Body, maxBody) // the status is the answer; what is read lets the connection live on
	return Answer{Status: resp.StatusCode, After: resp.Header.Get("Retry-After")}, nil
}

// open makes the transports. Those that verify and those that do not share no connection.
func (g *Guard) open() {
	config := g.TLS
	if config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	unverified := config.Clone()
	unverified.InsecureSkipVerify = true // where a tenant says so
	g.strict, g.trusting = g.transport(config), g.transport(unverified)
}

func (g *Guard) transport(config *tls.Config) *http.Transport {
	protocols := &http.Protocols{}
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy: nil, DialContext: g.open1, TLSClientConfig: config, TLSHandshakeTimeout: connect, Protocols: protocols,
		DisableCompression: true, MaxResponseHeaderBytes: maxHeader, MaxIdleConns: maxIdle, MaxIdleConnsPerHost: maxIdleHost,
		IdleConnTimeout: idle,
	}
}

// Close closes the connections that are not in use.
func (g *Guard) Close() {
	g.once.Do(g.open)
	g.strict.CloseIdleConnections()
	g.trusting.CloseIdleConnections()
}

// open1 connects to the first address of a host that may be called and answers. An address that may not is not tried, whatever
// the others are.
func (g *Guard) open1(ctx context.Context, network, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connect)
	defer cancel()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	addrs, err := g.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	good, refused := g.permitted(host, port, addrs)
	if len(good) == 0 {
		return nil, refused
	}
	var failed error
	for i, ip := range good {
		c, err := g.dialShare(ctx, network, netip.AddrPortFrom(ip, portOf(port)).String(), len(good)-i)
		if err == nil {
			return c, nil
		}
		failed = errors.Join(failed, err)
	}
	return nil, failed
}

// dialShare connects to an address within its share of the time that is left.
func (g *Guard) dialShare(ctx context.Context, network, addr string, shares int) (net.Conn, error) {
	if end, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(end)/time.Duration(shares))
		defer cancel()
	}
	if g.Dial != nil {
		return g.Dial(ctx, network, addr)
	}
	d := net.Dialer{Control: func(_, really string, _ syscall.RawConn) error {
		if really != addr {
			return errElsewhere
		}
		return nil
	}}
	return d.DialContext(ctx, network, addr)
}

// errElsewhere is that the system would connect to another address than the one that was looked at. It never does.
var errElsewhere = errors.New("the connection would go to another address than was checked")

func portOf(port string) uint16 {
	n, _ := strconv.ParseUint(port, 10, 16) // which Check has read
	return uint16(n)
}

// resolve returns the addresses of a host, IPv4 in IPv6 as the former.
func (g *Guard) resolve(ctx context.Context, host string) (list []netip.Addr, err error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip.Unmap()}, nil
	}
	lookup := g.Lookup
	if lookup == nil {
		lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	found, err := lookup(ctx, host)
	for _, ip := range found {
		list = append(list, ip.Unmap())
	}
	if err == nil && len(list) == 0 {
		err = &net.DNSError{Err: "no addresses", Name: host, IsNotFound: true}
	}
	return list, err
}

// permitted are the addresses of a host that may be called, at most maxTried, and why the first of the others may not.
func (g *Guard) permitted(host, port string, addrs []netip.Addr) (good []netip.Addr, refused error) {
	for _, ip := range addrs {
		why := g.address(host, port, ip)
		switch {
		case why == nil && len(good) < maxTried:
			good = append(good, ip)
		case why != nil && refused == nil:
			refused = why
		}
	}
	return good, refused
}

// address tells why an address is not called, nil where it is.
func (g *Guard) address(host, port string, ip netip.Addr) error {
	if g.own(netip.AddrPortFrom(ip, portOf(port))) {
		return &Refusal{Rule: RuleSelf, Host: host}
	}
	rule := classify(ip)
	if rule == "" || g.Allowed.waives(host, ip, rule) {
		return nil
	}
	return &Refusal{Rule: rule, Host: host, Setting: settingFor(rule)}
}

// own tells whether this process listens there.
func (g *Guard) own(at netip.AddrPort) bool {
	if g.Own == nil {
		return false
	}
	for _, mine := range g.Own() {
		if mine.Port() != at.Port() {
			continue
		}
		if ip := mine.Addr().Unmap(); ip == at.Addr() || ip.IsUnspecified() && ofThisMachine(at.Addr()) {
			return true
		}
	}
	return false
}

// ofThisMachine tells whether an address is one of this machine.
func ofThisMachine(ip netip.Addr) bool {
	if ip.IsLoopback() || ip.IsUnspecified() {
		return true
	}
	list, err := net.InterfaceAddrs()
	if err != nil {
		return true // nobody knows: better not
	}
	for _, a := range list {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Unmap() == ip {
			return true
		}
	}
	return false
}

// self tells whether an address is one that the pool is known by.
func (g *Guard) self(u *url.URL) bool {
	for _, base := range g.Bases {
		b, err := url.Parse(base)
		if err == nil && b.Host != "" && strings.EqualFold(name(b.Hostname()), name(u.Hostname())) && port(b) == port(u) {
			return true
		}
	}
	return false
}
