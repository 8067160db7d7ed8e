// Package mirror keeps a copy of a state that lives elsewhere, so that the pool outlives the loss of it: all its rows in
// memory, and the last good copy of them in the data directory.
//
// It owns the copy, the decision whether a difference is somebody's edit or a loss, and what is put back after a loss. It
// never decides what a record should say, and keeps nothing of what the index has.
//
// # Who answers
//
// Writes go to the store first and to the copy second. Reads are answered from the copy, so that a store that was emptied a
// moment ago throws nobody out, and one that does not answer stops no join. The copy is compared with the store every
// interval. At the leader the copy is exact but for what others do to the store: nobody else may write servers, tenants,
// claims and endings. At a follower it is an interval old.
//
// # An edit or a loss
//
// Each write raises a sequence that is kept in the store, and the leader keeps it at the microseconds since 1970 besides, so
// that a store that lost it cannot catch up unseen. Where the sequence is what it was, or more, a difference is what
// somebody has done to the store, and is taken over. Where it is gone or has gone back, the store has lost writes: of each
// record the newest copy is put back. Deletions are kept as tombstones, so that what was deleted stays so: a tenant comes
// back whole or not at all, and no retired secret with it. A store that was started again may have lost the last writes and
// have gone on since; a leader whose copy is of the same term trusts that more.
//
// Whoever is new sees no loss. So leaders vouch in the store for the run of its server that they have made sure of; in one that
// nobody has vouched for a new leader asks the servers for their meetings before it decides (vouch.go).
//
// The leader alone puts back. What needs no lease (tokens that were used, what waits for the index) an instance puts back
// itself where it has written it itself, for nobody else may know of it yet. The sequence is raised above all that any
// instance may have seen only once a look at the whole store has found nothing missing: who dies before that, or is
// interrupted by the next loss, leaves a loss that can be seen.
//
// # A store that is away
//
// One instance alone goes on: what it writes is decided by its copy and is in the data directory, synced, before it is
// acknowledged. Once the store is back it gets all of that at once, before anything else is written; but where another instance
// has led since, what that one has decided counts. With several instances nothing is written meanwhile. Tokens are never spent
// without the store.
package mirror
