// Package api is the HTTP server: the listener, what every request passes through, and the routes that say how the
// process itself is.
//
// It owns limits, request IDs, the recovery from a panic, readiness, metrics and the graceful end. What is served
// beyond that comes from packages that mount their own routes; it knows none of them.
package api
