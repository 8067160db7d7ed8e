package reach

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/bbbpool/bbbpool/api/bbb/releases"
)

// ask asks whoever receives callbacks at an address of ours for a sign of life, over the addresses that were looked at and no
// others. The error says what stands against callbacks.
func (p *Prober) ask(ctx context.Context, u *url.URL, addrs []netip.Addr) error {
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			return p.dial(ctx, network, addr, addrs)
		},
		TLSClientConfig:        &tls.Config{RootCAs: p.Roots, MinVersion: tls.VersionTLS12},
		DisableKeepAlives:      true,
		MaxResponseHeaderBytes: 16 << 10,
	}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse // a server does not follow it either
	}}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String()+Ping, nil)
	if err != nil {
		return errors.New("no address at which anybody could be called")
	}
	resp, err := client.Do(r)
	if err != nil {
		return explain(ctx, u, err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	return judge(u, resp.StatusCode, string(body), err)
}

// dial tries one address after the other, as long as there is time.
func (p *Prober) dial(ctx context.Context, network, addr string, addrs []netip.Addr) (c net.Conn, err error) {
	dial := p.Dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	for _, a := range addrs {
		if c, err = dial(ctx, network, net.JoinHostPort(a.String(), port)); err == nil || ctx.Err() != nil {
			return c, err
		}
	}
	return nil, err
}

// judge says what is wrong with an answer.
func judge(u *url.URL, status int, body string, err error) error {
	switch {
	case status >= 300 && status < 400:
		return fmt.Errorf("%s sends callers elsewhere, and since %s servers follow no redirect: set the address that it leads to",
			u.Host, releases.Calling)
	case status != http.StatusOK:
		return fmt.Errorf("%s says %d to %s: let the proxy hand /callbacks/ on to bbbpool", u.Host, status, Ping)
	case err != nil, strings.TrimSpace(body) != Word:
		return fmt.Errorf("what answers at %s is no bbbpool: let the proxy hand /callbacks/ on to it", u.Host)
	}
	return nil
}

// explain says in words why nothing answered. What it is made of holds no address but the host's.
func explain(ctx context.Context, u *url.URL, err error) error {
	unknown, isUnknown := errors.AsType[x509.UnknownAuthorityError](err)
	host, isHost := errors.AsType[x509.HostnameError](err)
	invalid, isInvalid := errors.AsType[x509.CertificateInvalidError](err)
	_, isOp := errors.AsType[*net.OpError](err)
	var wrong string
	switch {
	case isUnknown && unknown.Cert != nil && unknown.Cert.Issuer.String() == unknown.Cert.Subject.String():
		wrong = "is signed by itself"
	case isUnknown:
		wrong = "is of an authority that is not known here"
	case isHost && host.Certificate != nil:
		wrong = "is that of another name"
	case isInvalid && invalid.Reason == x509.Expired:
		wrong = "has expired, or is not valid yet"
	case isInvalid:
		wrong = "is not valid"
	case ctx.Err() != nil || isTimeout(err):
		return fmt.Errorf("%s does not answer from here within %v: look at the firewall, and at the proxy there", u.Host, patience)
	case isOp:
		return fmt.Errorf("%s cannot be reached from here: look at the port, the firewall, and whether a proxy runs there", u.Host)
	default:
		return fmt.Errorf("%s does not answer as a web server would: look at what runs there", u.Host)
	}
	return fmt.Errorf("the certificate of %s %s, and servers that do not trust it never call: use one of a public authority",
		u.Host, wrong)
}

func isTimeout(err error) bool {
	failed, ok := errors.AsType[net.Error](err)
	return ok && failed.Timeout()
}
