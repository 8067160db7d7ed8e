package placement

import "github.com/bbbpool/bbbpool/store"

// server is the ledger's page for one server.
type server struct {
	Server
	meetings map[store.MeetingKey]*meeting
	people   int // seen and on their way, over all meetings
	epoch    int // counts polls, to tell joins before one from joins after it
	fading   fading
}

// load is the page in numbers.
func (s *server) load(now float64) Load {
	return Load{
		Server: s.ID, Weight: s.Weight, Capacity: s.Capacity, People: s.people,
		Expected: s.fading.at(now), Meetings: len(s.meetings),
	}
}

// attach and detach move a meeting between pages.
func (s *server) attach(m *meeting) {
	m.server = s
	s.meetings[m.claim.MeetingKey] = m
	s.people += m.here()
	s.fading.add(m.born, m.claim.Expected)
}

func (s *server) detach(m *meeting) {
	delete(s.meetings, m.claim.MeetingKey)
	s.people -= m.here()
	s.fading.remove(m.born, m.claim.Expected)
	m.server = nil
}
