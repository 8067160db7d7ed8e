package api

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/bbbpool/bbbpool/api/caller"
)

// forwardedFor is the header in which each proxy adds the address that it was called from, at the end.
const forwardedFor = "X-Forwarded-For"

// maxHops is how many proxies may stand in a row. A longer list is nobody's but the caller's own.
const maxHops = 16

// setCaller keeps with a request the address that it comes from, where a proxy that is trusted tells another one than its
// own.
func (s *Server) setCaller(r *http.Request) *http.Request {
	if addr, told := s.origins.caller(r); told {
		return caller.With(r, addr)
	}
	return r
}

// caller walks from our own peer back along the proxies, as far as they are trusted: each one's word about who has called
// it is the last entry that is left. The first address that is not a trusted proxy's is the caller's; what stands before
// it is what the caller says, and worth nothing. It tells nothing where the peer itself is the caller.
func (o origins) caller(r *http.Request) (addr netip.Addr, told bool) {
	lists := r.Header[forwardedFor]
	if len(lists) == 0 || !o.trusts(r.RemoteAddr) {
		return addr, false
	}
	rest := strings.Join(lists, ",")
	for range maxHops {
		entry := rest
		if i := strings.LastIndexByte(rest, ','); i >= 0 {
			rest, entry = rest[:i], rest[i+1:]
		} else {
			rest = ""
		}
		hop, ok := parseHop(strings.TrimSpace(entry))
		if !ok {
			return addr, told
		}
		if addr, told = hop, true; !o.contains(hop) || rest == "" {
			return addr, true
		}
	}
	return addr, told
}

// parseHop reads an entry, which some proxies write with a port.
func parseHop(entry string) (netip.Addr, bool) {
	addr, err := netip.ParseAddr(strings.Trim(entry, "[]"))
	if err != nil {
		withPort, err := netip.ParseAddrPort(entry)
		if err != nil {
			return netip.Addr{}, false
		}
		addr = withPort.Addr()
	}
	return addr.Unmap().WithZone(""), true
}
