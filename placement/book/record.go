package book

import (
	"time"

	"github.com/bbbpool/bbbpool/placement/owing"
	"github.com/bbbpool/bbbpool/placement/rule"
	"github.com/bbbpool/bbbpool/store"
)

// Record is a book as whoever writes it down sees it: the ledger, whose claims and endings stand in a store, too, and who has
// others follow.
type Record struct{ *Book }

// Record returns what is to be asked about the record.
func (b *Book) Record() Record { return Record{b} }

// Has tells whether a server is in the pool.
func (b Record) Has(server string) bool { return b.where.pages[server] != nil }

// StandingOf returns what a server may be used for. One that is not in the pool is gone.
func (b Record) StandingOf(server string) rule.Standing {
	if p := b.where.pages[server]; p != nil {
		return p.Standing
	}
	return rule.Gone
}

// ClaimedOn returns what is claimed on a server, whether it is in the pool or not.
func (b Record) ClaimedOn(server string) (list []store.Claim) {
	for _, m := range b.where.claimedOn(server) {
		list = append(list, m.claim)
	}
	return list
}

// Settled returns where a meeting is, and false where there is none or nobody can tell, since its create is under way.
func (b Record) Settled(key store.MeetingKey) (Found, bool) {
	m := b.where.meetings[key]
	if m == nil || m.pending {
		return Found{}, false
	}
	place, _ := found(m)
	return place, true
}

// MayLeave tells whether a meeting that stays where it is is better off on a server that takes new ones.
func (b Record) MayLeave(now time.Time, key store.MeetingKey) bool {
	m := b.where.meetings[key]
	return m != nil && m.usable() && m.mayLeave(now)
}

// Replaced returns the claim whose place the last one of the create under way has taken; an empty one where the meeting is
// new.
func (b Record) Replaced(key store.MeetingKey) (c store.Claim) {
	if m := b.where.meetings[key]; m != nil && len(m.replaced) > 0 {
		c = m.replaced[len(m.replaced)-1].claim
	}
	return c
}

// Original returns the claim that the create under way has placed last, and the one that stood before it began, empty where
// the meeting is new. It returns false where it has placed nothing.
func (b Record) Original(key store.MeetingKey) (claim, before store.Claim, placed bool) {
	m := b.where.meetings[key]
	if m == nil || len(m.replaced) == 0 {
		return claim, before, false
	}
	return m.claim, m.replaced[0].claim, true
}

// ReplacedBy says what becomes of a meeting in whose place there is now what a server calls so; nothing where it is the same.
func (b Record) ReplacedBy(key store.MeetingKey, internalID string, now time.Time) Finished {
	if m := b.where.meetings[key]; m != nil {
		return m.replacedBy(internalID, now)
	}
	return Finished{}
}

// Stands tells whether a claim that was handed out earlier can be closed for a reason: it still stands, and of one that was
// lost from sight nobody has seen the meeting since.
func (b Record) Stands(c store.Claim, reason string) bool {
	m := b.where.meetings[c.MeetingKey]
	return m != nil && m.stillHas(c) && (reason != Vanished || m.missed >= missesUntilGone)
}

// Is returns the claim of a meeting if it is on that server, placed there at that time, to the millisecond: so far do addresses
// tell that servers call back.
func (b Record) Is(key store.MeetingKey, server string, placed time.Time) (store.Claim, bool) {
	m := b.where.meetings[key]
	if m == nil || m.claim.Server != server {
		return store.Claim{}, false
	}
	at := m.claim.Placed
	if !m.asked.IsZero() {
		at = m.asked
	}
	if at.UnixMilli() != placed.UnixMilli() {
		return store.Claim{}, false
	}
	return m.claim, true
}

// Left tells whether a meeting is claimed on that server still, and the server is not in the pool.
func (b Record) Left(c store.Claim) bool {
	m := b.where.meetings[c.MeetingKey]
	return m != nil && m.claim.Server == c.Server && m.page == nil
}

// Owes tells whether the end of that very copy of the meeting is owed.
func (b Record) Owes(c store.Claim) bool {
	return b.owed.Has(c.MeetingKey, owing.Copy{Server: c.Server, InternalID: c.InternalID})
}

// OwedBy returns what a server owes.
func (b Record) OwedBy(server string) []store.Ending { return b.owed.By(server) }

// OwedAbout returns what nobody owes any more once the meeting is on the server of its claim.
func (b Record) OwedAbout(c store.Claim) []store.Ending {
	return b.owed.About(c.MeetingKey, owing.Copy{Server: c.Server, InternalID: c.InternalID})
}

// Outdated tells whether nobody owes an ending any more: its server has left the pool, or it is of whatever that had too long
// ago.
func (b Record) Outdated(e store.Ending, now time.Time) bool {
	return !b.Has(e.Server) || e.InternalID == "" && now.Sub(e.Asked) > owing.Longest
}

// Servers returns the IDs of the servers in the pool, in their order.
func (b Record) Servers() []string {
	ids := make([]string, 0, len(b.where.order))
	for _, p := range b.where.order {
		ids = append(ids, p.ID)
	}
	return ids
}
