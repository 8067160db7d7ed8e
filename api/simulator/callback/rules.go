package callback

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// Rules are the addresses that bbb-web calls about an end, since 3.0.27. What they refuse is never called, and nobody is told.
// The zero value is what tests on loopback need: no rules. BigBlueButton itself is always strict.
type Rules struct {
	Strict    bool     `json:"strict"`
	Protocols []string `json:"protocols,omitempty"` // fetchUrlSupportedProtocols; none: https; "all" is any
	Allowed   []string `json:"allowed,omitempty"`   // fetchUrlAllowedLocalHosts: hosts as URLs have them, exactly, without a port
	Blocked   []string `json:"blocked,omitempty"`   // fetchUrlBlockedExternalHosts
}

// maxHosts is how many hosts rules may name.
const maxHosts = 1000

func (r *Rules) check() error {
	if len(r.Protocols) > maxHosts || len(r.Allowed) > maxHosts || len(r.Blocked) > maxHosts {
		return fmt.Errorf("rules: want at most %d protocols or hosts", maxHosts)
	}
	return nil
}

// Resolver finds the addresses of a host.
type Resolver func(ctx context.Context, network, host string) ([]netip.Addr, error)

var (
	errNoURL    = errors.New("it is no URL")
	errNoLookup = errors.New("its host does not resolve")
)

// refuse tells why an address is not called, or nil.
func (r *Rules) refuse(ctx context.Context, resolve Resolver, link string) error {
	if !r.Strict {
		return nil
	}
	u, err := url.Parse(link)
	if err != nil || u.Hostname() == "" {
		return errNoURL
	}
	if !r.speaks(u.Scheme) {
		return fmt.Errorf("fetchUrlSupportedProtocols: %q is not among them", u.Scheme)
	}
	host := u.Hostname()
	if has(r.Blocked, host) {
		return fmt.Errorf("fetchUrlBlockedExternalHosts: %q is one", host)
	}
	if has(r.Allowed, host) {
		return nil
	}
	addresses, err := resolve(ctx, "ip", host)
	if err != nil || len(addresses) == 0 {
		return errNoLookup
	}
	for _, a := range addresses {
		if !isPublic(a) {
			return fmt.Errorf("%s is a local address, and %q none of fetchUrlAllowedLocalHosts", a, host)
		}
	}
	return nil
}

func (r *Rules) speaks(scheme string) bool {
	if len(r.Protocols) == 0 {
		return strings.EqualFold(scheme, "https")
	}
	return has(r.Protocols, "all") || has(r.Protocols, scheme)
}

func has(list []string, word string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return strings.EqualFold(s, word) })
}

// local are the networks that are not called, in IPv4. In IPv6 it is the other way around: only some are.
var (
	local = prefixes("0.0.0.0/32", "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16")
	// Of those that are public in IPv6 the last is not, for it leads to addresses of IPv4.
	global, tunnels = netip.MustParsePrefix("2000::/3"), netip.MustParsePrefix("2002::/16")
)

func prefixes(texts ...string) (list []netip.Prefix) {
	for _, text := range texts {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}

func isPublic(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if a.Is4() {
		return !slices.ContainsFunc(local, func(p netip.Prefix) bool { return p.Contains(a) })
	}
	return global.Contains(a) && !tunnels.Contains(a)
}
