package api

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// origins tell under which address callers know us: the one that was set, else what a proxy that is trusted says, else
// what the request itself says.
type origins struct {
	public  *url.URL // nil: none was set
	trusted []netip.Prefix
}

// loopback is who is trusted where nobody was named: a proxy on this machine.
var loopback = []string{"127.0.0.0/8", "::1"}

// origins reads the settings.
func (c Config) origins() (o origins, err error) {
	if c.PublicURL != "" {
		o.public, err = parseOrigin(c.PublicURL)
	}
	list := c.TrustedProxies
	if len(list) == 0 {
		list = loopback
	}
	for _, text := range list {
		prefix, wrong := parsePrefix(strings.TrimSpace(text))
		o.trusted, err = append(o.trusted, prefix), errors.Join(err, wrong)
	}
	return o, err
}

func parseOrigin(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.Path != "" && u.Path != "/" ||
		u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("--public-url %q: want https://HOST or https://HOST:PORT, and nothing behind it", text)
	}
	host, ok := cleanHost(u.Scheme, u.Host, "")
	if !ok {
		return nil, fmt.Errorf("--public-url %q: %q is no host name or address with an optional port", text, u.Host)
	}
	return &url.URL{Scheme: u.Scheme, Host: host}, nil
}

func parsePrefix(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		return netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return prefix, fmt.Errorf("--trusted-proxies %q: want addresses or networks, as 10.1.2.3,10.2.0.0/16", text)
	}
	return prefix.Masked(), nil
}

// setOrigin puts the scheme and the host that a caller knows us by into a request's URL, for everybody who makes links. It
// is made out once, and here.
func (s *Server) setOrigin(r *http.Request) {
	r.URL.Scheme, r.URL.Host = s.origins.origin(r)
	if strings.Contains(r.URL.RawQuery, "checksum=") { // a front end, and nobody who looks whether we live
		if known := s.calledBy.Load(); known == nil || *known != r.URL.Host {
			host := r.URL.Host
			s.calledBy.Store(&host)
		}
	}
	if s.origins.public == nil && !s.doubted.Load() && speaksForOthers(r.Header) && !s.origins.trusts(r.RemoteAddr) &&
		s.doubted.CompareAndSwap(false, true) {
		s.log.Warn().Str("remote", r.RemoteAddr).
			Msg("a proxy that is not among --trusted-proxies says how it was called, and is not believed; " +
				"name it there, or set --public-url")
	}
}

// origin returns scheme and host for a request. The host is never empty, and fit for links and policies.
func (o origins) origin(r *http.Request) (scheme, host string) {
	if o.public != nil {
		return o.public.Scheme, o.public.Host
	}
	return o.called(r)
}

// Called returns the host that a caller has called, whatever the links are made of: what a proxy that is trusted says, else
// what the request says. Whose a call is may depend on it.
func (s *Server) Called(r *http.Request) string {
	if s.origins.public == nil && r.URL.Host != "" {
		return r.URL.Host // it was made out already
	}
	_, host := s.origins.called(r)
	return host
}

// called returns the scheme and the host that a caller has called.
func (o origins) called(r *http.Request) (scheme, host string) {
	said := forwarded{}
	if o.trusts(r.RemoteAddr) {
		said = readForwarded(r.Header)
	}
	scheme = "http"
	if said.proto == "https" || said.proto == "" && r.TLS != nil {
		scheme = "https"
	}
	if host, ok := cleanHost(scheme, said.host, said.port); ok {
		return scheme, host
	}
	if host, ok := cleanHost(scheme, r.Host, said.port); ok {
		return scheme, host
	}
	return scheme, localAddress(r)
}

// trusts tells whether a peer is one of the proxies that may speak for their callers.
func (o origins) trusts(remote string) bool {
	peer, err := netip.ParseAddrPort(remote)
	if err != nil {
		return false
	}
	return o.contains(peer.Addr().Unmap().WithZone(""))
}

// contains tells whether an address is that of a trusted proxy.
func (o origins) contains(addr netip.Addr) bool {
	return slices.ContainsFunc(o.trusted, func(prefix netip.Prefix) bool { return prefix.Contains(addr) })
}

// localAddress is the address that a request has come to, for those that say nothing sound about where they wanted to go.
func localAddress(r *http.Request) string {
	if addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		return addr.String()
	}
	return "localhost"
}

// forwarded is what a proxy says about the request that it got. Where there were several proxies, the first entry of a
// list is of the one that the caller has spoken to.
type forwarded struct{ proto, host, port string }

// The headers in which proxies say it.
const (
	forwardedProto = "X-Forwarded-Proto"
	forwardedHost  = "X-Forwarded-Host"
	forwardedPort  = "X-Forwarded-Port"
)

// readForwarded reads the headers that most proxies write, and the standard's only where there are none of those: a
// proxy that writes the one passes the other on as it came, from anybody.
func readForwarded(h http.Header) (f forwarded) {
	f = forwarded{firstEntry(h, forwardedProto), firstEntry(h, forwardedHost), firstEntry(h, forwardedPort)}
	if f == (forwarded{}) {
		for pair := range strings.SplitSeq(firstEntry(h, "Forwarded"), ";") {
			name, value, _ := strings.Cut(pair, "=")
			value = strings.Trim(strings.TrimSpace(value), `"`)
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "proto":
				f.proto = value
			case "host":
				f.host = value
			}
		}
	}
	f.proto = strings.ToLower(f.proto)
	return f
}

// speaksForOthers tells whether a request claims to come by a proxy.
func speaksForOthers(h http.Header) bool { return readForwarded(h) != forwarded{} }

// firstEntry is the first entry of a header that is a list.
func firstEntry(h http.Header, name string) string {
	entry, _, _ := strings.Cut(h.Get(name), ",")
	return strings.TrimSpace(entry)
}

// cleanHost checks that text is a host name or an address, with a port or without, and returns it as links have it: in
// small letters, without the port that the scheme has anyway. Where it has no port, it gets the one that a proxy has
// told, unless that belongs to the other scheme: then it is of a hop further in.
func cleanHost(scheme, text, told string) (host string, ok bool) {
	name, port := strings.ToLower(text), ""
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, ']') {
		if name, port = name[:i], name[i+1:]; !validPort(port) {
			return "", false
		}
	} else if validPort(told) && told != usualPorts["http"] && told != usualPorts["https"] {
		port = told
	}
	if !validHost(name) {
		return "", false
	}
	if port == "" || port == usualPorts[scheme] {
		return name, true
	}
	return name + ":" + port, true
}

var usualPorts = map[string]string{"http": "80", "https": "443"}

// hostName is what the name of a host looks like, in small letters.
var hostName = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_.])?$`)

// validHost tells whether a name without a port is that of a host, or an address, in brackets if it has colons.
func validHost(name string) bool {
	inner, ok := strings.CutPrefix(name, "[")
	if !ok {
		return hostName.MatchString(name)
	}
	inner, ok = strings.CutSuffix(inner, "]")
	addr, err := netip.ParseAddr(inner)
	return ok && err == nil && addr.Is6() && addr.Zone() == ""
}

func validPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16) // takes no sign
	return err == nil && n > 0
}

// isLoopback tells whether a host of a link leads to the machine that follows it.
func isLoopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && (addr.IsLoopback() || addr.IsUnspecified()) || host == "localhost" || strings.HasSuffix(host, ".localhost")
}
