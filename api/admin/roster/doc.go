// Package roster is what operators do to the servers of a pool: it adds, changes, tests, drains, empties and removes them,
// one by one or as a list says.
//
// It knows no HTTP: package admin reads what is asked for, and answers with what comes of it, in the types of version 1 of
// the API. Refusals are those of the API, too, so that every way in says the same.
//
// # What keeps records and pool in step
//
// A server is a record in the store, and something that the poller and the ledger know. Every change of a record reaches the
// pool before the next one is made: [Records] makes them in turns, and what writes a record exists only within a turn.
// Entering the pool has turns of its own, which are longer: from the search for a server's other names to its arrival, for of
// two names that come at once each may be the other's. Nobody has a turn while a server is tested.
//
// # What takes long
//
// Whoever waits for a drain can go: the server goes on draining, and somebody has to ask again to have it disabled. An
// evacuation (panic) is brought to its end also if nobody listens any more, because half of one leaves people in rooms that
// no pool knows. A sync stops after the servers that it is changing just then. Nothing here changes a state by itself.
package roster
