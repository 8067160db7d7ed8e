// Package lease decides whether this instance is the leader: it takes the lease of the pool, renews it, watches that of
// another, and has a term run for as long as it is held. It knows of the pool only that function, and of other instances
// only what stands in the store.
//
// # Design
//
// A lease has no end by a clock that several machines would have to agree on. Its holder moves a beat on, and leads until one
// lease time, less a margin, after the *start* of the last renewal that succeeded. Whoever watches counts one lease time from
// the *end* of the look that has found the beat moved. Both count by clocks of their own that only ever go forward, so that the
// first time is always over before the second. What a holder does that was stopped in between is refused by the store, which
// compares the epoch.
//
// What has vanished was not given back: the store has lost it, and its holder goes on. It counts as held for one lease time.
// A lease that was given back is one without holder, and with an epoch.
//
// A holder whose lease has run out has ended its term, whatever it finds in the store then: it takes the lease anew, with a
// larger epoch, so that a term is one epoch and an epoch is one term.
//
// One that is known to be alone leads while the store is away from its start, by a lease that the store is owed: nothing that
// needs the lease can be written then, and whoever writes keeps it for later. The store gets the lease when it answers, but not
// over one that another has had since.
package lease
