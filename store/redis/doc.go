// Package redis keeps the small group of a pool's records, [store.State], in a Redis that any number of instances share: in
// Scalelite's own keys what those have a place for, and beside them, below "bbbpool", what they have not. It keeps the
// lease of the leader and who else is there, too.
//
// It owns the form of these keys (drawn in keys.go), and the scripts that write them. It never puts a field into a hash of
// Scalelite's that Scalelite does not know, never writes what was not changed, and never decides anything about the records
// that it keeps.
//
// # Two truths
//
// A server, a tenant, or a claim is put together from two places. Scalelite's keys are the truth for what they can carry:
// somebody may have edited them with a task of Scalelite's. Our row has the rest, and notes what each of Scalelite's fields
// was when the row was written (envelope.go). A field that is still so says what the row says, also where it says it
// otherwise ("1.0" for a weight of 1), and one that is not has been edited, and counts.
//
// # Writes
//
// There are two scripts. One reads some keys and tells a digest of what it has read; the other compares the lease and that
// digest, and writes only if nothing has changed: what a closure was given is what is replaced. It looks at the types of all
// keys first, so that no write is done by half. Each raises a sequence: where it has gone back, Redis has lost what it had
// acknowledged.
//
// Every call has a deadline. What the server cannot do now is [store.ErrAway], and nothing is repeated that may have been
// done.
package redis
