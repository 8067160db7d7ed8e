// Package reach finds out whether BigBlueButton servers can call the pool back, and says what to set on them where they cannot.
//
// Since 3.0.27 a server calls an address at the end of a meeting only if it passes the server's own rules: https, a name that
// has no private address as the server resolves it, no redirect. A call that breaks one is given up in silence. So the package
// looks at our address as a server would: what it is ([Settings]), where its name leads ([Refused]), and what answers there
// ([Prober]). Seen from here a name may have other addresses than on a server, and a firewall other holes: a finding says what
// to look at, and that there is none is no promise.
//
// It owns that test and the words for it. It keeps no state, receives no callback, sets nothing on any server, follows no
// redirect, obeys no proxy of the environment, and reads no more of an answer than it needs.
package reach

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb/releases"
	"github.com/bbbpool/bbbpool/api/quantity"
)

// The way that whoever receives callbacks answers to anybody, and what it answers: the same at every instance.
const (
	Ping = "/callbacks/ping"
	Word = "bbbpool"
)

const (
	patience     = 4 * time.Second // for one address of ours, lookup included
	maxAddresses = 8               // of a name that are looked at
	maxBases     = 16              // addresses of ours that are
	maxNamed     = 200             // bytes of a host that are repeated
)

// Prober looks whether addresses of ours can be reached. The zero value is ready to use.
type Prober struct {
	// Lookup resolves a name; as the system does if nil. IP addresses need none.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)
	// Dial connects to an address and a port; as usual if nil.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Roots are the certificates that are trusted; those of the system if nil.
	Roots *x509.CertPool
}

// Outcome is what was found out about one address of ours.
type Outcome struct {
	Base     string    // the address, without what may be secret in it
	Findings []Finding // why callbacks may not come; none if nothing speaks against them
}

// Finding is one reason why callbacks may not come.
type Finding struct {
	Text string // what is the case
	// Setting is the line that helps, for bbb-web.properties of every server; "" if there is none.
	Setting string
}

// Come tells whether nothing speaks against callbacks.
func (o Outcome) Come() bool { return len(o.Findings) == 0 }

// Ruled tells whether all that speaks against callbacks are the rules that servers have since 3.0.27.
func (o Outcome) Ruled() bool {
	return !slices.ContainsFunc(o.Findings, func(f Finding) bool { return f.Setting == "" })
}

// String says in one line what was found, and before that what to set: whoever cuts it off cuts off the reasons.
func (o Outcome) String() string {
	if o.Come() {
		return "servers can call back at " + o.Base
	}
	texts := make([]string, 0, len(o.Findings))
	var lines []string
	for _, f := range o.Findings {
		if texts = append(texts, f.Text); f.Setting != "" {
			lines = append(lines, f.Setting)
		}
	}
	if len(lines) > 0 {
		texts = slices.Insert(texts, 0, toSet(lines))
	}
	return o.Base + ": " + strings.Join(texts, "; ")
}

// toSet says where such lines belong. Those of the same name are one: a server takes the last of them.
func toSet(lines []string) string {
	var names []string
	values := map[string][]string{}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, "=")
		if _, known := values[name]; !known {
			names = append(names, name)
		}
		for one := range strings.SplitSeq(value, ",") {
			if !slices.Contains(values[name], one) {
				values[name] = append(values[name], one)
			}
		}
	}
	for i, name := range names {
		names[i] = name + "=" + strings.Join(values[name], ",")
	}
	return "add to " + releases.RevealFile + " of every server: " + strings.Join(names, " and ") + " (then restart bbb-web)"
}

// Advice says what to set on servers that do not call back, whatever was found from here: a server may resolve our name
// otherwise. It is "" for what is no address.
func Advice(base string) string {
	u, err := parse(base)
	if err != nil {
		return ""
	}
	lines := []string{hostSetting(u)}
	if u.Scheme == "http" {
		lines = append(lines, httpSetting)
	}
	return toSet(lines)
}

// httpSetting lets servers call an address without TLS.
const httpSetting = "fetchUrlSupportedProtocols=https,http"

// hostSetting lets servers call a host whatever its addresses are. It is compared with the host as it stands in the URL.
func hostSetting(u *url.URL) string {
	host := u.Hostname()
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return "fetchUrlAllowedLocalHosts=" + host
}

// parse reads an address of ours. What comes back has neither a user nor a query.
func parse(base string) (*url.URL, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || len(u.Host) > maxNamed {
		return nil, fmt.Errorf("no address at which anybody could be called: use https://HOST")
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host, Path: strings.TrimRight(u.Path, "/")}, nil
}

// wide are the only IPv6 addresses that a server calls, but for those in tunnel.
var (
	wide   = netip.MustParsePrefix("2000::/3")
	tunnel = netip.MustParsePrefix("2002::/16")
)

// Refused tells whether a server calls no name with such an address, if nobody has allowed it: as BigBlueButton tests them.
// An IPv4 address within IPv6 is what it stands for, as in Java.
func Refused(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	switch {
	case !a.IsValid():
		return true
	case a.Is4():
		return a.IsUnspecified() || a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast()
	}
	return !wide.Contains(a) || tunnel.Contains(a)
}

// Probe looks at one address of ours. It takes a few seconds at most.
func (p *Prober) Probe(ctx context.Context, base string) Outcome {
	u, err := parse(base)
	if err != nil {
		return Outcome{Base: "the callback address", Findings: []Finding{{Text: err.Error()}}}
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	o := Outcome{Base: u.String()}
	if u.Scheme == "http" {
		o.add("it is http, and since "+releases.Calling+" servers call https alone unless told otherwise", httpSetting)
	}
	addrs, err := p.addresses(ctx, u.Hostname())
	if err != nil {
		o.add(err.Error(), "")
		return o
	}
	if private := refused(addrs); private != "" {
		o.add(fmt.Sprintf("its host is %s as seen from here, and since %s servers call no such address unless told otherwise",
			private, releases.Calling), hostSetting(u))
	}
	if err := p.ask(ctx, u, addrs); err != nil {
		o.add(err.Error(), "")
	}
	return o
}

func (o *Outcome) add(text, setting string) {
	o.Findings = append(o.Findings, Finding{text, setting})
}

// refused names the first address that a server calls only if it is told to; "" if there is none. One beside public ones is
// enough.
func refused(addrs []netip.Addr) string {
	for _, a := range addrs {
		if Refused(a) {
			return a.String()
		}
	}
	return ""
}

// Site is where servers are told to call.
type Site struct {
	Prober
	// Bases returns the addresses, as https://HOST; none while servers are told of none.
	Bases func() []string
}

// Told tells whether servers are told of any address. A site that is nil has none.
func (s *Site) Told() bool { return s != nil && s.Bases != nil && len(s.Bases()) > 0 }

// Look looks at all addresses.
func (s *Site) Look(ctx context.Context) []Outcome {
	if !s.Told() {
		return nil
	}
	return s.All(ctx, s.Bases())
}

// All looks at several addresses of ours at the same time, each once. More than maxBases are not looked at.
func (p *Prober) All(ctx context.Context, bases []string) []Outcome {
	bases = slices.Compact(slices.Sorted(slices.Values(bases)))
	list := make([]Outcome, min(len(bases), maxBases))
	var probing sync.WaitGroup
	for i := range list {
		probing.Go(func() { list[i] = p.Probe(ctx, bases[i]) })
	}
	probing.Wait()
	return list
}

// Merge makes one outcome of several, with the lines that help for all of them.
func Merge(list []Outcome) Outcome {
	if len(list) == 1 {
		return list[0]
	}
	bases := make([]string, 0, len(list))
	var all Outcome
	for _, o := range list {
		bases = append(bases, o.Base)
		for _, f := range o.Findings {
			all.add(o.Base+": "+f.Text, f.Setting)
		}
	}
	if all.Base = strings.Join(bases, ", "); !all.Come() {
		all.Base = quantity.Count(len(list), "callback address", "callback addresses")
	}
	return all
}

// addresses are those of a host.
func (p *Prober) addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a.Unmap()}, nil
	}
	lookup := p.Lookup
	if lookup == nil {
		lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	addrs, err := lookup(ctx, host)
	if err != nil || len(addrs) == 0 {
		return nil, fmt.Errorf("%s cannot be resolved here, and a server that cannot resolve it at the end of a meeting "+
			"does not try again", host)
	}
	addrs = slices.Clone(addrs[:min(len(addrs), maxAddresses)])
	for i := range addrs {
		addrs[i] = addrs[i].Unmap()
	}
	return addrs, nil
}
