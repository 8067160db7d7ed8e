package poller

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/poller/seen"
	"github.com/bbbpool/bbbpool/store"
)

// fresh is how old a view may be before it is asked for anew: the longer the larger the pool, so that front ends that
// keep asking for all meetings cause no more than 250 polls a second in all.
func fresh(servers int) time.Duration { return time.Duration(servers) * 4 * time.Millisecond }

// Refresh polls every server that was not polled just now, and returns when all have answered or ctx ends. Servers that
// fail, or have been asked for a while without answering, are not waited for: they stay at what was last seen.
//
// Where another instance leads it is that one which asks: we poll nobody, and wait for what it has seen.
func (p *Poller) Refresh(ctx context.Context) {
	servers, following := p.pool.sorted(), p.pool.following.Load()
	fresh := fresh(len(servers))
	var waiting []*poll
	for _, s := range servers {
		if s.worthPolling(fresh) {
			if following {
				p.askLeader(ctx)
				return
			}
			if q := p.pool.poll(s); q != nil {
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

// Sweep has every server polled, once Run has begun, and returns when what they have is in the ledger, but for those that fail,
// which nobody waits for. It returns true where all have answered.
func (p *Poller) Sweep(ctx context.Context) bool {
	select {
	case <-p.pool.begun():
	case <-ctx.Done():
		return false
	}
	var waiting []*poll
	failing := false
	for _, s := range p.pool.sorted() {
		switch q := p.pool.poll(s); {
		case q == nil:
		case q.doubt:
			failing = true
		default:
			waiting = append(waiting, q)
		}
	}
	all := !failing && p.pool.leads() // else nobody was asked: it has ended meanwhile
	for _, q := range waiting {
		select {
		case <-q.over:
			all = all && q.answered
		case <-ctx.Done():
			return false
		}
	}
	return all
}

// joinWithin is how long a poll may have been on its way for somebody new to wait for it.
const joinWithin = 100 * time.Millisecond

// worthPolling tells whether somebody who wants a view that is no older than that should have the server polled, and wait.
func (s *server) worthPolling(fresh time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, st := s.now(), &s.state
	switch {
	case st.failing():
		return false
	case st.schedule.inFlight != nil:
		return now.Sub(st.schedule.inFlight.began) < joinWithin
	}
	return now.Sub(st.schedule.began) >= fresh
}

// Meetings returns the meetings of a tenant as they were last seen, server by server. What a failing server was seen
// with counts only as long as it is claimed there. Of two meetings with one ID it returns the one that is claimed where
// it was seen, else one that goes on. What somebody has ended is not among them, whatever servers list.
func (p *Poller) Meetings(tenant string) []bbb.Meeting {
	var list []bbb.Meeting
	var on []string        // the server of each
	at := map[string]int{} // external IDs, to find meetings that are there twice
	for _, s := range p.pool.sorted() {
		for _, m := range s.listed() {
			if seen.KeyOf(m).Tenant != tenant {
				continue
			}
			i, twice := at[m.MeetingID]
			switch {
			case !twice:
				at[m.MeetingID] = len(list)
				list, on = append(list, m), append(on, s.id)
			case rank(p.ledger, m, s.id) > rank(p.ledger, list[i], on[i]):
				list[i], on[i] = m, s.id
			}
		}
	}
	return list
}

// rank tells which of two meetings with one ID is the one that people should see.
func rank(ledger *placement.Ledger, m bbb.Meeting, server string) int {
	switch {
	case m.Ended:
		return 0
	case claimedOn(ledger, seen.KeyOf(m), server):
		return 2
	}
	return 1
}

// claimedOn tells whether a meeting is claimed on a server.
func claimedOn(ledger *placement.Ledger, key store.MeetingKey, server string) bool {
	found, err := ledger.Peek(key)
	return err == nil && found.Claim.Server == server
}

// listed returns the meetings of the server that count. Breakout rooms have no claims: they count with their parents.
func (s *server) listed() []bbb.Meeting {
	s.mu.Lock()
	meetings, failing := s.state.view.All(), s.state.failing()
	s.mu.Unlock()
	meetings = goingOn(s.ledger, s.id, meetings)
	if !failing {
		return meetings
	}
	claimed := map[string]bool{}
	for _, m := range meetings {
		claimed[m.InternalID] = !m.Breakout && claimedOn(s.ledger, seen.KeyOf(m), s.id)
	}
	return slices.DeleteFunc(meetings, func(m bbb.Meeting) bool {
		if m.Breakout {
			return !claimed[m.ParentID]
		}
		return !claimed[m.InternalID]
	})
}

// goingOn leaves out of the meetings of a server what somebody has ended, with its breakout rooms. It changes the list.
func goingOn(ledger *placement.Ledger, server string, meetings []bbb.Meeting) []bbb.Meeting {
	over := map[string]bool{} // by internal ID
	for _, m := range meetings {
		if ledger.Over(server, seen.Sighting(m)) {
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
			if !yield(claim.Server, p.pool.claimedCopy(claim)) {
				return
			}
		}
		for _, s := range p.pool.sorted() {
			for _, m := range s.copiesOf(k) {
				claimed := s.id == claim.Server && m.InternalID == claim.InternalID
				if !claimed && !p.ledger.Over(s.id, seen.Sighting(m)) && !yield(s.id, m) {
					return
				}
			}
		}
	}
}

// claimedCopy returns a meeting as it was last seen where it is claimed, or its names where no poll has seen it yet.
func (p *pool) claimedCopy(c store.Claim) bbb.Meeting {
	if s := p.server(c.Server); s != nil {
		for _, m := range s.copiesOf(c.MeetingKey) {
			if m.InternalID == c.InternalID {
				return m
			}
		}
	}
	return seen.Named(c.MeetingKey, c.Alias, c.InternalID)
}

// copiesOf returns the copies of a meeting that the server may have. It takes the lock.
func (s *server) copiesOf(k store.MeetingKey) []bbb.Meeting {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.view.CopiesOf(k)
}

// Meeting returns a meeting that goes on, as it was last seen on a server.
func (p *Poller) Meeting(server string, k store.MeetingKey) (bbb.Meeting, bool) {
	s := p.pool.server(server)
	if s == nil {
		return bbb.Meeting{}, false
	}
	s.mu.Lock()
	meetings := s.state.view.All()
	s.mu.Unlock()
	i := slices.IndexFunc(meetings, func(m bbb.Meeting) bool { return seen.KeyOf(m) == k && !m.Ended })
	if i < 0 {
		return bbb.Meeting{}, false
	}
	return meetings[i], true
}
