package simulator

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// Meeting is a meeting as tests and the control port see it.
type Meeting struct {
	MeetingID  string            `json:"meetingID"`
	InternalID string            `json:"internalMeetingID"`
	Name       string            `json:"name"`
	Created    time.Time         `json:"created"`
	People     int               `json:"people"`
	Moderators int               `json:"moderators"`
	Voices     int               `json:"voices"`
	Videos     int               `json:"videos"`
	Waiting    int               `json:"waiting"` // guests, and people on their way
	Ended      bool              `json:"ended"`
	Breakout   bool              `json:"breakout"`
	ParentID   string            `json:"parentID,omitempty"` // internal ID
	Params     map[string]string `json:"params"`             // of the create that made it, unknown ones too
	Modules    []string          `json:"modules,omitempty"`  // names of those in the body
	Documents  []Document        `json:"documents,omitempty"`
	Chat       []string          `json:"chat,omitempty"` // "user: message"
}

func (m *meeting) view() Meeting {
	n := m.count()
	v := Meeting{
		MeetingID: m.id, InternalID: m.internal, Name: m.name, Created: m.created,
		People: n.People, Moderators: n.Moderators, Voices: n.Voices, Videos: n.Videos,
		Waiting: len(m.waiting) + len(m.arriving), Ended: m.isEnded(), Breakout: m.breakout,
		Params: make(map[string]string, len(m.params)), Modules: slices.Clone(m.modules),
		Documents: slices.Clone(m.documents), Chat: slices.Clone(m.chat),
	}
	if m.parent != nil {
		v.ParentID = m.parent.internal
	}
	for _, p := range m.params {
		v.Params[p.Name] = p.Value
	}
	return v
}

// Meetings returns the meetings that the server knows, those that it has just ended too, in the order they were created.
func (s *Server) Meetings() []Meeting {
	s.mu.Lock()
	defer s.mu.Unlock()
	views := make([]Meeting, 0, len(s.order))
	for _, m := range s.order {
		views = append(views, m.view())
	}
	return views
}

// Meeting returns one meeting, by its meetingID or its internal ID.
func (s *Server) Meeting(id string) (Meeting, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.find(id); m != nil {
		return m.view(), true
	}
	return Meeting{}, false
}

// Crowd is people who come to a meeting without a join. Voice, Video and Moderators say how many of them have a
// microphone, have a camera, are moderators.
type Crowd struct {
	Count      int `json:"count"`
	Voice      int `json:"voice"`
	Video      int `json:"video"`
	Moderators int `json:"moderators"`
}

// alive returns a meeting that goes on. The caller holds s.mu.
func (s *Server) alive(meetingID string) (*meeting, error) {
	m := s.find(meetingID)
	if m == nil || m.isEnded() {
		return nil, fmt.Errorf("%s: meeting %q: there is none", s.id, meetingID)
	}
	return m, nil
}

// AddPeople puts people into a meeting.
func (s *Server) AddPeople(meetingID string, c Crowd) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := s.alive(meetingID)
	if err != nil {
		return err
	}
	if c.Count < 0 || c.Count > MaxPeople-len(m.people) {
		return fmt.Errorf("%s: meeting %q: %d people more: the limit is %d", s.id, meetingID, c.Count, MaxPeople)
	}
	m.people = slices.Grow(m.people, c.Count)
	for i := range c.Count {
		internal := "w_" + randomText(12, lowercase)
		m.enter(&person{
			meeting: m, internal: internal, userID: internal, name: "Person " + strconv.Itoa(m.joined+1),
			voice: i < c.Voice, video: i < c.Video, moderator: i < c.Moderators,
		})
	}
	return nil
}

// Leave makes people leave a meeting, the last to come first. A count of 0 or less is everybody.
func (s *Server) Leave(meetingID string, count int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := s.alive(meetingID)
	if err != nil {
		return err
	}
	if count <= 0 {
		count = len(m.people)
	}
	gone := map[*person]bool{}
	for _, p := range m.people[max(0, len(m.people)-count):] {
		gone[p] = true
		delete(s.sessions, p.session)
	}
	m.leave(s.sim.cfg.Now(), func(p *person) bool { return gone[p] })
	return nil
}

// End ends a meeting at once, as the call does.
func (s *Server) End(meetingID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := s.alive(meetingID)
	if err != nil {
		return err
	}
	m.ordered = true
	s.end(m, s.sim.cfg.Now())
	return nil
}

// OpenBreakouts opens breakout rooms of a meeting, with people in each.
func (s *Server) OpenBreakouts(meetingID string, rooms, people int) error {
	s.mu.Lock()
	parent, err := s.alive(meetingID)
	if err != nil || rooms < 1 || rooms > 100 {
		s.mu.Unlock()
		if err == nil {
			err = fmt.Errorf("%s: %d breakout rooms: want from 1 to 100", s.id, rooms)
		}
		return err
	}
	stamp := milliseconds(s.sim.cfg.Now())
	first := len(parent.rooms)
	ids := make([]string, rooms)
	for i := range rooms {
		sequence := strconv.Itoa(first + i + 1)
		ids[i] = sha1hex(sha1hex(parent.internal+"-"+stamp+"-"+sequence)+"-"+stamp) + "-" + stamp
		var p bbb.Params
		for _, param := range []pair{
			{"meetingID", ids[i]},
			{"name", parent.name + " (Room " + sequence + ")"},
			{"isBreakout", "true"},
			{"parentMeetingID", parent.internal},
			{"sequence", sequence},
			{"freeJoin", "false"},
		} {
			p.Set(param.name, param.value)
		}
		room := s.newMeeting(p)
		room.sequence = first + i + 1
		if _, failed := s.admit(room); failed != nil {
			s.mu.Unlock()
			return fmt.Errorf("%s: breakout room %s of %q: %w", s.id, sequence, meetingID, failed)
		}
	}
	s.mu.Unlock()
	for _, id := range ids {
		if err := s.AddPeople(id, Crowd{Count: people, Voice: people, Moderators: min(people, 1)}); err != nil {
			return err
		}
	}
	return nil
}

// Populate creates meetings and spreads people over them: half of them with a microphone, a fifth with a camera. The
// meetings are called "sim1-load-1" and so on, by the ID of the server.
func (s *Server) Populate(meetings, people int) error {
	if meetings < 1 || people < 0 {
		return fmt.Errorf("%s: %d meetings with %d people: want at least one meeting", s.id, meetings, people)
	}
	for i := range meetings {
		id, err := s.populateOne()
		if err != nil {
			return err
		}
		n := people*(i+1)/meetings - people*i/meetings
		err = s.AddPeople(id, Crowd{Count: n, Voice: (n + 1) / 2, Video: n / 5, Moderators: min(n, 1)})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) populateOne() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.populated++
	id := s.id + "-load-" + strconv.Itoa(s.populated)
	var p bbb.Params
	p.Set("name", "Load "+strconv.Itoa(s.populated))
	p.Set("meetingID", id)
	if _, failed := s.admit(s.newMeeting(p)); failed != nil {
		return "", fmt.Errorf("%s: meeting %q: %w", s.id, id, failed)
	}
	return id, nil
}
