package poller

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// fresh is how old a view may be before it is asked for anew: the longer the larger the pool, so that front ends that
// keep asking for all meetings cause no more than 250 polls a second in all.
func (p *Poller) fresh(servers int) time.Duration {
	return time.Duration(servers) * 4 * time.Millisecond
}

// Refresh polls every server that was not polled just now, and returns when all have answered or ctx ends. Servers that
// fail, or have been asked for a while without answering, are not waited for: they stay at what was last seen.
func (p *Poller) Refresh(ctx context.Context) {
	servers := p.sorted()
	fresh := p.fresh(len(servers))
	var waiting []*inquiry
	for _, s := range servers {
		if s.wantsAsking(p.now(), fresh) {
			if q := p.start(s); q != nil {
				waiting = append(waiting, q)
			}
		}
	}
	for _, q := range waiting {
		select {
		case <-q.seen:
		case <-ctx.Done():
			return
		}
	}
}

// patience is how long a poll may have been on its way for somebody new to wait for it.
const patience = 100 * time.Millisecond

func (s *server) wantsAsking(now time.Time, fresh time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.health.failing.IsZero() {
		return false
	}
	if s.inquiry != nil {
		return now.Sub(s.inquiry.began) < patience
	}
	return now.Sub(s.began) >= fresh
}

// Meetings returns the meetings of a tenant as they were last seen, server by server. What a failing server was seen
// with counts only as long as it is claimed there. Of two meetings with one ID it returns the one that is claimed where
// it was seen, else one that goes on. What somebody has ended is not among them, whatever servers list.
func (p *Poller) Meetings(tenant string) []bbb.Meeting {
	var list []bbb.Meeting
	var on []string        // the server of each
	at := map[string]int{} // external IDs, to find meetings that are there twice
	for _, s := range p.sorted() {
		for _, m := range p.listed(s) {
			if key(m).Tenant != tenant {
				continue
			}
			i, twice := at[m.MeetingID]
			switch {
			case !twice:
				at[m.MeetingID] = len(list)
				list, on = append(list, m), append(on, s.id)
			case p.rank(m, s.id) > p.rank(list[i], on[i]):
				list[i], on[i] = m, s.id
			}
		}
	}
	return list
}

// listed returns the meetings of a server that count. Breakout rooms have no claims: they count with their parents.
func (p *Poller) listed(s *server) []bbb.Meeting {
	meetings, failing := s.visible()
	meetings = p.goingOn(s.id, meetings)
	if !failing {
		return meetings
	}
	claimed := map[string]bool{}
	for _, m := range meetings {
		claimed[m.InternalID] = !m.Breakout && p.claimed(key(m), s.id)
	}
	return slices.DeleteFunc(meetings, func(m bbb.Meeting) bool {
		if m.Breakout {
			return !claimed[m.ParentID]
		}
		return !claimed[m.InternalID]
	})
}

// goingOn leaves out what somebody has ended, with its breakout rooms.
func (p *Poller) goingOn(server string, meetings []bbb.Meeting) []bbb.Meeting {
	over := map[string]bool{} // by internal ID
	for _, m := range meetings {
		if p.ledger.Over(server, sighting(m)) {
			over[m.InternalID] = true
		}
	}
	if len(over) == 0 {
		return meetings
	}
	return slices.DeleteFunc(meetings, func(m bbb.Meeting) bool {
		return over[m.InternalID] || m.Breakout && over[m.ParentID]
	})
}

// Copies returns every server that may have a meeting, whether it answers now or not, and the meeting as it was last seen
// there, or no more than its names: where it is claimed first, then wherever else it was seen. What is over is not among
// them.
func (p *Poller) Copies(k store.MeetingKey) iter.Seq2[string, bbb.Meeting] {
	return func(yield func(string, bbb.Meeting) bool) {
		var claim store.Claim
		if found, err := p.ledger.Peek(k); err == nil {
			claim = found.Claim
			if !yield(claim.Server, p.claimedCopy(claim)) {
				return
			}
		}
		for _, s := range p.sorted() {
			for _, m := range s.copiesOf(k) {
				claimed := s.id == claim.Server && m.InternalID == claim.InternalID
				if !claimed && !p.ledger.Over(s.id, sighting(m)) && !yield(s.id, m) {
					return
				}
			}
		}
	}
}

// claimedCopy returns a meeting as it was last seen where it is claimed, or its names where no poll has seen it yet.
func (p *Poller) claimedCopy(c store.Claim) bbb.Meeting {
	if s := p.server(c.Server); s != nil {
		for _, m := range s.copiesOf(c.MeetingKey) {
			if m.InternalID == c.InternalID {
				return m
			}
		}
	}
	return bbb.Meeting{MeetingID: c.MeetingID, Tenant: c.Tenant, InternalID: c.InternalID}
}

// copiesOf returns what was seen of a meeting, of those copies that were not seen lately no more than their names; not more
// of them than anybody looks after.
func (s *server) copiesOf(k store.MeetingKey) []bbb.Meeting {
	meetings, _ := s.visible()
	meetings = slices.DeleteFunc(meetings, func(m bbb.Meeting) bool { return key(m) != k })
	s.mu.Lock()
	defer s.mu.Unlock()
	for internal, c := range s.copies {
		here := func(m bbb.Meeting) bool { return m.InternalID == internal }
		if c.key == k && !slices.ContainsFunc(meetings, here) {
			meetings = append(meetings, bbb.Meeting{MeetingID: k.MeetingID, Tenant: k.Tenant, InternalID: internal})
		}
	}
	return meetings[:min(len(meetings), placement.MaxCopies)]
}

// rank tells which of two meetings with one ID is the one that people should see.
func (p *Poller) rank(m bbb.Meeting, server string) int {
	switch {
	case m.Ended:
		return 0
	case p.claimed(key(m), server):
		return 2
	}
	return 1
}

// claimed tells whether a meeting is claimed on a server.
func (p *Poller) claimed(key store.MeetingKey, server string) bool {
	found, err := p.ledger.Peek(key)
	return err == nil && found.Claim.Server == server
}

// Meeting returns a meeting that goes on, as it was last seen on a server.
func (p *Poller) Meeting(server string, k store.MeetingKey) (bbb.Meeting, bool) {
	s := p.server(server)
	if s == nil {
		return bbb.Meeting{}, false
	}
	meetings, _ := s.visible()
	i := slices.IndexFunc(meetings, func(m bbb.Meeting) bool { return key(m) == k && !m.Ended })
	if i < 0 {
		return bbb.Meeting{}, false
	}
	return meetings[i], true
}

// Created adds a meeting to the view, for as long as no poll that began later has looked.
func (p *Poller) Created(server string, m bbb.Meeting) {
	s := p.server(server)
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.record.State == store.Disabled {
		return // nothing is seen there, and no poll will take it back
	}
	s.created = append(s.created, created{at: p.now(), meeting: m})
}

// Failing tells whether the last call to a server failed. One that is not in the pool fails.
func (p *Poller) Failing(id string) bool {
	s := p.server(id)
	if s == nil {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.health.failing.IsZero()
}

// Alive waits until a failing server has either answered again, then it returns true, or failed for the whole of
// Failover, so that a meeting with people in it may be created elsewhere. It returns false also when ctx ends, or the
// server is not in the pool.
func (p *Poller) Alive(ctx context.Context, id string) bool {
	for {
		s := p.server(id)
		if s == nil {
			return false
		}
		s.mu.Lock()
		failing, changed := s.health.failing, s.changed
		s.mu.Unlock()
		if failing.IsZero() {
			return true
		}
		rest := p.config.Failover - p.now().Sub(failing)
		if rest <= 0 {
			return false
		}
		select {
		case <-changed:
		case <-time.After(rest):
		case <-ctx.Done():
			return false
		}
	}
}
