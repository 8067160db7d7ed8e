package placement

import (
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// meeting is a claim with what is known of it beyond the record.
type meeting struct {
	stay
	room     room
	server   *server   // nil where the claim's server is not in the pool
	lastJoin time.Time // when somebody was last sent to it
	creating bool      // somebody has its turn to create it
	pending  bool      // no server has answered the create yet: joins wait
}

// stay is a meeting's time on one server. A move begins a new one, and giving the move up restores the old one whole.
type stay struct {
	claim store.Claim
	born  float64 // when the expectation started to fade, in seconds of the ledger's clock

	people int // at the last poll
	rooms  int // people in its breakout rooms at the last poll, who are among the others or come back
	early  int // joins sent before the poll that is under way
	late   int // joins sent since
	epoch  int // of the server, when late was last counted
	way    way // who is among the early and the late
	joins  int // all that were sent
	peak   int // most people that a poll has seen

	confirmed time.Time // when the server last said that it has the meeting
	missed    int       // polls in a row that did not see it
}

// here is how many people count: those seen and those on their way.
func (s *stay) here() int { return s.people + s.early + s.late }

// session is what the history keeps of a stay.
func (s *stay) session(now time.Time, reason string) store.Session {
	return store.Session{
		ID: s.claim.InternalID, Tenant: s.claim.Tenant, Server: s.claim.Server, Start: s.claim.Placed, End: now,
		Peak: s.peak, Joins: s.joins, Reason: reason, Recorded: s.claim.Recorded, Hint: s.claim.Hint,
		Why: s.claim.Why,
	}
}

// recentJoin is how long somebody who was sent to a meeting may need to show up in it.
const recentJoin = 2 * time.Minute

// occupied tells whether somebody is in the meeting, or may be on the way.
func (m *meeting) occupied(now time.Time) bool {
	return m.people > 0 || m.rooms > 0 || now.Sub(m.lastJoin) < recentJoin
}

// presume takes so many people to be in the meeting until a poll has looked.
func (m *meeting) presume(people float64) {
	before := m.here()
	m.people = int(people)
	if m.server != nil {
		m.server.people += m.here() - before
	}
}

// joined counts somebody who was sent to the meeting, once until a poll has looked.
func (m *meeting) joined(who Person, now time.Time) {
	m.catchUp()
	m.joins++
	m.lastJoin = now
	if m.claim.Breakout || !m.way.add(who, m.epoch) {
		return
	}
	m.late++
	if m.server != nil {
		m.server.people++
	}
}

// sighted corrects what is known of a meeting by what a poll saw. Its IDs are left to a create that is under way.
func (m *meeting) sighted(s Sighting) {
	m.catchUp()
	before := m.here()
	m.people, m.rooms, m.early, m.missed = s.People, s.Rooms, 0, 0
	m.way.arrived(m.epoch)
	m.peak = max(m.peak, s.People)
	m.server.people += m.here() - before
	if !m.creating {
		m.claim.InternalID, m.claim.CreateTime = s.InternalID, s.CreateTime
		if m.claim.Name == "" {
			m.claim.Name = called(s.Name, m.claim.Recorded)
		}
	}
}

// catchUp makes late joins early ones where a poll has begun since.
func (m *meeting) catchUp() {
	if m.server != nil && m.epoch != m.server.epoch {
		m.early, m.late, m.epoch = m.early+m.late, 0, m.server.epoch
	}
}

// most is how many people are believed to be in one meeting, or expected in it: sums stay sums whatever we are told.
const most = 100_000

// believable bounds an expectation.
func believable(expected float64) float64 {
	if expected > 0 { // false for what is not a number
		return min(expected, most)
	}
	return 0
}
