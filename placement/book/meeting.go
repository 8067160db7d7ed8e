package book

import (
	"time"

	"github.com/bbbpool/bbbpool/placement/coming"
	"github.com/bbbpool/bbbpool/placement/forecast"
	"github.com/bbbpool/bbbpool/placement/quota"
	"github.com/bbbpool/bbbpool/store"
)

// meeting is a claim with what is known of it beyond the record.
type meeting struct {
	stay
	room     forecast.Room
	tenant   *quota.Tenant // what its tenant has
	page     *page         // of the claim's server; nil where that is not in the pool
	lastJoin time.Time     // when somebody was last sent to it
	creating bool          // somebody has its turn to create it
	pending  bool          // no server has answered the create yet: joins wait
	replaced []stay        // by the claims of the create under way, oldest first; one without a claim where there was none
}

// stay is a meeting's time on one server. A move begins a new one, and giving the move up restores the old one whole.
type stay struct {
	claim store.Claim
	born  float64   // when the expectation started to fade, in seconds of the book's clock
	begun time.Time // when the meeting began, wherever it was then; zero where that does not count
	asked time.Time // the time of placement that its server was told, where the claim has another one

	people int           // at the last poll
	guess  int           // of these, how many nobody has seen, right after a start
	rooms  int           // people in its breakout rooms at the last poll, who are among the others or come back
	early  int           // joins sent before the poll that is under way
	late   int           // joins sent since
	polls  int           // that the server's page had counted when late was last counted
	coming coming.People // who is among the early and the late
	joins  int           // all that were sent
	peak   int           // most people that a poll has seen

	confirmed time.Time // when the server last said that it has the meeting
	seen      time.Time // when a poll last saw it there
	again     bool      // its end was told before it began
	missed    int       // polls in a row that did not see it
}

// here is how many people count: those seen and those on their way.
func (s *stay) here() int { return s.people + s.early + s.late }

// known is here without those who are only taken to be there: no limit refuses anybody because of them.
func (s *stay) known() int { return s.here() - s.guess }

// session is what the history keeps of a stay.
func (s *stay) session(now time.Time, reason string) store.Session {
	return store.Session{
		ID: s.claim.InternalID, Tenant: s.claim.Tenant, Server: s.claim.Server, Start: s.claim.Placed, End: now,
		Peak: s.peak, Joins: s.joins, Reason: reason, Recorded: s.claim.Recorded, Hint: s.claim.Hint,
		Why: s.claim.Why, Signer: s.claim.Signer, Back: s.claim.Back,
	}
}

// Finished is a stay that is over: the claim that stood, and what the history keeps of it. Both are empty where there was
// nothing.
type Finished struct {
	Claim   store.Claim
	Session store.Session
	Again   bool // its end was told before, and it went on

	Seen time.Time // when its server last showed it, or said that it has it
}

// Telling says whether there is something to learn from: what was only found on a server, and nobody was ever sent to, tells
// nothing, since a server can make up any. A breakout room has no people of its own.
func (f Finished) Telling() bool { return f.Session.ID != "" && !f.Claim.Breakout && IsOurs(f.Session) }

// IsOurs tells whether a session was one of this pool's.
func IsOurs(s store.Session) bool { return s.Joins > 0 || s.Why != (store.Decision{}) }

// finish says what becomes of a stay that ends now.
func (s *stay) finish(now time.Time, reason string) Finished {
	over := Finished{Claim: s.claim, Session: s.session(now, reason), Again: s.again, Seen: s.seen}
	if s.confirmed.After(s.seen) {
		over.Seen = s.confirmed
	}
	return over
}

// OverOf says what becomes of a stay of which nothing is known but its claim, that has ended by now.
func OverOf(c store.Claim, now time.Time) Finished { return (&stay{claim: c}).finish(now, Ended) }

// next is when a meeting is placed that is placed now: later than it was before, by whatever clock that was. Of two claims the
// later one counts, wherever they are compared, and who places now may have another clock than who did then.
func (m *meeting) next(now time.Time) time.Time {
	if m == nil {
		return now
	}
	return Later(now, m.claim.Placed)
}

// Later is now, but not in the same millisecond as something before, nor earlier.
func Later(now, before time.Time) time.Time {
	if now.UnixMilli() > before.UnixMilli() {
		return now
	}
	return before.Add(time.Millisecond)
}

// replacedBy says what becomes of a stay in whose place there is another meeting now; nothing where it is the same one.
func (s *stay) replacedBy(internalID string, now time.Time) Finished {
	if s.claim.InternalID == internalID {
		return Finished{}
	}
	return s.finish(now, Moved)
}

// stillHas tells whether a claim that was handed out earlier still stands. It may have got its internal ID since.
func (s *stay) stillHas(c store.Claim) bool {
	return s.claim.Server == c.Server && s.claim.Placed.Equal(c.Placed) &&
		(c.InternalID == "" || s.claim.InternalID == c.InternalID)
}

// presume takes so many people to be in the meeting until a poll has looked.
func (m *meeting) presume(people float64) {
	before := m.here()
	m.people, m.guess = int(people), int(people)
	if m.page != nil {
		m.page.people += m.here() - before
	}
}

// addJoin counts somebody who was sent to the meeting, once until a poll has looked.
func (m *meeting) addJoin(who coming.Person, now time.Time) {
	m.countPolls()
	m.joins++
	m.lastJoin = now
	if m.claim.Breakout || !m.coming.Add(who, m.polls) {
		return
	}
	m.late++
	m.tenant.People++
	if m.page != nil {
		m.page.people++
	}
}

// correct brings what is known of a meeting in line with what a poll saw. Its IDs are left to a create that is under way.
func (m *meeting) correct(s Sighting, now time.Time) {
	m.countPolls()
	m.seen = now
	before, known := m.here(), m.known()
	m.people, m.guess, m.rooms, m.early, m.missed = s.People, 0, s.Rooms, 0, 0
	m.coming.Arrived(m.polls)
	m.peak = max(m.peak, s.People)
	m.page.people += m.here() - before
	m.tenant.People += m.known() - known
	if !m.creating {
		m.claim.InternalID, m.claim.CreateTime = s.InternalID, s.CreateTime
		if m.claim.Name == "" {
			m.claim.Name = nameToKeep(s.Name, m.claim.Recorded)
		}
	}
}

// countPolls makes late joins early ones where a poll has begun since.
func (m *meeting) countPolls() {
	if m.page != nil && m.polls != m.page.polls {
		m.early, m.late, m.polls = m.early+m.late, 0, m.page.polls
	}
}

// JoinSent counts somebody who was sent to a meeting. Whoever is sent there again before a poll has looked counts once.
type JoinSent struct {
	At     time.Time
	Key    store.MeetingKey
	Who    coming.Person
	From   uint64 // the instance that sent him, and reported that to the one that decides; 0 for that one
	Serial uint64 // one more with every report of that instance: one that comes again is no join
}

func (c JoinSent) apply(b *Book) {
	if c.From != 0 {
		if b.Record().Reported(c) {
			return
		}
		b.reports.enter(c)
	}
	if m := b.where.meetings[c.Key]; m != nil {
		m.addJoin(c.Who, c.At)
	}
}
