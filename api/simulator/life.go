package simulator

import (
	"slices"
	"time"
)

// live brings the server to a moment: people arrive, meetings expire and vanish, recordings come out.
func (s *Server) live(now time.Time) {
	s.mu.Lock()
	for _, m := range s.order {
		if !m.isEnded() {
			s.arrive(m, now)
			if m.expired(now) {
				s.end(m, now)
			}
		}
	}
	s.forgetEnded(now)
	ready := s.process(now)
	s.mu.Unlock()
	for _, r := range ready {
		s.publish(r)
	}
}

// arrive lets in those who were on their way, and sends guests away who have waited too long.
func (s *Server) arrive(m *meeting, now time.Time) {
	due := func(p *person) bool { return !p.arrives.After(now) }
	for _, p := range m.arriving {
		if due(p) {
			m.enter(p)
		}
	}
	m.arriving = slices.DeleteFunc(m.arriving, due)
	for _, p := range m.waiting {
		if due(p) {
			delete(s.sessions, p.session)
		}
	}
	m.waiting = slices.DeleteFunc(m.waiting, due)
}

// expired tells whether a meeting ends by itself.
func (m *meeting) expired(now time.Time) bool {
	since := func(t time.Time, d time.Duration) bool { return d > 0 && !t.IsZero() && now.Sub(t) >= d }
	switch {
	case since(m.created, m.duration):
		return true
	case m.joined == 0:
		return since(m.created, m.neverJoined)
	case len(m.people) == 0:
		return since(m.emptied, m.deserted)
	}
	return since(m.moderatorsGone, m.noModerator)
}

// end ends a meeting and its breakout rooms. From then on nobody sees it, but for a while it is remembered: it can be ended
// again, and joins are told that it is over. The caller holds s.mu.
func (s *Server) end(m *meeting, now time.Time) {
	if m.isEnded() {
		return
	}
	for _, room := range m.rooms {
		s.end(room, now)
	}
	for _, list := range [][]*person{m.people, m.arriving, m.waiting} {
		for _, p := range list {
			delete(s.sessions, p.session)
		}
	}
	m.people, m.arriving, m.waiting, m.presenter = nil, nil, nil, nil
	m.ended = now
	if m.parent != nil {
		m.parent.changed()
	}
	s.ended++
	for _, voice := range []string{m.voice, m.webVoice} {
		if s.voices[voice] == m {
			delete(s.voices, voice)
		}
	}
}

// forgetEnded drops the meetings that ended long enough ago, or that are too many. The caller holds s.mu.
func (s *Server) forgetEnded(now time.Time) {
	if s.ended == 0 {
		return
	}
	surplus := s.ended - maxEnded
	s.order = slices.DeleteFunc(s.order, func(m *meeting) bool {
		if !m.isEnded() || now.Sub(m.ended) < s.sim.cfg.Life.Linger && surplus <= 0 {
			return false
		}
		surplus--
		s.forget(m, now)
		return true
	})
}

// forget drops a meeting, calls back, and hands it to the recordings. The caller holds s.mu.
func (s *Server) forget(m *meeting, now time.Time) {
	s.ended--
	delete(s.internal, m.internal)
	if s.meetings[m.id] == m {
		delete(s.meetings, m.id)
	}
	if m.parent != nil {
		m.parent.rooms = slices.DeleteFunc(m.parent.rooms, func(room *meeting) bool { return room == m })
	}
	if !m.breakout {
		s.callBackEnded(m, now)
	}
	s.callBackAnalytics(m, now)
	if m.isRecorded() {
		s.record(m, now)
	}
}

// isRecorded tells whether a recording comes of the meeting: somebody has to have been there, or to have ended it. A pool
// that tests a server makes meetings in which nobody presses the button.
func (m *meeting) isRecorded() bool {
	probe := slices.ContainsFunc(m.metadata, func(p pair) bool { return p.name == "bbbpool-probe" })
	return m.record && !probe && (m.joined > 0 || m.ordered)
}

// Restart makes the server forget all its meetings at once, as a crash does: nobody is called back, nothing is
// recorded. Recordings stay.
func (s *Server) Restart() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgetAll()
}

func (s *Server) forgetAll() {
	s.meetings, s.internal = map[string]*meeting{}, map[string]*meeting{}
	s.voices, s.sessions = map[string]*meeting{}, map[string]*person{}
	s.order, s.ended = nil, 0
}
