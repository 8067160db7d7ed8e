package book

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/placement/forecast"
	"github.com/bbbpool/bbbpool/placement/owing"
	"github.com/bbbpool/bbbpool/placement/rule"
	"github.com/bbbpool/bbbpool/store"
)

// Poll is what one round of asking a server saw.
type Poll struct {
	Server   string
	Began    time.Time     // before the server was asked
	Complete bool          // every meeting in the answer could be read: what is not in it is not on the server
	Ahead    time.Duration // the server's clock, of ours, as far as that is known
	Meetings []Sighting
}

// Sighting is a meeting that a poll saw. Of breakout rooms only those count that front ends have created; nobody is
// counted in them: they belong to their parent, whose people they borrow.
type Sighting struct {
	Key        store.MeetingKey
	InternalID string
	CreateTime int64 // by the server's clock, in milliseconds since 1970
	People     int
	Rooms      int // people in its breakout rooms
	Recorded   bool
	Name       string
	Ended      bool // over, and only listed until the server forgets it
	// Twin, of a stray: it is the very meeting that is claimed on another server. One machine is in the pool under two
	// names, or two servers gave one ID in the same millisecond; either way it must not be ended.
	Twin     bool
	Alias    string // the ID that the server knows it by, if that is not the front end's
	Over     bool   // of a stray: somebody who may has ended the meeting, so it is to be ended with people in it, too
	Breakout bool
}

// maxID is the length, in bytes, of the longest ID that a record is made of. BigBlueButton's are shorter.
const maxID = 1024

// storable tells whether a sighting can become a record.
func (s Sighting) storable() bool {
	return s.Key.MeetingID != "" && len(s.Key.MeetingID) <= maxID && len(s.Key.Tenant) <= maxID &&
		!strings.Contains(s.Key.Tenant, "\x00") && s.InternalID != "" && len(s.InternalID) <= maxID && len(s.Alias) <= maxID
}

// OnServer returns the ID that the server knows the meeting by.
func (s Sighting) OnServer() string { return cmp.Or(s.Alias, s.Key.MeetingID) }

// maxName is how much of a meeting's name its claim keeps, in bytes.
const maxName = 512

// nameToKeep is the name that a claim keeps for the recording of its meeting.
func nameToKeep(name string, recorded bool) string {
	if !recorded {
		return ""
	}
	return strings.ToValidUTF8(name[:min(len(name), maxName)], "")
}

// PollBegun says that a server is about to be asked: joins that were sent before it are in what it answers.
type PollBegun struct{ Server string }

func (c PollBegun) apply(b *Book) {
	if p := b.where.pages[c.Server]; p != nil {
		p.polls++
		p.endings = b.asked
	}
}

// PollSeen takes in what a poll saw: counts are corrected, and it is entered what has been missed and what is over.
type PollSeen struct {
	At   time.Time
	Poll Poll
}

func (c PollSeen) apply(b *Book) { c.compare(b) }

// Findings is what a poll and the claims disagree on.
type Findings struct {
	Over      []store.Claim  // their server says that they have ended
	Gone      []store.Claim  // too many polls in a row have not seen them
	Unclaimed []Sighting     // to be adopted
	Strays    []Sighting     // claimed on another server, or over
	Paid      []store.Ending // what the server owed and no longer does
	Excess    int            // unclaimed meetings that are too many to be adopted
}

// See is Apply for what a poll saw. It returns what has to be done about it.
func (b *Book) See(c PollSeen) Findings {
	found := c.compare(b)
	if b.Follow != nil {
		b.Follow(c)
	}
	return found
}

// comparison is a poll beside the claims.
type comparison struct {
	book    *Book
	page    *page
	poll    Poll
	now     time.Time
	seen    map[*meeting]bool   // on the page, and on the server
	listed  map[owing.Copy]bool // over, and still on the server; nil for none
	nobodys int                 // people in meetings that nobody can ask for
	found   Findings
}

// compare updates the counts and sorts out what has to be done about a poll.
func (c PollSeen) compare(b *Book) Findings {
	p := b.where.pages[c.Poll.Server]
	if p == nil {
		return Findings{}
	}
	beside := comparison{
		book: b, page: p, poll: c.Poll, now: c.At, seen: make(map[*meeting]bool, len(c.Poll.Meetings)),
	}
	p.fading.Expire(b.clock.now(c.At)) // or every decision would step over what has faded
	p.ahead = max(p.ahead, c.Poll.Ahead)
	for _, s := range c.Poll.Meetings {
		s.People = min(max(s.People, 0), forecast.MaxPeople)
		if s.Breakout {
			s.People = 0
		}
		beside.classify(s)
	}
	beside.finish()
	return beside.found
}

// classify finds out what a sighting is.
func (c *comparison) classify(s Sighting) {
	b := c.book
	m := b.where.meetings[s.Key]
	last, closed := b.closed.of(s.Key)
	switch {
	case !s.storable():
		c.nobodys += s.People
	case b.Over(c.page.ID, s):
		if c.listed == nil {
			c.listed = map[owing.Copy]bool{}
		}
		c.listed[owing.Copy{Server: c.page.ID, InternalID: s.InternalID}] = true
		if c.poll.Complete {
			c.discover(s)
		}
		if s.Over = true; !s.Ended {
			c.found.Strays = append(c.found.Strays, s)
		}
	case closed && last.was(c.page.ID, s.InternalID): // over, whatever the server still lists
	case m != nil && m.page == c.page:
		c.seen[m] = c.onItsServer(m, s) || c.seen[m]
	case s.Ended || s.Breakout || m != nil && m.creating:
	case b.where.foreign(s, m == nil, c.page):
		c.nobodys += s.People
	case m != nil && m.usable():
		s.Twin = m.claim.InternalID == s.InternalID
		c.found.Strays = append(c.found.Strays, s)
	case m == nil && b.vanished.empty(c.page.ID, s): // over, until somebody is in it
	case m == nil && closed && last.endedToo(s, c.poll.Began):
		c.found.Strays = append(c.found.Strays, s)
	default:
		c.found.Unclaimed = append(c.found.Unclaimed, s)
	}
}

// discover enters a copy that nobody knew of when its meeting was ended, so that it is over also for later polls. It is in
// memory alone: for a restart there is what is owed of copies that nobody saw.
func (c *comparison) discover(s Sighting) {
	b, there := c.book, Copy{c.page.ID, s.InternalID, s.Alias}
	asked := b.owed.Of(s.Key)[owing.Copy{Server: c.page.ID}].Asked
	if last, closed := b.closed.of(s.Key); closed {
		asked = last.at
	}
	known := b.owed.Has(s.Key, owing.Copy{Server: c.page.ID, InternalID: s.InternalID})
	if !asked.IsZero() && !known && len(b.owed.Of(s.Key)) < MaxCopies*len(b.where.pages) {
		b.owed.Add(newEnding(s.Key, there, asked))
	}
}

// onItsServer draws the conclusions from a sighting of a meeting that is claimed on the server. It returns false where that
// is another session by the same name: one that is over, or one that was begun without us. The latter is adopted once
// the claim is found to be gone.
func (c *comparison) onItsServer(m *meeting, s Sighting) bool {
	same := m.claim.InternalID == s.InternalID
	switch {
	case s.Ended:
		if same {
			c.found.Over = append(c.found.Over, m.claim)
		}
		return same
	case same || m.claim.InternalID == "" && m.claim.Alias == s.Alias:
		m.correct(s, c.now)
		return true
	}
	c.found.Unclaimed = append(c.found.Unclaimed, s)
	return false
}

// finish draws the conclusions from what was seen, and what was not.
func (c *comparison) finish() {
	p := c.page
	c.dropOthers()
	excess := c.ration()
	c.found.Excess = len(excess)
	p.countStrays(slices.Concat(c.found.Strays, excess), c.nobodys)
	c.found.Paid = c.book.owed.Paid(owing.Seen{
		Server: c.poll.Server, Began: c.poll.Began, Complete: c.poll.Complete, Listed: c.listed,
	}, c.now)
	if c.poll.Complete {
		c.found.Gone = p.missing(c.seen, c.poll.Began)
		p.wholeFor, p.whole, p.ahead = p.endings, p.polls, c.poll.Ahead
	}
}

// dropOthers leaves those unclaimed whose internal ID is that of another meeting that is going on: a server that tells of it
// as one of its own must not get its recording.
func (c *comparison) dropOthers() {
	if len(c.found.Unclaimed) == 0 {
		return
	}
	with := make(map[string]int, len(c.book.where.meetings)) // how many meetings have an internal ID
	for _, m := range c.book.where.meetings {
		with[m.claim.InternalID]++
	}
	c.found.Unclaimed = slices.DeleteFunc(c.found.Unclaimed, func(s Sighting) bool {
		others := with[s.InternalID]
		if m := c.book.where.meetings[s.Key]; m != nil && m.claim.InternalID == s.InternalID {
			others--
		}
		return others > 0
	})
}

// ration leaves among the unclaimed what may be adopted now, those with people in them first, and returns the others. What
// was lost from sight just now goes on, and is no new meeting.
func (c *comparison) ration() (excess []Sighting) {
	left := min(c.page.adopting.Left(c.now), adoptedAtOnce)
	list := c.found.Unclaimed
	c.found.Unclaimed = nil
	slices.SortStableFunc(list, func(a, b Sighting) int { return cmp.Compare(b.People, a.People) })
	for _, s := range list {
		_, known := c.book.vanished.lost(s.Key, c.page.ID, s.InternalID)
		switch {
		case len(c.found.Unclaimed) >= adoptedAtOnce, !known && left <= 0:
			excess = append(excess, s)
			continue
		case !known:
			left--
			c.page.adopting.Spend()
		}
		c.found.Unclaimed = append(c.found.Unclaimed, s)
	}
	return excess
}

// missesUntilGone is how many polls in a row must miss a meeting before it counts as gone.
const missesUntilGone = 2

// missing returns the claims of meetings that too many polls in a row have not seen, although they began after the
// server had confirmed the meeting. For one that is being created only what its create comes to counts.
func (p *page) missing(seen map[*meeting]bool, began time.Time) (gone []store.Claim) {
	for _, m := range p.meetings {
		if seen[m] || m.creating || !m.confirmed.Before(began) {
			continue
		}
		if m.missed++; m.missed >= missesUntilGone {
			gone = append(gone, m.claim)
		}
	}
	return gone
}

// Adoption is the claim of a meeting for the server that it was seen on. It returns false where something else was faster,
// and while that server is gone: the claim would hold nothing.
func (b *Book) Adoption(now time.Time, server string, s Sighting, began time.Time, r forecast.Room) (ClaimAdopted, bool) {
	p, m := b.where.pages[server], b.where.meetings[s.Key]
	last, closed := b.closed.of(s.Key)
	over := b.Over(server, s) || closed && (last.was(server, s.InternalID) || m == nil && last.endedToo(s, began))
	if over || p == nil || p.Standing == rule.Gone || m != nil && m.usable() || b.where.ids.others(s.OnServer(), s.Key) ||
		m == nil && b.vanished.empty(server, s) {
		return ClaimAdopted{}, false
	}
	c := ClaimAdopted{At: now, Sighting: s, Room: r}
	if lost, known := b.vanished.lost(s.Key, server, s.InternalID); known && lost.stay.claim.Alias == s.Alias {
		if c.Claim = lost.stay.claim; lost.told() {
			c.Claim = lost.comeBack(now)
			c.Claim.Expected = b.expect(s.Key.Tenant, r, Wish{Hint: c.Claim.Hint}).people
		}
		return c, true
	}
	c.Claim = store.Claim{
		MeetingKey: s.Key, Server: server, InternalID: s.InternalID, CreateTime: s.CreateTime,
		Placed: created(s.CreateTime, now), Expected: b.expect(s.Key.Tenant, r, Wish{}).people, Recorded: s.Recorded,
		Name: nameToKeep(s.Name, s.Recorded), Alias: s.Alias,
	}
	if m != nil {
		m.leave(&c.Claim)
	} else if before, known := b.vanished.of(s.Key); known {
		before.leave(&c.Claim)
	}
	return c, true
}

// leave gives the claim that takes the place of a meeting's what its front end has said, of whom nobody will ask again.
func (m *meeting) leave(next *store.Claim) {
	next.Signer, next.Back = m.claim.Signer, m.claim.Back
	if next.InternalID == m.claim.InternalID { // the same machine under another name
		next.Moderator, next.Voice, next.Marks = m.claim.Moderator, m.claim.Voice, m.claim.Marks
	}
}

// leave gives the claim of a meeting that was found where the one before has just vanished what that one's front end has said: it
// was made by a create of ours that nobody has seen to its end.
func (c closing) leave(next *store.Claim) {
	if c.stay != nil && c.server == next.Server && !next.Placed.Before(c.stay.claim.Placed) {
		next.Signer, next.Back = c.stay.claim.Signer, c.stay.claim.Back
	}
}

// created is when a meeting began, by the clock of its server as far as that can be true.
func created(ms int64, now time.Time) time.Time {
	if t := time.UnixMilli(ms); ms > 0 && t.Before(now) {
		return t
	}
	return now
}

// ClaimAdopted claims a meeting for the server that it was seen on. If it was lost from sight just now it goes on.
type ClaimAdopted struct {
	At       time.Time
	Claim    store.Claim
	Room     forecast.Room
	Sighting Sighting
}

func (c ClaimAdopted) apply(b *Book) {
	lost, known := b.vanished.lost(c.Sighting.Key, c.Claim.Server, c.Sighting.InternalID)
	m := b.place(c.Claim, c.Room, c.At, lost.stay)
	if known {
		b.vanished.forget(c.Claim.MeetingKey)
		if m.again = lost.told(); !m.again {
			m.peak, m.joins = lost.stay.peak, lost.stay.joins
		}
	}
	if m.page != nil {
		m.correct(c.Sighting, c.At)
	}
}

// How many meetings are adopted that one server lists and nobody has created through the pool. Each becomes a claim, and a
// row of the history later: a server that makes up thousands with every poll must fill neither. Real servers have some
// thousands when they come into the pool, and few from then on.
const (
	adoptedAtOnce  = 1_000  // in one poll
	adoptedFirst   = 10_000 // before it is one after another
	adoptedPerHour = 1_000
)
