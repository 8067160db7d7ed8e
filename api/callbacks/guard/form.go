package guard

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// maxURL bounds an address.
const maxURL = 8 << 10

// Parse reads an address and checks its form, as [Guard.Check] does. What is behind a # is not sent, and taken away. A query is
// escaped as far as it is in no form that may stand in a request: a blank in it would end the line's address for some receivers.
func (g *Guard) Parse(text string) (*url.URL, error) {
	if len(text) > maxURL {
		return nil, &Refusal{Rule: "the address is longer than 8 KiB", Final: true}
	}
	u, err := url.Parse(text)
	if err != nil { // the error has the address in it, which may have secrets in it
		return nil, &Refusal{Rule: "it is no address that can be read", Final: true}
	}
	u.Fragment, u.RawFragment, u.RawQuery = "", "", escaped(u.RawQuery)
	return u, g.Check(u)
}

// escaped is a query in which nothing stands that browsers escape there, too.
func escaped(query string) string {
	odd := func(b byte) bool { return b <= ' ' || b > '~' || b == '"' || b == '<' || b == '>' }
	var out strings.Builder
	for i := range len(query) {
		if b := query[i]; odd(b) {
			fmt.Fprintf(&out, "%%%02X", b)
		} else {
			out.WriteByte(b)
		}
	}
	return out.String()
}

// Check tells by its form alone why an address is refused, nil where it is not.
func (g *Guard) Check(u *url.URL) error {
	host := name(u.Hostname())
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return &Refusal{Rule: "only http and https are called", Host: host, Final: true}
	case host == "" || u.Opaque != "":
		return &Refusal{Rule: "the address has no host", Final: true}
	case u.User != nil:
		return &Refusal{Rule: "user and password in an address are not sent", Host: host, Final: true}
	}
	if rule := hostForm(u.Hostname(), strings.HasPrefix(u.Host, "[")); rule != "" {
		return &Refusal{Rule: rule, Host: printable(host), Final: true}
	}
	if rule := portForm(u); rule != "" {
		return &Refusal{Rule: rule, Host: host, Final: true}
	}
	return g.notSelf(u, host)
}

// notSelf refuses the pool's own addresses. Who has a front end under the same name allows that by its exact name; what servers
// call is refused all the same, or a callback could make another.
func (g *Guard) notSelf(u *url.URL, host string) error {
	if !g.self(u) {
		return nil
	}
	if strings.Contains(u.Path, "/callbacks/") || !g.Allowed.names(host) {
		return &Refusal{Rule: RuleSelf, Host: host, Setting: Setting}
	}
	return nil
}

// name is a host as it is compared: in small letters, without the dot at the end of one that is complete.
func name(host string) string { return strings.ToLower(strings.TrimSuffix(host, ".")) }

// port is the port of an address, said or not.
func port(u *url.URL) string {
	switch {
	case u.Port() != "":
		return strings.TrimLeft(u.Port(), "0")
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}

// hostForm tells what is wrong with how a host is written; "" where nothing is. An IP address has one form here: in others
// resolvers, and people who look at a list, see something else in it.
func hostForm(host string, brackets bool) string {
	// Before it is in small letters: some letters of other scripts become those of ASCII.
	if strings.IndexFunc(host, func(r rune) bool { return r <= ' ' || r > '~' }) >= 0 {
		return "the host has letters that names have not (write it in ASCII)"
	}
	if brackets {
		ip, err := netip.ParseAddr(host)
		switch {
		case err != nil || !ip.Is6():
			return "what stands in brackets is no IPv6 address"
		case ip.Zone() != "":
			return "an IPv6 address with a zone is not called"
		}
		return ""
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return ""
	}
	host = name(host)
	if host == "" || len(host) > 253 || strings.Contains("."+host, "..") ||
		strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789-._") != "" {
		return "the host has letters that names have not (write it in ASCII)"
	}
	if last := host[strings.LastIndexByte(host, '.')+1:]; numeric(last) {
		return "the host is an IP address in an odd form"
	}
	return ""
}

// numeric tells whether the last part of a name is a number, decimal, octal or hexadecimal. No name ends so.
func numeric(part string) bool {
	hex, is := strings.CutPrefix(part, "0x")
	if is {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return part != "" && strings.Trim(part, "0123456789") == ""
}

// portForm tells what is wrong with a port; "" where nothing is.
func portForm(u *url.URL) string {
	n, err := strconv.ParseUint(port(u), 10, 16)
	switch {
	case err != nil || n == 0 || strings.HasSuffix(u.Host, ":"):
		return "the port is none"
	case badPorts[uint16(n)]:
		return "the port is that of another protocol"
	}
	return ""
}

// badPorts are those that the Fetch standard lets no browser call, because what listens there may obey what it takes for lines
// of its own protocol, and Redis's and memcached's, which do.
var badPorts = map[uint16]bool{
	1: true, 7: true, 9: true, 11: true, 13: true, 15: true, 17: true, 19: true, 20: true, 21: true, 22: true, 23: true, 25: true,
	37: true, 42: true, 43: true, 53: true, 69: true, 77: true, 79: true, 87: true, 95: true, 101: true, 102: true, 103: true,
	104: true, 109: true, 110: true, 111: true, 113: true, 115: true, 117: true, 119: true, 123: true, 135: true, 137: true,
	139: true, 143: true, 161: true, 179: true, 389: true, 427: true, 465: true, 512: true, 513: true, 514: true, 515: true,
	526: true, 530: true, 531: true, 532: true, 540: true, 548: true, 554: true, 556: true, 563: true, 587: true, 601: true,
	636: true, 989: true, 990: true, 993: true, 995: true, 1719: true, 1720: true, 1723: true, 2049: true, 3659: true, 4045: true,
	4190: true, 5060: true, 5061: true, 6000: true, 6566: true, 6665: true, 6666: true, 6667: true, 6668: true, 6669: true,
	6679: true, 6697: true, 10080: true, 6379: true, 11211: true,
}
