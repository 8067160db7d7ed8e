// Package caller is the address that a request comes from: behind proxies that are trusted the one that they tell, else
// the peer's. Who may tell it is decided where requests come in (api, callers.go); here it is kept with the request, for
// everybody further in, who must never read a proxy's header himself. It is for counting and for the log, and no proof of
// who somebody is.
package caller

import (
	"context"
	"net/http"
	"net/netip"
)

// key is what the address is kept under.
type key struct{}

// With keeps the address of a request's caller with it.
func With(r *http.Request, addr netip.Addr) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), key{}, addr))
}

// Of returns the address of a request's caller: the one that was kept with it, else the peer's. It is not valid where that
// has none, as on a socket.
func Of(r *http.Request) netip.Addr {
	if addr, ok := r.Context().Value(key{}).(netip.Addr); ok {
		return addr
	}
	return Peer(r)
}

// Peer is the address of whoever the connection is from.
func Peer(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return peer.Addr().Unmap().WithZone("")
}
