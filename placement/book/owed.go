package book

import (
	"slices"
	"time"

	"github.com/bbbpool/bbbpool/placement/owing"
	"github.com/bbbpool/bbbpool/store"
)

// Copy is a meeting on one server. Server and internal ID belong together: two servers that create a meeting in the same
// millisecond give it the same internal ID.
type Copy struct {
	Server, InternalID string
	Alias              string // the ID that the server knows it by, if that is not the front end's
}

// is tells whether two are one copy.
func (c Copy) is(other Copy) bool {
	return c.Server == other.Server && c.InternalID == other.InternalID
}

// MaxCopies is how many meetings by one name are looked after on one server. A sound one has one, and may list some that are
// over.
const MaxCopies = 20

func newEnding(key store.MeetingKey, c Copy, asked time.Time) store.Ending {
	return store.Ending{MeetingKey: key, Server: c.Server, InternalID: c.InternalID, Alias: c.Alias, Asked: asked}
}

// EndingOwed enters what a server owes already.
type EndingOwed struct{ Ending store.Ending }

func (c EndingOwed) apply(b *Book) { b.owed.Add(c.Ending) }

// EndingForgotten drops what a server no longer owes.
type EndingForgotten struct{ Ending store.Ending }

func (c EndingForgotten) apply(b *Book) { b.owed.Forget(c.Ending) }

// End is what it takes to end a meeting that somebody who may has ended, together with the copies of it that are known.
// Every copy is owed then, and whatever servers have that nobody can look at.
func (b *Book) End(now time.Time, key store.MeetingKey, copies []Copy) MeetingEnded {
	c := MeetingEnded{At: now, Key: key}
	if m := b.where.meetings[key]; m != nil {
		c.Claim = m.claim
		copies = slices.Concat([]Copy{{m.claim.Server, m.claim.InternalID, m.claim.Alias}}, copies)
	}
	for i, known := range copies {
		if known.InternalID != "" && len(known.InternalID) <= maxID && b.where.pages[known.Server] != nil &&
			len(known.Alias) <= maxID && !slices.ContainsFunc(copies[:i], known.is) {
			c.Owed = append(c.Owed, newEnding(key, known, now))
		}
	}
	if b.owed.Meetings() < maxUnseen {
		var known Copy
		if len(copies) > 0 {
			known = copies[0] // the claimed one, where there is one
		}
		c.addUnseen(b.where.order, known.Alias)
	}
	return c
}

// maxUnseen is how many ended meetings are remembered that servers may have which nobody can look at.
const maxUnseen = 5_000

// MeetingEnded says that somebody who may has ended a meeting. Its claim is closed, and its copies are owed.
type MeetingEnded struct {
	At    time.Time
	Key   store.MeetingKey
	Claim store.Claim // as it stood; empty where nobody had claimed it
	Owed  []store.Ending
}

func (c MeetingEnded) apply(b *Book) {
	b.owed.Add(c.Owed...)
	b.asked++
	if m := b.where.meetings[c.Key]; m != nil {
		b.where.drop(m)
	}
	b.closed.add(c.Key, closing{server: c.Claim.Server, internalID: c.Claim.InternalID, at: c.At, asked: b.asked})
	b.vanished.forget(c.Key)
}

// addUnseen adds what servers owe that nobody can look at: for all anybody knows they have a copy, too, by the same ID. That is
// as durable as the rest, since one of them may be back after a restart of ours.
func (c *MeetingEnded) addUnseen(servers []*page, alias string) {
	known := c.Owed
	for _, p := range servers {
		owes := slices.ContainsFunc(known, func(e store.Ending) bool { return e.Server == p.ID })
		if !owes && !p.visible() {
			c.Owed = append(c.Owed, newEnding(c.Key, Copy{Server: p.ID, Alias: alias}, c.At))
		}
	}
}

// Over tells whether what a server lists is a meeting that somebody has ended, whatever the server says. Until the meeting
// is created anew, or its server was seen without it, that is everything by its name that was made before.
//
// What nobody knew of at the end can only be seen as long as its server was not seen whole since. What is seen for the first
// time later is a new meeting, whatever clocks say, which may be wrong, or set in between, ours too.
func (b *Book) Over(server string, s Sighting) bool {
	if b.owed.HasAny(s.Key, s.OnServer(), owing.Copy{Server: server, InternalID: s.InternalID}) {
		return true
	}
	last, closed := b.closed.of(s.Key)
	switch p := b.where.pages[server]; {
	case p != nil && b.endedUnseen(p, s):
		return true
	case !closed || last.asked == 0:
		return false
	case last.was(server, s.InternalID):
		return true
	default:
		return p != nil && p.wholeFor < last.asked && madeBefore(s, last.at, p)
	}
}

// endedUnseen tells whether a meeting was ended while nobody could look at its server, and is none that we have created
// since. Times say nothing about that: either clock may have been set meanwhile. Nor does the ID that the server knows it by:
// what nobody has seen there may be another tenant's.
func (b *Book) endedUnseen(p *page, s Sighting) bool {
	if m := b.where.meetings[s.Key]; m != nil && m.page == p && (m.creating || m.claim.InternalID == s.InternalID) {
		return false
	}
	return b.owed.Has(s.Key, owing.Copy{Server: p.ID})
}

// madeBefore tells whether a meeting was made before a time of ours, or not long after, by its server's clock.
func madeBefore(s Sighting, at time.Time, p *page) bool {
	return s.CreateTime <= at.Add(max(p.ahead, 0)+clockSlack).UnixMilli()
}

// clockSlack is what clocks that agree may differ by.
const clockSlack = 2 * time.Second
