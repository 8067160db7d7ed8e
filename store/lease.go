package store

import (
	"context"
	"time"
)

// Lease is the right to decide for the whole pool: of several instances that share a state one has it, the leader. It has no
// end by a clock, for instances have clocks of their own: it is held for as long as its beat goes on, as whoever watches sees.
type Lease struct {
	Holder  string // the ID of the instance; "" where nobody holds it
	Address string // where other instances reach the holder
	Epoch   uint64 // larger than that of every lease before; what was written under an older one is over
	Beat    uint64 // one more with every renewal
}

// Leases keeps the one lease of a pool, beside the claims. Every write of servers, tenants, claims and endings is compared
// with it in the step that writes: without the lease that [Leases.TakeLease] gave to this store it fails with [ErrFenced].
type Leases interface {
	// Lease returns the lease as it stands; the zero one where there is none.
	Lease(ctx context.Context) (Lease, error)
	// TakeLease puts mine in the place of the lease that stands, if that is still was and mine has a larger epoch, and lets this
	// store write. Otherwise it returns ErrConflict.
	TakeLease(ctx context.Context, was, mine Lease) error
	// RenewLease moves the beat on by one, and returns the lease then. Where it is no longer mine it returns ErrFenced.
	RenewLease(ctx context.Context, mine Lease) (Lease, error)
	// DropLease gives the lease back, so that another instance need not wait. One that is no longer mine stays.
	DropLease(ctx context.Context, mine Lease) error
}

// Instance is a running process of the pool, as it tells others of itself.
type Instance struct {
	ID      string
	Address string    // where other instances reach it: host and port
	Version string    // of the program
	Schema  int       // the highest one that it knows
	Started time.Time // by its own clock
	Beat    uint64    // one more with every sign of life
	Index   string    // names where it has its Index; "" where it does not tell
	// IndexID is what the Index itself says that it is; "" where that is not known, as to a version of before. An Index may be
	// reached by several names, and two may be called alike.
	IndexID string
	Lease   time.Duration // how long it watches a lease that does not beat; 0 where it does not tell
}

// Instances keeps which processes share a state. Whoever has not announced itself for a while is gone.
type Instances interface {
	// Announce tells of an instance, in the place of what was told of it before, for as long as keep.
	Announce(ctx context.Context, i Instance, keep time.Duration) error
	// Instances returns those that were announced, in the order of their IDs.
	Instances(ctx context.Context) ([]Instance, error)
	// Leave takes an instance away.
	Leave(ctx context.Context, id string) error
}
