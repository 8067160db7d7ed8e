package book

import (
	"slices"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// Copy is a meeting on one server. Server and internal ID belong together: two servers that create a meeting in the same
// millisecond give it the same internal ID.
type Copy struct {
	Server, InternalID string
	Alias              string // the ID that the server knows it by, if that is not the front end's
}

// copyKey tells copies of a meeting apart.
type copyKey struct{ server, internalID string }

// is tells whether two are one copy.
func (c Copy) is(other Copy) bool {
	return c.Server == other.Server && c.InternalID == other.InternalID
}

// MaxCopies is how many meetings by one name are looked after on one server. A sound one has one, and may list some that are
// over.
const MaxCopies = 20

// owed is what servers owe: the end of each of these copies, until they are seen without it.
type owed struct {
	of   map[store.MeetingKey]map[copyKey]store.Ending
	keys map[string]map[store.MeetingKey]int // how many copies of each meeting, by the ID that servers know them by
}

func newOwed() owed {
	return owed{map[store.MeetingKey]map[copyKey]store.Ending{}, map[string]map[store.MeetingKey]int{}}
}

func newEnding(key store.MeetingKey, c Copy, asked time.Time) store.Ending {
	return store.Ending{MeetingKey: key, Server: c.Server, InternalID: c.InternalID, Alias: c.Alias, Asked: asked}
}

func copyOf(e store.Ending) copyKey { return copyKey{e.Server, e.InternalID} }

// add enters endings, in the place of older ones of the same copies.
func (o owed) add(list ...store.Ending) {
	for _, e := range list {
		o.drop(o.of[e.MeetingKey][copyOf(e)])
		if o.of[e.MeetingKey] == nil {
			o.of[e.MeetingKey] = map[copyKey]store.Ending{}
		}
		o.of[e.MeetingKey][copyOf(e)] = e
		if o.keys[e.OnServer()] == nil {
			o.keys[e.OnServer()] = map[store.MeetingKey]int{}
		}
		o.keys[e.OnServer()][e.MeetingKey]++
	}
}

// drop takes out an ending, if there is one.
func (o owed) drop(e store.Ending) {
	endings, keys := o.of[e.MeetingKey], o.keys[e.OnServer()]
	if _, has := endings[copyOf(e)]; !has {
		return
	}
	if delete(endings, copyOf(e)); len(endings) == 0 {
		delete(o.of, e.MeetingKey)
	}
	if keys[e.MeetingKey]--; keys[e.MeetingKey] == 0 {
		delete(keys, e.MeetingKey)
	}
	if len(keys) == 0 {
		delete(o.keys, e.OnServer())
	}
}

// has tells whether a server owes the end of that very copy.
func (o owed) has(key store.MeetingKey, c copyKey) bool {
	_, has := o.of[key][c]
	return has
}

// hasAny tells whether a server owes the end of that very copy of a meeting, or of another one that servers know by the
// same ID: without scopes it may have been another tenant's.
func (o owed) hasAny(key store.MeetingKey, onServer string, c copyKey) bool {
	if o.has(key, c) {
		return true
	}
	for other := range o.keys[onServer] {
		if o.has(other, c) {
			return true
		}
	}
	return false
}

// forget drops an ending that still stands as given.
func (o owed) forget(e store.Ending) {
	if old, has := o.of[e.MeetingKey][copyOf(e)]; has && old.Asked.Equal(e.Asked) {
		o.drop(old)
	}
}

// servers returns those that may have a copy still of the meeting, although it was ended.
func (o owed) servers(key store.MeetingKey) (list []string) {
	for c := range o.of[key] {
		list = append(list, c.server)
	}
	return list
}

// foreign returns the servers that may have a copy still of another meeting that was ended and that they know by an ID.
func (o owed) foreign(key store.MeetingKey, onServer string) (list []string) {
	for other := range o.keys[onServer] {
		if other == key {
			continue
		}
		for c, e := range o.of[other] {
			if e.OnServer() == onServer {
				list = append(list, c.server)
			}
		}
	}
	return list
}

// about returns what is owed of one copy, and of copies on its server that nobody knew.
func (o owed) about(key store.MeetingKey, known copyKey) (list []store.Ending) {
	for _, c := range []copyKey{known, {server: known.server}} {
		if e, has := o.of[key][c]; has {
			list = append(list, e)
		}
	}
	return list
}

// by returns what a server owes.
func (o owed) by(server string) (list []store.Ending) {
	for _, endings := range o.of {
		for c, e := range endings {
			if c.server == server {
				list = append(list, e)
			}
		}
	}
	return list
}

// longestOwed is how long a server owes the end of a copy that it does not show, where its answers can never be read whole.
const longestOwed = 24 * time.Hour

// paid returns what a poll shows to be over: copies that were owed before it began and that its server lists no more, not
// even as over; what is owed of any copy, once it lists none, or has not been seen for too long.
func (o owed) paid(p Poll, now time.Time, seen map[copyKey]bool) (list []store.Ending) {
	for _, endings := range o.of {
		for c, e := range endings {
			before := e.Asked.Before(p.Began) || e.Asked.After(now) // by a clock that was set back before a restart
			late := p.Began.Sub(e.Asked) > longestOwed
			switch {
			case c.server != p.Server:
				if late && c.internalID == "" {
					list = append(list, e)
				}
			case before && (p.Complete || late) && !listed(c, endings, seen):
				list = append(list, e)
			}
		}
	}
	return list
}

// listed tells whether a copy was seen or, of one that nobody knew, any.
func listed(c copyKey, endings map[copyKey]store.Ending, seen map[copyKey]bool) bool {
	if c.internalID != "" {
		return seen[c]
	}
	for other := range endings {
		if seen[other] {
			return true
		}
	}
	return false
}

// EndingOwed enters what a server owes already.
type EndingOwed struct{ Ending store.Ending }

func (c EndingOwed) apply(b *Book) { b.owed.add(c.Ending) }

// EndingForgotten drops what a server no longer owes.
type EndingForgotten struct{ Ending store.Ending }

func (c EndingForgotten) apply(b *Book) { b.owed.forget(c.Ending) }

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
	if len(b.owed.of) < maxUnseen {
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
	b.owed.add(c.Owed...)
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
	if b.owed.hasAny(s.Key, s.OnServer(), copyKey{server, s.InternalID}) {
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
	return b.owed.has(s.Key, copyKey{server: p.ID})
}

// madeBefore tells whether a meeting was made before a time of ours, or not long after, by its server's clock.
func madeBefore(s Sighting, at time.Time, p *page) bool {
	return s.CreateTime <= at.Add(max(p.ahead, 0)+clockSlack).UnixMilli()
}

// clockSlack is what clocks that agree may differ by.
const clockSlack = 2 * time.Second
