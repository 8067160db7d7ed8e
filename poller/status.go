package poller

import (
	"slices"
	"time"

	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// Status is a server as people see it.
type Status struct {
	store.Server
	Health   Health
	Failing  time.Time     // since when every call has failed; zero while they succeed
	Reason   string        // of the last failure, how far it has recovered, or how slow it is
	Warnings []string      // what will break unless somebody looks after it, in words; nil where all is well
	LastPoll time.Time     // when the last good poll began; zero if there was none
	Latency  time.Duration // of the last good poll
	Patience time.Duration // how long a probe of it may take, by how fast it has answered of late

	ClockKnown         bool          // its answers told what time it is there
	ClockSkew          time.Duration // how far its clock is ahead of ours, to the second
	CertificateExpires time.Time     // zero where there is none, or none was seen

	// What the last poll saw, but for what somebody has ended. Of a server that is offline only what is claimed there counts
	// still.
	Meetings int // breakout rooms left out
	Users    int // people
	Videos   int
	Largest  int // people in the largest meeting
	Split    int // meetings with people in them that are claimed on another server
	Broken   int // meetings that could not be read
	Load     placement.Load
}

// Servers returns the status of every server, by ID. It asks nobody.
func (p *Poller) Servers() []Status {
	servers := p.sorted()
	list := make([]Status, 0, len(servers))
	for _, s := range servers {
		list = append(list, p.status(s))
	}
	return list
}

// Server returns the status of one server.
func (p *Poller) Server(id string) (Status, bool) {
	s := p.server(id)
	if s == nil {
		return Status{}, false
	}
	return p.status(s), true
}

func (p *Poller) status(s *server) Status {
	now := p.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	health, reason := s.shown(now, p.config.thresholds())
	st := Status{
		Server: s.record, Health: health, Failing: s.health.failing, Reason: reason,
		Warnings: s.warnings(now), LastPoll: s.polled, Latency: s.latency,
		Patience: s.pace.patience(p.config.Connect, p.config.Response), ClockKnown: s.clock.seen > 0,
		ClockSkew: s.clock.skew(), CertificateExpires: s.expires, Broken: s.broken, Load: p.ledger.ServerLoad(s.id),
	}
	away := s.health.is == Offline
	for _, c := range s.copies {
		if c.used() && !away {
			st.Split++
		}
	}
	for _, m := range p.goingOn(s.id, slices.Clone(s.meetings)) {
		if m.Breakout || m.Ended || away && !p.claimed(key(m), s.id) {
			continue
		}
		st.Meetings++
		st.Users += m.Participants
		st.Videos += m.Videos
		st.Largest = max(st.Largest, m.Participants)
	}
	return st
}

// Ready tells why the pool cannot take new meetings, or "" if it can: also servers on their way back take them where
// nobody else can. A pool without servers that should take some is as ready as it can be: joins go on, and somebody may
// be waiting for that to add servers.
func (p *Poller) Ready() string {
	enabled, unknown := 0, 0
	for _, s := range p.sorted() {
		s.mu.Lock()
		state, unseen, failing := s.record.State, s.health.is == Unknown, !s.health.failing.IsZero()
		s.mu.Unlock()
		switch {
		case state != store.Enabled:
			continue
		case unseen:
			unknown++
		case !failing:
			return ""
		}
		enabled++
	}
	switch {
	case unknown > 0 && unknown == enabled:
		return "no server has been polled yet"
	case enabled == 0 || unknown > 0: // a server that was not asked yet comes before those that fail
		return ""
	case p.outage().own():
		return "no server can take new meetings: most fail at once, check our own network and DNS"
	}
	return "no server can take new meetings"
}
