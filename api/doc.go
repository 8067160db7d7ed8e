// Package api is the HTTP server: the listener, what every request passes through, and the routes that say how the
// process itself is.
//
// It owns limits, request IDs, the recovery from a panic, readiness, metrics and the graceful end. What is served
// beyond that comes from packages that mount their own routes; it knows none of them.
//
// Handlers find in r.URL.Scheme and r.URL.Host the address that the caller knows us by: --public-url, else what a trusted
// proxy says, else what the request says, and where that is no host, the address it came in at. Links, cookies and policies
// are made of these, and never of the headers.
//
// There are never more connections from outside than leave descriptors for our own work. Where there is no room, the one
// whose caller has kept us waiting for longest is closed. What is refused is answered and closed, and its body not read.
package api
