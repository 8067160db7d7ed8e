package book

import (
	"errors"
	"slices"
	"time"

	"github.com/bbbpool/bbbpool/placement/capacity"
	"github.com/bbbpool/bbbpool/placement/rule"
	"github.com/bbbpool/bbbpool/store"
)

// Found is where a meeting is.
type Found struct {
	Claim    store.Claim
	Standing rule.Standing // of its server
}

// Where tells where a meeting is, or is going to be, or ErrUnknown.
func (b *Book) Where(key store.MeetingKey) (Found, error) {
	return found(b.where.meetings[key])
}

// ByInternalID returns where a meeting of a tenant is, found by the ID that its server gave it, or ErrUnknown. Of two it
// is the one that was placed last. It looks at every meeting: ask for the front end's ID first.
func (b *Book) ByInternalID(tenant, internalID string) (Found, error) {
	return found(b.where.byInternalID(tenant, internalID, false))
}

// OnServers returns where the meeting is that servers know by an ID, whoever's it is, or ErrUnknown.
func (b *Book) OnServers(id string) (Found, error) {
	m, _ := b.where.ids.Holder(id)
	return found(m)
}

// Breakout is ByInternalID for breakout rooms alone, which front ends may ask for by either ID. Where there is none, as
// nearly everywhere, it costs nothing: every call about a meeting that nobody knows comes here.
func (b *Book) Breakout(tenant, internalID string) (Found, error) {
	if b.where.breakouts == 0 {
		return Found{}, ErrUnknown
	}
	return found(b.where.byInternalID(tenant, internalID, true))
}

// found is where a meeting is, or ErrUnknown where there is none.
func found(m *meeting) (Found, error) {
	switch {
	case m == nil:
		return Found{}, ErrUnknown
	case m.page == nil:
		return Found{Claim: m.claim}, nil
	}
	return Found{Claim: m.claim, Standing: m.page.Standing}, nil
}

// Info is a claim with what the ledger knows of the meeting.
type Info struct {
	store.Claim
	People int // in it and on the way
	Peak   int // most people seen at once
	Joins  int // sent so far

	Remaining float64 // people still expected
}

// Meetings adds all meetings to a list, in no order.
func (b *Book) Meetings(now time.Time, list []Info) []Info {
	for _, m := range b.where.meetings {
		list = append(list, Info{
			Claim: m.claim, People: m.here(), Peak: m.peak, Joins: m.joins,
			Remaining: m.claim.Expected * (1 - b.clock.faded(m.born, now)),
		})
	}
	return list
}

// Count returns how many meetings there are.
func (b *Book) Count() int { return len(b.where.meetings) }

// Tag returns the tag of a server; "" where it has none, or is not in the pool.
func (b *Book) Tag(server string) string {
	if p := b.where.pages[server]; p != nil {
		return p.Tag
	}
	return ""
}

// ServerLoad returns what counts on a server now; a server that is not in the pool carries nothing.
func (b *Book) ServerLoad(now time.Time, server string) rule.Load {
	if p := b.where.pages[server]; p != nil {
		return p.load(b.clock.now(now), nil)
	}
	return rule.Load{Server: server}
}

// Capacity tells what the pool carries now.
func (b *Book) Capacity(now time.Time) capacity.Capacity {
	var servers []capacity.Share
	for _, p := range b.where.order {
		servers = append(servers, capacity.Share{Load: p.load(b.clock.now(now), nil), Standing: p.Standing})
	}
	c := capacity.Of(servers, now)
	c.Tightest, c.Today = b.busiest(now, 7*24*time.Hour), b.busiest(now, 24*time.Hour)
	return c
}

// busiest is the busiest time of those to come, as it was before.
func (b *Book) busiest(now time.Time, within time.Duration) capacity.Crowd {
	at, people, meetings := b.forecast.Busiest(now, within)
	return capacity.Crowd{At: at, People: float64(people), Meetings: meetings}
}

// RefusesAll tells why no new meeting finds a server, whatever the health of servers is: none is enabled, or all are at
// their hard capacity. A pool without servers is a new one, and refuses nothing.
func (b *Book) RefusesAll(now time.Time) (disabled, full bool) {
	if len(b.where.order) == 0 {
		return false, false
	}
	if !slices.ContainsFunc(b.where.order, func(p *page) bool { return p.Enabled }) {
		return true, false
	}
	_, err := b.Propose(now, store.MeetingKey{Tenant: store.DefaultTenant}, 0, Wish{}, nil)
	return false, errors.Is(err, ErrFull)
}
