// Package placement decides which server a new meeting goes to, and owns the ledger: the one serialised record of
// which meeting is where, who is in it and who is still expected.
//
// # The rule
//
//  1. A meeting counts as the people in it, plus those still expected: the expectation fades to nothing over its first
//     20 minutes.
//  2. A new meeting goes where (people + expected + kept + its own expectation) / weight is smallest; of equals, where
//     fewer meetings are, then by lot.
//  3. Joins count at once; polls correct the count.
//
// A server that would be filled beyond its capacity comes after all that would not. The rule is pure ([Choice]) and is
// applied in one pass without allocation.
//
// # The ledger
//
// Decision and record are one step under one lock, so that 200 creates in the same second see each other. The claim is
// durable before a server is asked, and leaves memory only after the store, so that the two agree also when writes
// fail. What the ledger keeps in memory alone (counts, expectation, who waits) can be had again from the claims and the
// next polls. The lock is never held over a call to the store: whoever changes where a meeting is has its turn instead.
//
// The package makes no calls to servers and starts no goroutines. It hears from others what a server's standing is
// (SetServer), what a poll saw (Reconcile) and how a create went (Creation), and says what follows from that.
package placement
