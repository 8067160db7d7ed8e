// Package usage is the accounting: what each tenant uses of the pool, day by day.
//
// [Accounts] own the numbers of today that are not stored yet, and what becomes of a stay that is over, a join, a recording
// that arrives. They decide nothing and refuse nobody: where the store cannot be written they keep what they have counted,
// say so, and try again. Nobody waits for them but whoever commits an import, for one write more.
//
// # Design
//
// A day is one in the pool's time zone, as people see it on the clock: one of a change of the clocks has 23 or 25 hours.
//
// People-minutes and peaks are sampled: every 10 s what the ledger counts is multiplied by the time since the last sample. That
// is taken from the monotonic clock and bounded, so that neither a clock that is set nor a machine that was asleep counts
// hours in which nobody looked. Joins are counted where people are sent to servers. These three are kept in memory for up to
// a minute, which is what a crash can cost of them.
//
// Meetings and recordings are written at once. A meeting counts when it is over, for the day on which it began: its end is
// written to the store anyway, once, with everything that tells whether it was counted before, and a create stays as fast as
// it was. It counts in the transaction that keeps its session, so that a crash costs none and counts none twice. One that went
// on elsewhere counts there alone. A recording counts when the first of its archives is committed, and
// its bytes with each archive, as far as the library has more of it than before; what comes again counts nothing. A crash
// between the two writes costs the number of that one recording.
//
// Breakout rooms are no meetings of their own here, as they are none for a tenant's limits: their people are those of the
// meeting that they belong to.
//
// Of several instances the one that has the ledger has to sample, alone: each of them knows the same people, and they would
// count once for each. Joins, ends and imports are counted by whoever does them, and the store adds them up.
package usage

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/store"
)

const (
	// sampleEvery is how often it is looked how many people there are, and longest how long what was seen is taken to have
	// been so.
	sampleEvery = 10 * time.Second
	longest     = 2 * sampleEvery
	// flushEvery is after how many samples what was counted is written.
	flushEvery = 6
	// writing bounds the last write of a program that ends.
	writing = 5 * time.Second
	// cleanEvery is how often it is looked for days that are too old, and cleanPage how many rows go at once.
	cleanEvery = 6 * time.Hour
	cleanPage  = 500
)

// Tally is what a tenant has at a time.
type Tally struct {
	Meetings int // without breakout rooms
	People   int // in all of them, and on their way
}

// Accounts count what tenants use. The exported fields must be set before they are used. They are safe for concurrent use.
type Accounts struct {
	Config  Config
	Store   store.Usages
	Tallies func() map[string]Tally // by tenant, those that have something
	Now     func() time.Time        // its zone is that of the days
	Log     zerolog.Logger
	// Still tells whether this instance is the one that samples; nil where there is but one. Whoever learns late that it is not
	// any more must not count the time in which another one did.
	Still func() bool

	counts counts
	flush  sync.RWMutex // held while what was in memory becomes what is stored, so that nobody sees neither or both

	mu     sync.Mutex
	joins  map[string]int       // by tenant, since the last sample
	days   map[day]*store.Usage // not stored yet
	last   time.Time            // when the last sample was
	failed error                // why the last write was not possible
	since  time.Time            // from when on none was
}

// day is one of a tenant.
type day struct{ date, tenant string }

// date is the day that a time is on.
func (a *Accounts) date(t time.Time) string { return t.In(a.Now().Location()).Format(time.DateOnly) }

// Run samples, writes and deletes until ctx ends, and writes what it has then. Whoever still counts must have ended before. Of
// several instances the one that leads runs it, as long as it does, and again when it leads again.
func (a *Accounts) Run(ctx context.Context) error {
	samples, cleanings := time.NewTicker(sampleEvery), time.NewTicker(cleanEvery)
	defer samples.Stop()
	defer cleanings.Stop()
	a.begin()
	a.Clean(ctx)
	for n := 1; ; {
		select {
		case <-ctx.Done():
			a.look()
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), writing)
			defer cancel()
			_ = a.Flush(last) // logged there
			return nil
		case <-samples.C:
			a.look()
			if n++; n > flushEvery {
				n = 1
				_ = a.Flush(ctx) // tried again, and told by Problems
			}
		case <-cleanings.C:
			a.Clean(ctx)
		}
	}
}

// begin is the first sample, before which nothing is known.
func (a *Accounts) begin() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last = a.Now()
}

// look takes a sample, if this instance is still the one to do so; else it counts joins alone, which no other one has.
func (a *Accounts) look() {
	if a.Still == nil || a.Still() {
		a.Sample()
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.Now()
	a.takeJoins(now)
	a.last = now
}

// takeJoins counts who was sent to servers since the last time. The lock is held.
func (a *Accounts) takeJoins(now time.Time) {
	for tenant, n := range a.joins {
		a.day(a.date(now), tenant).Add(store.Usage{Joins: n})
	}
	clear(a.joins)
}

// Sample looks how many meetings and people there are, and takes it to have been so since the last time.
func (a *Accounts) Sample() {
	tallies := a.Tallies()
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.Now()
	before, today := a.passed(now)
	for _, tenant := range slices.Sorted(maps.Keys(tallies)) {
		t := tallies[tenant]
		if before > 0 {
			a.day(a.date(now.Add(-today-1)), tenant).Add(store.Usage{PeopleMins: float64(t.People) * before.Minutes()})
		}
		a.day(a.date(now), tenant).Add(store.Usage{
			PeopleMins: float64(t.People) * today.Minutes(), PeakMeetings: t.Meetings, PeakPeople: t.People,
		})
		a.counts.people(tenant, float64(t.People)*(before+today).Minutes())
	}
	a.takeJoins(now)
	a.last = now
}

// passed is how long it is since the last sample: on the day before and on this one.
func (a *Accounts) passed(now time.Time) (before, today time.Duration) {
	if a.last.IsZero() {
		return 0, 0
	}
	passed := min(max(0, now.Sub(a.last)), longest)
	midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
	today = min(passed, max(0, now.Sub(midnight)))
	return passed - today, today
}

// day returns the account of a tenant's day. The lock is held.
func (a *Accounts) day(date, tenant string) *store.Usage {
	if a.days == nil {
		a.days = map[day]*store.Usage{}
	}
	key := day{date, tenant}
	if a.days[key] == nil {
		a.days[key] = &store.Usage{Day: date, Tenant: tenant}
	}
	return a.days[key]
}

// Joined counts somebody who was sent to a server.
func (a *Accounts) Joined(tenant string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.joins == nil {
		a.joins = map[string]int{}
	}
	a.joins[tenant]++
	a.counts.joined(tenant)
}

// add counts what must be written at once. What cannot be is kept for the next time.
func (a *Accounts) add(ctx context.Context, u store.Usage) {
	a.counts.added(u)
	if err := a.Store.AddUsage(context.WithoutCancel(ctx), u); err != nil {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.day(u.Day, u.Tenant).Add(u)
		a.wrote(err)
	}
}

// Flush writes what is not stored yet. What cannot be written is kept.
func (a *Accounts) Flush(ctx context.Context) error {
	a.flush.Lock()
	defer a.flush.Unlock()
	a.mu.Lock()
	pending := a.days
	a.days = nil
	a.mu.Unlock()
	var err error
	if list := inOrder(pending); len(list) > 0 {
		err = a.Store.AddUsage(ctx, list...)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.wrote(err)
	if err != nil {
		for key, u := range pending {
			a.day(key.date, key.tenant).Add(*u)
		}
	}
	return err
}

// wrote notes how a write went, and logs when it begins to fail. The lock is held.
func (a *Accounts) wrote(err error) {
	if err != nil && a.failed == nil {
		a.since = a.Now()
		a.Log.Error().Err(err).Msg("usage cannot be written: it is kept in memory, and written when that is possible again")
	}
	a.failed = err
}

// inOrder are accounts in the order of their days and tenants.
func inOrder(days map[day]*store.Usage) []store.Usage {
	list := make([]store.Usage, 0, len(days))
	for u := range maps.Values(days) {
		list = append(list, *u)
	}
	slices.SortFunc(list, byDay)
	return list
}
