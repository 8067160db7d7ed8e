package book

import (
	"time"

	"github.com/bbbpool/bbbpool/placement/forecast"
	"github.com/bbbpool/bbbpool/placement/quota"
	"github.com/bbbpool/bbbpool/store"
)

// How much is in one piece of a snapshot.
const (
	keptAtOnce = 100 // meetings, or their ends
	thingsKept = 500 // servers, seats, tenants, endings
)

// Snapshot returns the changes that make an empty book answer as this one does, in pieces of bounded size. The first of them
// empties it, the last one is [Whole].
func (b *Book) Snapshot() []Change {
	w := &b.where
	list := []Change{Begun{
		Start: b.clock.start, Asked: b.asked, Closed: b.closed.since, Vanished: b.vanished.since, Recalled: b.recalled,
		Reports: b.reports.keep(),
	}}
	servers := make([]ServerKept, 0, len(w.order))
	for _, p := range w.order {
		servers = append(servers, p.keep())
	}
	list = inPieces(list, servers, thingsKept, func(some []ServerKept) Change { return ServersKept{some} })
	var tenants []TenantKept
	for id, t := range w.tenants {
		tenants = append(tenants, TenantKept{id, t.Begun.State()})
	}
	list = inPieces(list, tenants, thingsKept, func(some []TenantKept) Change { return TenantsKept{some} })
	meetings := make([]MeetingKept, 0, len(w.meetings))
	for _, m := range w.meetings {
		meetings = append(meetings, w.keep(m))
	}
	list = inPieces(list, meetings, keptAtOnce, func(some []MeetingKept) Change { return MeetingsKept{some} })
	list = b.closed.snapshot(list, false)
	list = b.vanished.snapshot(list, true)
	list = inPieces(list, b.Record().Endings(), thingsKept, func(some []store.Ending) Change { return EndingsKept{some} })
	list = append(list, b.seats.snapshot())
	for _, piece := range b.forecast.State() {
		list = append(list, HistoryKept{piece})
	}
	return append(list, Whole{})
}

// inPieces adds changes with so many things each to a list.
func inPieces[T any](list []Change, things []T, size int, of func([]T) Change) []Change {
	for len(things) > 0 {
		n := min(size, len(things))
		list, things = append(list, of(things[:n:n])), things[n:]
	}
	return list
}

func (r *recently) snapshot(list []Change, vanished bool) []Change {
	for older, closings := range map[bool]map[store.MeetingKey]closing{false: r.young, true: r.older} {
		kept := make([]ClosingKept, 0, len(closings))
		for key, c := range closings {
			kept = append(kept, c.keep(key))
		}
		list = inPieces(list, kept, keptAtOnce, func(some []ClosingKept) Change { return ClosingsKept{vanished, older, some} })
	}
	return list
}

func (s *seats) snapshot() SeatsKept {
	c := SeatsKept{Looked: s.looked, Waiting: s.waiting}
	for r, one := range s.held {
		c.Seats = append(c.Seats, one.keep(r))
	}
	return c
}

// Claims returns all claims, in no order.
func (b Record) Claims() []store.Claim {
	list := make([]store.Claim, 0, len(b.where.meetings))
	for _, m := range b.where.meetings {
		list = append(list, m.claim)
	}
	return list
}

// Endings returns what servers owe, in no order.
func (b Record) Endings() []store.Ending { return b.owed.All() }

// Begun empties a book, to take over another one.
type Begun struct {
	Start            time.Time // of the clock that expectations fade by
	Asked            int
	Closed, Vanished time.Time
	Recalled         bool
	Reports          []ReportKept
}

func (c Begun) apply(b *Book) {
	fresh := New(b.config, c.Start)
	fresh.Draw, fresh.Follow = b.Draw, b.Follow
	*b = *fresh
	b.asked, b.recalled, b.reports = c.Asked, c.Recalled, restoreReports(c.Reports)
	b.closed, b.vanished = newRecently(c.Closed), newRecently(c.Vanished)
}

// ServersKept are servers of a book that is taken over.
type ServersKept struct{ Servers []ServerKept }

func (c ServersKept) apply(b *Book) {
	for _, one := range c.Servers {
		if b.where.pages[one.Server.ID] == nil {
			b.where.addServer(one.restore(b.config))
		}
	}
}

// TenantsKept are tenants of a book that is taken over.
type TenantsKept struct{ Tenants []TenantKept }

func (c TenantsKept) apply(b *Book) {
	for _, one := range c.Tenants {
		b.where.tenants.Of(one.Tenant).Begun = quota.RestoreHour(one.Begun)
	}
}

// MeetingsKept are meetings of a book that is taken over.
type MeetingsKept struct{ Meetings []MeetingKept }

func (c MeetingsKept) apply(b *Book) {
	for _, one := range c.Meetings {
		b.where.restore(one)
	}
}

// ClosingsKept are ends of meetings in a book that is taken over.
type ClosingsKept struct {
	Vanished, Older bool
	Closings        []ClosingKept
}

func (c ClosingsKept) apply(b *Book) {
	into := &b.closed
	if c.Vanished {
		into = &b.vanished
	}
	into.restore(c.Older, c.Closings)
}

// EndingsKept are endings of a book that is taken over.
type EndingsKept struct{ Endings []store.Ending }

func (c EndingsKept) apply(b *Book) { b.owed.Add(c.Endings...) }

// SeatsKept are the seats of a book that is taken over.
type SeatsKept struct {
	Looked  time.Time
	Waiting []forecast.Room
	Seats   []SeatKept
}

func (c SeatsKept) apply(b *Book) {
	b.seats.looked, b.seats.waiting = c.Looked, nil
	for _, one := range c.Seats {
		b.seats.held[one.Room] = &seat{
			size: one.Size, until: one.Until, last: one.Last, page: b.where.pages[one.Server], taken: one.Taken,
		}
	}
	for _, r := range c.Waiting {
		if b.seats.held[r] != nil { // each is asked for
			b.seats.waiting = append(b.seats.waiting, r)
		}
	}
}

// HistoryKept is a piece of what a book that is taken over knows of the past.
type HistoryKept struct{ State forecast.State }

func (c HistoryKept) apply(b *Book) { b.forecast.Restore(c.State) }

// Whole says that a book has been taken over whole.
type Whole struct{}

func (Whole) apply(*Book) {}
