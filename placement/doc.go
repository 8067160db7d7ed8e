// Package placement decides which server a new meeting goes to, and owns the ledger: the one serialised record of
// which meeting is where, who is in it and who is still expected.
//
// # The rule
//
//  1. A meeting counts as the people in it, plus those still expected: the expectation fades to nothing over its first
//     20 minutes.
//  2. Expected is what this room had the last three times; if it is new, what the front end announces, corrected by how
//     its announcements turned out; else the tenant's average.
//  3. A meeting that regularly brings 50 or more people on this weekday keeps a place, a seat, from 20 minutes before its
//     usual start until 10 minutes after it.
//  4. A new meeting goes where (people + expected + kept + its own expectation) / weight is smallest; of equals, where
//     fewer meetings are, then by lot.
//     A server that takes 2 s or more for its answers has half its weight meanwhile.
//  5. Joins count at once, one person or link once; polls correct the count.
//
// A server that would be filled beyond its capacity comes after all that would not, or is out of the question where
// that is a hard limit. A breakout room goes where its parent is, and nobody is counted in it. The rule is pure
// ([Choice]) and is applied in one pass without allocation.
//
// # The history
//
// Of every session a row is stored, with a keyed hash in place of the meetingID. Memory knows the last ten weeks of
// them: the last sizes of each room, the hours of those that once were large, how each tenant's announcements turned
// out, and how busy the weeks were (Capacity). Nothing is read from the store for a decision.
//
// # The ledger
//
// Decision and record are one step under one lock, so that 200 creates in the same second see each other. The claim is
// durable before a server is asked, with the numbers it was decided by, and leaves memory only after the store, so that
// the two agree also when writes fail. What the ledger keeps in memory alone (counts, expectation, seats, who waits) can
// be had again from the claims, the history and the next polls. The lock is never held over a call to the store: whoever
// changes where a meeting is has its turn instead.
//
// An end that was acknowledged is a record of its own for each server that may have the meeting still (Ended): until that
// server is seen without it nothing by that ID is adopted, and it is ended wherever it is seen. A copy that nobody knew of
// shows at the first poll that sees its server whole: what comes up later is a new meeting, whatever clocks say. Until that
// poll a server that could not be looked at owes the end of whatever it has from before.
//
// The package makes no calls to servers and starts no goroutines. It hears from others what a server's standing is
// (SetServer), what a poll saw (Reconcile), how a create went (Creation) and what was ended (Ending), and says what follows
// from that.
package placement
