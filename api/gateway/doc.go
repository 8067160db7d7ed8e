// Package gateway is the BigBlueButton API that front ends call: one endpoint over all servers of the pool.
//
// It owns the way of a request: verify, find the tenant, find or place the meeting, call its server or redirect to it,
// and answer with the server's own bytes. There is a file for each call. Where meetings are is the ledger's to know, how
// servers are is the [Pool]'s; it remembers nothing but which servers have just failed at creates, and which creates no
// server could take.
//
// What a create asks of its server (size, tag, parent) is read here and decided by the ledger; each decision is one line
// of the log. A breakout room has two IDs, its front end's and BigBlueButton's: it is claimed by the latter, as servers
// list it, and found by either.
//
// Calls about recordings are answered by [Recordings], and no server is asked. A list of them may be longer than memory
// allows: it is sent in pieces, and cut off in the middle rather than ended where something is missing.
//
// It never lets an error of one server become an error of the pool while another can do the work, never answers in any
// form but BigBlueButton's own (XML mostly, a redirect for a join; a browser that cannot join gets a page), and never
// passes on what was not signed, or has not the shape of a front end's call: servers believe what the pool signs.
package gateway
