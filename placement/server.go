package placement

import (
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// server is the ledger's page for one server.
type server struct {
	Server
	meetings map[store.MeetingKey]*meeting
	people   int // seen and on their way, over all meetings, and in copies of meetings that are claimed elsewhere
	strays   int // of these, in such copies
	seats    int
	kept     float64 // seats
	carry    float64 // people that a server of weight 1 carries
	epoch    int     // counts polls, to tell joins before one from joins after it
	fading   fading
	adopting allowance
	asking   int           // how many meetings had been ended when the last poll began
	shown    int           // the same, for the last poll that showed all its meetings
	whole    int           // the epoch of that poll; 0 before the first
	ahead    time.Duration // its clock, of ours, at that poll
}

// visible tells whether what the server has is known: the last poll that is over showed all of it.
func (s *server) visible() bool { return s.whole > 0 && s.epoch-s.whole <= 1 }

// Tag returns the tag of a server; "" where it has none, or is not in the pool.
func (l *Ledger) Tag(id string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := l.servers[id]; s != nil {
		return s.Tag
	}
	return ""
}

// load is the page in numbers.
func (s *server) load(now float64) Load {
	carries := float64(s.Capacity)
	if carries <= 0 {
		carries = s.Weight * s.carry
	}
	weight := s.Weight
	if s.Slow {
		weight /= 2
	}
	return Load{
		Server: s.ID, Weight: weight, Capacity: s.Capacity, Hard: s.Hard, Carries: carries, People: s.people,
		Expected: s.fading.at(now), Kept: s.kept, Meetings: len(s.meetings),
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

// stray counts the people in copies of meetings that are claimed elsewhere, and others that no claim is about: they need
// room, too. Those in what was ended are about to leave.
func (s *server) stray(copies []Sighting, people int) {
	for _, c := range copies {
		if !c.Over {
			people += c.People
		}
	}
	people = min(people, most)
	s.people += people - s.strays
	s.strays = people
}
