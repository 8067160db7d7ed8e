// Package outbox tells front ends what they are to be told: each callback at least once, in order where order counts, until its
// receiver has taken it or does not want it.
//
// It owns when a callback is tried, with which secret, how an answer is understood, when it is given up, and what operators do
// with those that were. The rows are the store's, written by whoever has something to tell, in the transaction of what caused it.
// It never decides what is told, and connects to nobody itself: package guard does.
//
// # Order
//
// What is about one meeting of a tenant and goes to one address, its query included, is a lane: the oldest alone is under way,
// and the next is not before that is done or given up. Lanes know nothing of each other: one that waits holds up no other. Of
// the requests at once each host has a share, and each tenant one, so that a receiver which hangs takes no more than that.
//
// The oldest is the one whose row was made first, of those that are there. One that another instance is still writing, or has
// made by a clock that is behind, may come behind a younger one that was there before it.
//
// # At least once
//
// What has come of an attempt is written before the next one. An attempt that had an answer which nobody could write, as after
// a crash or while the store is away, may be made again, with the same header Bbbpool-Delivery; in one process an answer for good
// is kept and written later, also where an operator has the row retried meanwhile, or the lead goes elsewhere and comes back.
// What was ended by its receiver is never sent again once that is written. Where the lead changes hands, what is under way is
// given up and sent again by who takes over.
//
// # Memory
//
// A term keeps an index of what waits: times, lanes, hosts; no bodies, which are read for an attempt. Rows that other instances
// write are found by looking: often at the newest, and at all of them no more often than costs a hundredth of the time.
package outbox

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/callbacks/guard"
	"github.com/bbbpool/bbbpool/api/quantity"
	"github.com/bbbpool/bbbpool/store"
)

// Config is what an operator may set, as flags.
type Config struct {
	Allow    []string      `name:"callback-allow" sep:"," placeholder:"HOST" env:"BBBPOOL_CALLBACK_ALLOW" help:"Front ends' addresses that are called although only this machine's network reaches them: hosts, *.example.edu for all below one, addresses, networks. May be given more than once."`
	RetryFor time.Duration `name:"callback-retry-for" default:"72h" env:"BBBPOOL_CALLBACK_RETRY_FOR" help:"How long a callback is tried again before it is given up."`
	Keep     time.Duration `name:"callback-keep" default:"168h" env:"BBBPOOL_CALLBACK_KEEP" help:"How long delivered callbacks are remembered, so that none is told twice."`
	Max      int           `name:"callback-max" default:"100000" env:"BBBPOOL_CALLBACK_MAX" help:"How many callbacks may wait. What is more is not told."`
	MaxBytes quantity.Size `name:"callback-max-bytes" default:"256MiB" env:"BBBPOOL_CALLBACK_MAX_BYTES" help:"How much what waits may have in bodies."`

	First time.Duration `kong:"-"` // until the second attempt, and twice that to the third; 0 is 5s
	Most  time.Duration `kong:"-"` // between two attempts; 0 is 1h
}

// Validate tells what in a configuration cannot work.
func (c Config) Validate() error {
	_, err := guard.Allow(c.Allow)
	errs := []error{err}
	if c.RetryFor < time.Minute || c.RetryFor > 366*24*time.Hour {
		errs = append(errs, fmt.Errorf("--callback-retry-for %s: want 1m to a year", c.RetryFor))
	}
	if c.Keep < time.Hour || c.Keep > 366*24*time.Hour {
		errs = append(errs, fmt.Errorf("--callback-keep %s: want 1h to a year", c.Keep))
	}
	if c.Max < 1 || c.Max > 10_000_000 {
		errs = append(errs, fmt.Errorf("--callback-max %d: want 1 to 10000000", c.Max))
	}
	if c.MaxBytes < 1<<20 {
		errs = append(errs, fmt.Errorf("--callback-max-bytes %s: want 1MiB or more", c.MaxBytes))
	}
	return errors.Join(errs...)
}

// Tenant is what is to be known of a tenant to call its front ends.
type Tenant struct {
	Secrets   []store.TenantSecret // those that have expired included
	Algorithm string               // that tokens are signed with
	Insecure  bool                 // certificates are not verified
}

// Parts are what an outbox is made of.
type Parts struct {
	Config Config
	Store  store.Callbacks
	Guard  *guard.Guard
	// Tenants returns a tenant, or store.ErrNotFound where there is none.
	Tenants func(ctx context.Context, id string) (Tenant, error)
	// PutOff tells whether it is not known yet where a callback goes, and has that found out; nil for never. It may be set before
	// Run.
	PutOff  func(c store.Callback) bool
	Version string
	Now     func() time.Time
	Log     zerolog.Logger
}

// Outbox sends callbacks while it runs. What operators do works without that, too.
type Outbox struct {
	Parts

	senders  map[store.CallbackKind]Sender
	nudged   chan struct{}
	term     atomic.Pointer[term]
	waiting  atomic.Int64                    // rows that wait or are dead, as the last term has counted them
	bytes    atomic.Int64                    // of these
	tenants  atomic.Pointer[map[string]load] // what each has, of these
	awayRows atomic.Uint64
	counts   counts
	kept     map[string]*outcome // what receivers have said for good and the last term could not write; of whoever runs
}

// New makes an outbox that sends what BigBlueButton itself would call. Other kinds are added by Handle.
func New(p Parts) *Outbox {
	o := &Outbox{Parts: p, senders: map[store.CallbackKind]Sender{}, nudged: make(chan struct{}, 1)}
	o.counts.of = map[countKey]uint64{}
	for kind, s := range o.own() {
		o.Handle(kind, s)
	}
	return o
}

// Handle says how a kind is sent. It has to be called before Run.
func (o *Outbox) Handle(kind store.CallbackKind, s Sender) {
	o.senders[kind] = s
	o.counts.open(kind)
}

// Nudge says that rows were written or changed here. It never waits.
func (o *Outbox) Nudge() {
	select {
	case o.nudged <- struct{}{}:
	default:
	}
}

// Room tells whether rows with so many bytes in bodies fit. What does not is counted, and a problem: whoever asks tells it to
// nobody. An instance that does not deliver does not know, and takes everything.
func (o *Outbox) Room(rows int, bytes int64) bool {
	if o.waiting.Load()+int64(rows) <= int64(o.Config.Max) && o.bytes.Load()+bytes <= int64(o.Config.MaxBytes) {
		return true
	}
	o.awayRows.Add(uint64(max(0, rows)))
	return false
}

// OfHook is how many rows wait for a webhook, as far as this instance delivers.
func (o *Outbox) OfHook(id string) int {
	t := o.term.Load()
	if t == nil {
		return 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.index.hooks[id]
}

// RoomFor tells whether rows of a tenant fit. A tenant may have four times what is free, in rows and in bytes: whoever has much
// that waits is the first for whom there is no room, and leaves some to others.
func (o *Outbox) RoomFor(tenant string, rows int, bytes int64) bool {
	if of := o.tenants.Load(); of != nil {
		has := (*of)[tenant]
		free := load{int64(o.Config.Max) - o.waiting.Load(), int64(o.Config.MaxBytes) - o.bytes.Load()}
		if has.rows > 4*free.rows || has.bytes > 4*free.bytes {
			o.awayRows.Add(uint64(max(0, rows)))
			return false
		}
	}
	return o.Room(rows, bytes)
}

// Full tells whether nothing more fits.
func (o *Outbox) Full() bool {
	return o.waiting.Load() >= int64(o.Config.Max) || o.bytes.Load() >= int64(o.Config.MaxBytes)
}

// Run sends what waits until ctx ends, and returns when nothing is under way any more. It may run again.
func (o *Outbox) Run(ctx context.Context) error {
	t := newTerm(o)
	o.term.Store(t)
	defer func() {
		o.term.Store(nil)
		o.waiting.Store(0)
		o.bytes.Store(0)
		o.tenants.Store(nil)
	}()
	var scans sync.WaitGroup
	scans.Go(func() { t.scans(ctx) })
	t.sends(ctx)
	scans.Wait()
	t.workers.Wait()
	o.kept = t.unwritten()
	return nil
}

// backoff is how long to wait after so many attempts: twice as long each time, give or take a fifth, so that what has failed
// together does not come back together.
func (o *Outbox) backoff(attempts int) time.Duration {
	first, most := o.Config.First, o.Config.Most
	if first == 0 {
		first = 5 * time.Second
	}
	if most == 0 {
		most = time.Hour
	}
	d := most
	if n := max(0, attempts-1); n < 30 && first<<n > 0 {
		d = min(first<<n, most)
	}
	return time.Duration(float64(d) * (0.8 + 0.4*rand.Float64()))
}

// limit is when a callback is given up.
func (o *Outbox) limit(c store.Callback) time.Time {
	if !c.Until.IsZero() {
		return c.Until
	}
	return c.Created.Add(o.Config.RetryFor)
}
