// Package gateway is the BigBlueButton API that front ends call: one endpoint over all servers of the pool.
//
// It owns the way of a request: verify, find the tenant, find or place the meeting, call its server or redirect to it,
// and answer with the server's own bytes. [Gateway] takes a call in, and a type for each kind of calls answers it: creates
// (create.go, failover.go for the servers that a create is sent to, and owner.go for whose the meeting is that a server
// answers with), joins, ends, meetings for what is passed on to the server of one meeting, lists for what is about all of a
// tenant's. Calls about recordings are answered by package recordingcalls. What can be told to a front end that went wrong is
// in errors.go. Whose a call is, and what is set for that tenant, is package tenancy's to know; what becomes of its parameters,
// package params'; how fast a wrong checksum is answered, package throttle's.
//
// Where meetings are is the ledger's to know; how servers are, and what was last seen on them, are [Servers] and [View].
// The gateway remembers nothing but which servers have just failed at creates, which creates no server could take, and
// which meetings have just been ended (package ended).
//
// What a create asks of its server (size, tag, parent) is read here and decided by the ledger; each decision is one line
// of the log. A breakout room has two IDs, its front end's and BigBlueButton's: it is claimed by the latter, as servers
// list it, and found by either. So may every meeting of a tenant have two: servers know it by the claim's alias, which is put
// into each call as it goes out (call.query, creates.queryFor), and taken out of each answer as it comes in (call.restore).
// Between the two there is the front end's alone, in keys, logs and errors.
//
// The same goes for where a front end wants to be called back: servers are given addresses of ours, made for each of them
// (creates.queryFor), and answers are given the front end's again, those of calls as they come in and those of lists as polls do
// (originals.go). What is done when a server calls is package callbacks' to decide.
//
// Of several instances one decides (elsewhere.go). The others verify a call, answer what needs no decision, and hand the rest to
// that one as it came: so no front end is told by anybody else that a meeting is unknown. Creates that were made already, by
// a leader that has gone or a server whose answer was lost, are found out in again.go.
//
// It never lets an error of one server become an error of the pool while another can do the work, never answers in any
// form but BigBlueButton's own (XML mostly, a redirect for a join; a browser that cannot join gets a page), and never
// tells one tenant of another's, be it only by another error than for what is nowhere, and never passes on what was not
// signed, or has not the shape of a front end's call: servers believe what the pool signs.
package gateway
