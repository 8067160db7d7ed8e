package poller

import (
	"slices"
	"time"

	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/poller/observed"
	"github.com/bbbpool/bbbpool/poller/seen"
	"github.com/bbbpool/bbbpool/store"
)

// Health is what we see of a server, as opposed to what people decided about it.
type Health = observed.Health

// The healths.
const (
	Unknown = observed.Unknown // not asked yet
	Online  = observed.Online
	Suspect = observed.Suspect // it failed just now, or is on its way back
	Offline = observed.Offline // it has failed for a while
)

// Status is a server as people see it.
type Status struct {
	store.Server
	Health   Health
	Failing  time.Time     // since when every call has failed; zero while they succeed
	Reason   string        // of the last failure, how far it has recovered, or how slow it is
	Warnings []Warning     // what will be wrong unless somebody looks after it; nil where all is well
	LastPoll time.Time     // when the last good poll began; zero if there was none
	Latency  time.Duration // of the last good poll
	Patience time.Duration // how long a probe of it may take, by how fast it has answered of late

	ClockKnown         bool          // its answers told what time it is there
	ClockSkew          time.Duration // how far its clock is ahead of ours, to the second
	CertificateExpires time.Time     // zero where there is none, or none was seen

	// OnFormer says of a server whose secret is being changed that it was last seen to accept its former one.
	OnFormer bool

	// What the last poll saw, but for what somebody has ended. Of a server that is offline only what is claimed there counts
	// still.
	Meetings int // breakout rooms left out
	Users    int // people
	Videos   int
	Largest  int // people in the largest meeting
	Split    int // meetings with people in them that are claimed on another server
	Broken   int // meetings that could not be read
	Load     placement.Load

	SplitSince  time.Time // when the first of the meetings in Split was seen; zero where there is none
	SplitPeople int       // in them and their breakout rooms
}

// Capacity is what the pool carries, as the ledger has it.
func (p *Poller) Capacity() placement.Capacity { return p.ledger.Capacity() }

// Now is what time it is for what Servers tells.
func (p *Poller) Now() time.Time { return p.now() }

// Servers returns the status of every server, by ID. It asks nobody.
func (p *Poller) Servers() []Status {
	servers := p.pool.sorted()
	list := make([]Status, 0, len(servers))
	for _, s := range servers {
		list = append(list, s.status())
	}
	return list
}

// Server returns the status of one server.
func (p *Poller) Server(id string) (Status, bool) {
	s := p.pool.server(id)
	if s == nil {
		return Status{}, false
	}
	return s.status(), true
}

// status is the server as people see it. It takes the lock, and asks the ledger about every meeting.
func (s *server) status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	status := s.state.inspect()
	status.countMeetings(&s.state)
	return status
}

// inspect looks at the server, but for the meetings that it was seen with. It takes the lock.
func (s *server) inspect() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.inspect()
}

func (st *state) inspect() Status {
	health, reason := st.shown(st.now())
	s := Status{
		Server: st.record, Health: health, Failing: st.health.Failing, Reason: reason, LastPoll: st.view.Polled,
		Latency: st.view.Latency, Patience: st.patience(), ClockKnown: st.traits.clock.Known(1),
		ClockSkew: st.traits.clock.Skew(), CertificateExpires: st.traits.expires, Broken: st.view.Unreadable,
		Load: st.ledger.ServerLoad(st.record.ID), Warnings: st.warnings(),
	}
	s.OnFormer = st.onFormer()
	if st.health.Is == Offline {
		return s // nobody knows what its copies have come to
	}
	for _, c := range st.view.Copies {
		if !c.Used() {
			continue
		}
		if s.Split == 0 || c.Since.Before(s.SplitSince) {
			s.SplitSince = c.Since
		}
		s.Split++
		s.SplitPeople += c.People + c.Rooms
	}
	return s
}

// countMeetings counts what the last poll saw.
func (s *Status) countMeetings(st *state) {
	away := st.health.Is == Offline
	for _, m := range goingOn(st.ledger, s.ID, slices.Clone(st.view.Meetings)) {
		if m.Breakout || m.Ended || away && !claimedOn(st.ledger, seen.KeyOf(m), s.ID) {
			continue
		}
		s.Meetings++
		s.Users += m.Participants
		s.Videos += m.Videos
		s.Largest = max(s.Largest, m.Participants)
	}
}
