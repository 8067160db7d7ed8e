package lease

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/store"
)

// Tenure is what a term is told when it begins.
type Tenure struct {
	Epoch uint64
	// Ready is to be called once whatever decides has begun to: from then on this instance is the leader to all others.
	Ready func()
}

// Keeper takes, renews and watches the lease for one instance. Its methods may be called by several at once.
type Keeper struct {
	ID      string // of the instance, never used by another process
	Address string // where others reach it
	Dir     string // where the largest epoch is kept; empty for nowhere
	Leases  store.Leases
	Time    time.Duration // of the lease
	// Term is what runs while the lease is held, until ctx ends. With an error, or when it returns too early, the lease is
	// given back, and left to others for a while.
	Term func(ctx context.Context, t Tenure) error
	Log  zerolog.Logger
	Now  func() time.Time // a clock that only goes forward; time.Now if nil
	// Alone tells whether no other instance was there when that could last be seen, by an earlier process of this data directory
	// if need be. Who is alone goes on while the store does not answer, and begins so: there is nobody to take over. Nil for never.
	Alone func() bool
	// Blank tells whether others may know what the pool has, and this instance does not: it leaves a lease that has vanished to
	// them for one lease time more, so that what a store has lost is put back by who knows it. Nil for never.
	Blank func() bool
	// Yields is for how long a lease must have stood free until this instance takes it, for others are there that had better have
	// it: they cannot reach this one, as far as it knows, or not for long any more. Nil for 0.
	Yields func() time.Duration
	// Told is called when the lease was given back, so that others hear of it at once; may be nil.
	Told func()

	mu      sync.Mutex
	watch   watch
	term    *term
	renewed time.Time // when the last try to renew began
	highest uint64    // the largest epoch that was seen in force, anywhere
	tried   uint64    // the largest one that this instance has used, or tried to
	former  uint64    // the largest one that an earlier process of this data directory has used, or tried to
	missing time.Time // since when the store has not answered this process, which it never has; zero where it has
	rest    time.Time // until when the lease is left to others
	away    error     // why the store did not answer at the last look
	changed chan struct{}
	wake    chan struct{}
	terms   uint64 // that were begun
}

// term is a lease that is held, and what runs meanwhile.
type term struct {
	lease    store.Lease
	until    time.Time // it may be used
	since    time.Time // it was taken
	ready    bool
	leaving  bool // it is about to be given back: nothing new is decided
	owed     bool // the store was away when it began, and has not got the lease yet
	over     bool // it was lost, or has run out: nothing is decided any more
	stop     context.CancelFunc
	expiry   *time.Timer
	finished chan struct{} // closed when what ran has returned
	err      error         // that it returned; to be read once finished is closed
}

// parts of the lease time.
const (
	beats    = 6  // renewals within it
	tries    = 3  // a call may take this part of it
	margins  = 10 // it is over this part before others may take it
	patience = 20 // others wait up to this part longer than they must
)

// Open reads the largest epoch that this instance had before. It comes before everything else.
func (k *Keeper) Open() error {
	epoch, err := epochs{k.Dir}.read()
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.tried, k.former = epoch, epoch
	k.changed, k.wake = make(chan struct{}), make(chan struct{}, 1)
	return nil
}

// Run keeps the lease, or watches it, until ctx ends. Then a term that runs is ended, and the lease given back.
func (k *Keeper) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		timer.Reset(max(0, k.Step(ctx).Sub(k.now())))
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-k.wake:
		}
	}
	k.giveBack(context.WithoutCancel(ctx))
	return nil
}

// Step does what is to be done now: renews, looks, takes, or gives back what has ended by itself. It returns when the next
// one is due; earlier, when a term has ended. Run calls it; to tests it is the clock.
func (k *Keeper) Step(ctx context.Context) time.Time {
	k.lapse()
	k.mu.Lock()
	t := k.term
	k.mu.Unlock()
	switch {
	case t == nil:
		return k.look(ctx, k.take)
	case isClosed(t.finished):
		return k.conclude(ctx, t)
	case k.isOver(t): // what ran is on its way out, and wakes us when it has gone
		return k.look(ctx, func(context.Context, store.Lease) time.Time { return k.now().Add(k.Time / beats) })
	}
	return k.renew(ctx, t)
}

// renew moves the beat on, if that is due, and returns when it is due next.
func (k *Keeper) renew(ctx context.Context, t *term) time.Time {
	k.mu.Lock()
	due, mine, until := k.renewed.Add(k.Time/beats), t.lease, t.until
	start := k.now()
	if start.Before(due) {
		k.mu.Unlock()
		return due
	}
	k.renewed = start
	owed := t.owed
	k.mu.Unlock()
	call, cancel := context.WithTimeout(ctx, min(k.Time/tries, until.Sub(start)))
	defer cancel()
	if owed {
		return k.claim(call, t, start)
	}
	l, err := k.Leases.RenewLease(call, mine)
	switch {
	case errors.Is(err, store.ErrFenced):
		k.lose(t, "another has it, or the store has lost it")
		return k.now()
	case err != nil:
		k.missed(err)
		k.lapse()
		return start.Add(k.Time / beats)
	}
	k.extend(t, l, start)
	return start.Add(k.Time / beats)
}

// extend notes a renewal that has succeeded. One whose answer came too late to be of use changes nothing.
func (k *Keeper) extend(t *term, l store.Lease, start time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if t.over {
		return
	}
	now := k.now()
	if !now.Before(t.until) {
		return // it has run out meanwhile, and lapse is about to say so
	}
	l.Holder, l.Address, l.Epoch = t.lease.Holder, t.lease.Address, t.lease.Epoch
	t.lease, t.until, k.away = l, k.end(start), nil
	k.watch.saw(l, now, k.Time, 0)
	t.expiry.Reset(t.until.Sub(now))
}

// end is until when a lease may be used that was taken, or renewed, by a call that began at start.
func (k *Keeper) end(start time.Time) time.Time { return start.Add(k.Time - k.Time/margins) }

// look sees how the lease stands, and has it taken if it is free. It returns when to look again.
func (k *Keeper) look(ctx context.Context, take func(context.Context, store.Lease) time.Time) time.Time {
	call, cancel := context.WithTimeout(ctx, k.Time/tries)
	defer cancel()
	l, err := k.Leases.Lease(call)
	now := k.now()
	if err != nil {
		k.missed(err)
		return k.without(ctx, now)
	}
	free := k.note(l, now)
	if now.Before(free) {
		next := now.Add(k.Time / beats)
		if free.Before(next) {
			return free
		}
		return next
	}
	return take(ctx, l)
}

// note keeps what a look has found, and returns when the lease may be taken.
func (k *Keeper) note(l store.Lease, now time.Time) (free time.Time) {
	vanished := l == store.Lease{}
	behind := vanished && k.Blank != nil && k.Blank()
	yields := time.Duration(0)
	if k.Yields != nil {
		yields = k.Yields()
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.away, k.missing = nil, time.Time{}
	extra := time.Duration(rand.Float64() * float64(k.Time) / patience)
	if k.watch.saw(l, now, k.Time, extra) {
		k.tell()
	}
	k.highest = max(k.highest, l.Epoch)
	if k.watch.lease.Holder != "" && k.watch.lease.Holder != k.ID {
		k.rest = time.Time{} // somebody has taken over
	}
	wait := k.Time
	if behind {
		wait += k.Time
	}
	free = k.watch.free(k.ID, k.highest, wait)
	if later := k.watch.since.Add(yields); yields > 0 && later.After(free) {
		free = later
	}
	if k.rest.After(free) {
		return k.rest
	}
	return free
}

// take puts a lease of ours in the place of one that is over, and begins a term. It returns when to go on.
func (k *Keeper) take(ctx context.Context, was store.Lease) time.Time {
	mine, err := k.next(was)
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) { // the store knows it, and so does the clock
		k.Log.Error().Err(err).Msg("the disk of the data directory is full: the lease is taken all the same")
		err = nil
	}
	if err != nil {
		k.missed(err)
		return k.now().Add(k.Time / beats)
	}
	call, cancel := context.WithTimeout(ctx, k.Time/tries)
	defer cancel()
	start := k.now()
	switch err := k.Leases.TakeLease(call, was, mine); {
	case errors.Is(err, store.ErrConflict):
		return k.now() // somebody was faster: see who
	case err != nil:
		k.missed(err)
		return k.now().Add(k.Time / beats)
	}
	k.begin(ctx, mine, start, false)
	return start.Add(k.Time / beats)
}

// errTooLarge is for a store in which somebody has written what no clock and no instance has made.
var errTooLarge = errors.New("the epoch of the lease is too large to go on from: remove the lease from the store")

// next is the lease that this instance takes: its epoch is above all that were seen, and written down. Where that has failed the
// lease is returned, too.
func (k *Keeper) next(was store.Lease) (store.Lease, error) {
	k.mu.Lock()
	epoch := max(k.highest, k.tried, was.Epoch) + 1
	if epoch >= maxEpoch {
		k.mu.Unlock()
		return store.Lease{}, errTooLarge
	}
	epoch = max(epoch, uint64(max(0, k.now().UnixMilli())))
	k.tried = epoch
	k.mu.Unlock()
	return store.Lease{Holder: k.ID, Address: k.Address, Epoch: epoch, Beat: 1}, epochs{k.Dir}.keep(epoch)
}

// missed notes that a call has failed.
func (k *Keeper) missed(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.away == nil {
		k.Log.Warn().Err(err).Msg("the lease cannot be looked at, taken or renewed")
	}
	k.away = err
}

func (k *Keeper) now() time.Time {
	if k.Now == nil {
		return time.Now()
	}
	return k.Now()
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
