package guard

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Setting is what allows more, as a refusal names it.
const Setting = "--callback-allow"

// The rules by which an address is refused. Each is how an operator reads it.
const (
	RuleSelf      = "that is this pool itself"
	RuleLoopback  = "a loopback address"
	RulePrivate   = "a private address"
	RuleLinkLocal = "a link-local address"
	RuleMetadata  = "the address of a cloud's metadata"
	RuleShared    = "an address of carriers (100.64.0.0/10)"
	RuleReserved  = "a reserved address"
	RuleTranslate = "an IPv6 address that stands for an IPv4 address"
	RuleNowhere   = "an address of nobody or of many"
)

// Refusal is that an address is not called. No packet has gone there.
type Refusal struct {
	Rule    string
	Host    string // as it was asked for, without what may be secret; "" where there is none
	Setting string // that would allow it; "" for what nothing allows
	Final   bool   // it is so by the form of the address alone, and never changes
}

// Error names the rule and the setting. It does not name the address behind a name: who chooses names shall not learn from us
// what they mean in here.
func (r *Refusal) Error() string {
	text := "refused: " + r.Rule
	if r.Host != "" {
		text = "refused: " + r.Host + ": " + r.Rule
	}
	if r.Setting != "" {
		text += " (" + r.Setting + " allows it)"
	}
	return text
}

// settingFor is the setting that waives a rule.
func settingFor(rule string) string {
	if rule == RuleNowhere {
		return ""
	}
	return Setting
}

// nets are networks with the rule that they are refused by. The first that an address is in counts.
var nets = []struct {
	net  netip.Prefix
	rule string
}{
	{netip.MustParsePrefix("169.254.169.254/32"), RuleMetadata},
	{netip.MustParsePrefix("169.254.170.2/32"), RuleMetadata},   // of containers
	{netip.MustParsePrefix("168.63.129.16/32"), RuleMetadata},   // Azure's, which looks like a public one
	{netip.MustParsePrefix("100.100.100.200/32"), RuleMetadata}, // Alibaba's
	{netip.MustParsePrefix("192.0.0.192/32"), RuleMetadata},     // Oracle's
	{netip.MustParsePrefix("fd00:ec2::254/128"), RuleMetadata},  // Amazon's
	{netip.MustParsePrefix("fd20:ce::254/128"), RuleMetadata},   // Google's
	{netip.MustParsePrefix("fd00:42::42/128"), RuleMetadata},    // Scaleway's
	{netip.MustParsePrefix("0.0.0.0/8"), RuleNowhere},           // which is this machine, too
	{netip.MustParsePrefix("255.255.255.255/32"), RuleNowhere},  // everybody
	{netip.MustParsePrefix("224.0.0.0/4"), RuleNowhere},         // many
	{netip.MustParsePrefix("::/128"), RuleNowhere},              // which is this machine, too
	{netip.MustParsePrefix("ff00::/8"), RuleNowhere},            // many
	{netip.MustParsePrefix("127.0.0.0/8"), RuleLoopback},        //
	{netip.MustParsePrefix("::1/128"), RuleLoopback},            //
	{netip.MustParsePrefix("169.254.0.0/16"), RuleLinkLocal},    //
	{netip.MustParsePrefix("fe80::/10"), RuleLinkLocal},         //
	{netip.MustParsePrefix("10.0.0.0/8"), RulePrivate},          //
	{netip.MustParsePrefix("172.16.0.0/12"), RulePrivate},       //
	{netip.MustParsePrefix("192.168.0.0/16"), RulePrivate},      //
	{netip.MustParsePrefix("fc00::/7"), RulePrivate},            //
	{netip.MustParsePrefix("fec0::/10"), RulePrivate},           // site-local of old
	{netip.MustParsePrefix("100.64.0.0/10"), RuleShared},        //
	{netip.MustParsePrefix("192.0.0.0/24"), RuleReserved},       // of protocols
	{netip.MustParsePrefix("192.0.2.0/24"), RuleReserved},       // of documentation
	{netip.MustParsePrefix("192.88.99.0/24"), RuleReserved},     // relays of 6to4
	{netip.MustParsePrefix("198.18.0.0/15"), RuleReserved},      // of benchmarks
	{netip.MustParsePrefix("198.51.100.0/24"), RuleReserved},    // of documentation
	{netip.MustParsePrefix("203.0.113.0/24"), RuleReserved},     // of documentation
	{netip.MustParsePrefix("240.0.0.0/4"), RuleReserved},        //
	{netip.MustParsePrefix("64:ff9b::/96"), RuleTranslate},      // NAT64
	{netip.MustParsePrefix("64:ff9b:1::/48"), RuleTranslate},    // NAT64 of a site
	{netip.MustParsePrefix("2002::/16"), RuleTranslate},         // 6to4
	{netip.MustParsePrefix("2001::/32"), RuleTranslate},         // Teredo
	{netip.MustParsePrefix("::/96"), RuleTranslate},             // compatible, of old
	{netip.MustParsePrefix("::ffff:0:0/96"), RuleTranslate},     // mapped: which are IPv4 before anybody asks
	{netip.MustParsePrefix("::ffff:0:0:0/96"), RuleTranslate},   // translated
	{netip.MustParsePrefix("2001::/23"), RuleReserved},          // of protocols
	{netip.MustParsePrefix("2001:db8::/32"), RuleReserved},      // of documentation
	{netip.MustParsePrefix("3fff::/20"), RuleReserved},          // of documentation
}

var unicast = netip.MustParsePrefix("2000::/3")

// classify returns the rule that an address is refused by; "" for one that everybody can reach.
func classify(ip netip.Addr) string {
	ip = ip.Unmap()
	for _, n := range nets {
		if n.net.Contains(ip) {
			return n.rule
		}
	}
	if !ip.IsValid() || ip.Zone() != "" || ip.Is6() && !unicast.Contains(ip) {
		return RuleReserved // there is nothing yet; who knows what it will be
	}
	return ""
}

// within is the IPv4 address that an address of NAT64 stands for.
func within(ip netip.Addr) netip.Addr {
	b := ip.As16()
	return netip.AddrFrom4([4]byte(b[12:]))
}

// Allowed are the hosts and networks that are called although a rule refuses them. The zero value allows none.
type Allowed struct {
	exact []string // names
	below []string // ends of names, with the dot
	nets  []netip.Prefix
}

// Allow reads a list: names, exact or as *.example.edu for all below, addresses and networks.
func Allow(list []string) (a Allowed, err error) {
	var errs []error
	for _, entry := range list {
		if err := a.add(strings.TrimSpace(entry)); err != nil {
			errs = append(errs, err)
		}
	}
	return a, errors.Join(errs...)
}

func (a *Allowed) add(entry string) error {
	under, wild := strings.CutPrefix(entry, "*.")
	ip, noIP := netip.ParseAddr(strings.Trim(entry, "[]"))
	network, noNet := netip.ParsePrefix(entry)
	switch {
	case noIP == nil && ip.Zone() == "":
		a.nets = append(a.nets, netip.PrefixFrom(ip.Unmap(), ip.Unmap().BitLen()))
	case noNet == nil && network.Addr().Is4In6():
		return fmt.Errorf("%s %q: write IPv4 networks as 10.1.0.0/16", Setting, entry)
	case noNet == nil:
		a.nets = append(a.nets, network.Masked())
	case entry == "" || under == "" || hostForm(name(under), false) != "":
		return fmt.Errorf("%s %q: want a host (moodle.example.edu), all below one (*.example.edu), an address or a network "+
			"(10.1.0.0/16)", Setting, printable(entry))
	case wild:
		a.below = append(a.below, "."+name(under))
	default:
		a.exact = append(a.exact, name(under))
	}
	return nil
}

// names tells whether a host is allowed by its exact name.
func (a Allowed) names(host string) bool { return slices.Contains(a.exact, name(host)) }

// waives tells whether a rule does not count for an address of a host. A network waives each rule but the one about nobody. An
// exact name waives what an internal web server may have: a private or a loopback address. A pattern waives the former alone:
// below it anybody may have a name who is let into the zone. No name waives the rest, as metadata, whatever its addresses are.
func (a Allowed) waives(host string, ip netip.Addr, rule string) bool {
	if rule == RuleNowhere {
		return false
	}
	for _, n := range a.nets {
		if n.Contains(ip) {
			return a.stands(ip, rule)
		}
	}
	private := rule == RulePrivate || rule == RuleShared
	if a.names(host) {
		return private || rule == RuleLoopback
	}
	return private && slices.ContainsFunc(a.below, func(end string) bool { return strings.HasSuffix(name(host), end) })
}

// stands tells whether what an address stands for may be called: an allowed NAT64 leads to what is behind it.
func (a Allowed) stands(ip netip.Addr, rule string) bool {
	if rule != RuleTranslate {
		return true
	}
	v4 := within(ip)
	inner := classify(v4)
	return inner == "" || inner != RuleNowhere && slices.ContainsFunc(a.nets, func(n netip.Prefix) bool { return n.Contains(v4) })
}

// printable is what others have written, fit for a message.
func printable(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, text)
	return text[:min(len(text), 253)]
}
