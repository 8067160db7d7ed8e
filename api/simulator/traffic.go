package simulator

import (
	"fmt"
	"strconv"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator/rooms"
)

// named puts the server's name before an error.
func (s *Server) named(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", s.id, err)
}

// AddPeople puts people into a meeting.
func (s *Server) AddPeople(meetingID string, c Crowd) error {
	held, unlock := s.holdings.lock()
	defer unlock()
	return s.named(held.rooms.AddPeople(meetingID, c, s.sim.cfg.Now()))
}

// Leave makes people leave a meeting, the last to come first. A count of 0 or less is everybody.
func (s *Server) Leave(meetingID string, count int) error {
	held, unlock := s.holdings.lock()
	defer unlock()
	return s.named(held.rooms.Leave(meetingID, count, s.sim.cfg.Now()))
}

// End ends a meeting at once, as the call does.
func (s *Server) End(meetingID string) error {
	held, unlock := s.holdings.lock()
	defer unlock()
	return s.named(held.rooms.EndByID(meetingID, s.sim.cfg.Now()))
}

// Restart makes the server forget all its meetings at once, as a crash does: nobody is called back, nothing is
// recorded. Ends that wait to be told are lost as well; recordings, and what scripts tell of them, stay.
func (s *Server) Restart() {
	held, unlock := s.holdings.lock()
	defer unlock()
	held.rooms.Clear()
	s.callbacks.Forget()
	s.hooks.Forget()
}

// Record presses the button that starts or stops the recording of a meeting.
func (s *Server) Record(meetingID string, on bool) error {
	held, unlock := s.holdings.lock()
	defer unlock()
	return s.named(held.rooms.Record(meetingID, on, s.sim.cfg.Now()))
}

// OpenBreakouts opens breakout rooms of a meeting, with people in each.
func (s *Server) OpenBreakouts(meetingID string, count, people int) error {
	return s.Break(meetingID, Breakouts{Rooms: count, People: people})
}

// Break opens breakout rooms of a meeting, with people in each.
func (s *Server) Break(meetingID string, want Breakouts) error {
	ids, err := s.addBreakouts(meetingID, want)
	if err != nil {
		return s.named(err)
	}
	for _, id := range ids {
		if err := s.AddPeople(id, Crowd{Count: want.People, Voice: want.People, Moderators: min(want.People, 1)}); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) addBreakouts(meetingID string, want Breakouts) ([]string, error) {
	held, unlock := s.holdings.lock()
	defer unlock()
	return held.rooms.AddBreakouts(meetingID, want, s.sim.cfg.Now(),
		func(p bbb.Params) rooms.Wanted { return wanted(p, s.sim.cfg.Life) })
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
			return s.named(err)
		}
		n := people*(i+1)/meetings - people*i/meetings
		err = s.AddPeople(id, Crowd{Count: n, Voice: (n + 1) / 2, Video: n / 5, Moderators: min(n, 1)})
		if err != nil {
			return err
		}
	}
	return nil
}

// populateOne creates one meeting of a load.
func (s *Server) populateOne() (id string, err error) {
	number := strconv.FormatInt(s.populated.Add(1), 10)
	id = s.id + "-load-" + number
	var p bbb.Params
	p.Set("name", "Load "+number)
	p.Set("meetingID", id)
	held, unlock := s.holdings.lock()
	defer unlock()
	if _, _, failed := held.rooms.Admit(wanted(p, s.sim.cfg.Life), s.sim.cfg.Now()); failed != nil {
		return "", fmt.Errorf("meeting %q: %w", id, failed)
	}
	return id, nil
}
