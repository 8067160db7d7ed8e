package storm_test

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/bbbpool/bbbpool/api/assembly/children"
	"github.com/bbbpool/bbbpool/api/simulator"
)

// room is where one meeting is held after the other, under one ID.
type room struct {
	*world
	fronts *fronts
	tenant *tenant
	id     string
	mood   int
	single bool // one address for everything

	mu       sync.Mutex
	sessions []*session
}

// session is one meeting of a room whose create was acknowledged.
type session struct {
	n        int
	internal string
	server   *simulator.Server
	recorded bool
	marks    string // the address that its server tells of marks

	asked, answered time.Time // when it was created
}

// newRooms makes one room for each tenant and way of misbehaving, with an address for each thing to be told, and another one with
// one for all.
func newRooms(w *world, f *fronts) (list []*room) {
	for _, t := range w.tenants {
		for mood := range moods {
			for _, single := range []bool{false, true} {
				id := fmt.Sprintf("room-%d-%v", mood, single) // by the same names with both tenants
				list = append(list, &room{world: w, fronts: f, tenant: t, id: id, mood: mood, single: single})
			}
		}
	}
	return list
}

// hold holds one meeting after the other until it is told to stop. What was created is ended.
func (r *room) hold(stop <-chan struct{}) {
	for n := 1; ; n++ {
		select {
		case <-stop:
			return
		case <-time.After(time.Duration(rand.IntN(1500)) * time.Millisecond):
		}
		s := r.create(n, stop)
		if s == nil {
			return
		}
		r.mu.Lock()
		r.sessions = append(r.sessions, s)
		r.mu.Unlock()
		if err := s.server.AddPeople(r.onServer(s), simulator.Crowd{Count: 2, Moderators: 1}); err != nil {
			r.t.Errorf("people come to %s: %v", r.id, err)
		}
		time.Sleep(time.Duration(rand.IntN(500)) * time.Millisecond)
		r.end(s)
	}
}

// create makes a meeting, asking until it is acknowledged. Until the one before is over, that is what is found.
func (r *room) create(n int, stop <-chan struct{}) *session {
	params := url.Values{
		"meetingID": {r.id}, "name": {"Room"}, "moderatorPW": {"mp"}, "record": {strconv.FormatBool(n%3 == 1)},
		"meta_analytics-callback-url": {r.fronts.address(r, "analytics")},
	}
	params.Set("meetingEndedURL", r.fronts.address(r, "ended"))
	params.Set("meta_endCallbackUrl", r.fronts.address(r, "end"))
	params.Set("meta_bbb-recording-ready-url", r.fronts.address(r, "ready"))
	for {
		asked := time.Now()
		body := r.call(r.tenant, secretOf(r.mood), "create", params)
		if internal := children.Element(body, "internalMeetingID"); children.Element(body, "returncode") == "SUCCESS" && !r.knows(internal) {
			if s := r.find(n, internal); s != nil {
				s.asked, s.answered = asked, time.Now()
				return s
			}
			r.t.Errorf("%s was created as %s, which no server has: %s", r.id, internal, body)
		}
		select {
		case <-stop:
			return nil
		case <-time.After(time.Duration(20+rand.IntN(200)) * time.Millisecond):
		}
	}
}

func (r *room) knows(internal string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.sessions {
		if s.internal == internal {
			return true
		}
	}
	return false
}

// find looks for a meeting on all servers.
func (r *room) find(n int, internal string) *session {
	for _, server := range r.sim.Servers() {
		if m, ok := server.Meeting(internal); ok {
			return &session{
				n: n, internal: internal, server: server, recorded: m.Params["record"] == "true", marks: m.Params["meta_endCallbackUrl"],
			}
		}
	}
	return nil
}

// onServer is what its server calls a meeting.
func (r *room) onServer(s *session) string {
	m, _ := s.server.Meeting(s.internal)
	return m.MeetingID
}

// end ends a meeting: somebody in it does, or the front end.
func (r *room) end(s *session) {
	if rand.IntN(2) == 0 {
		for range 5 {
			body := r.call(r.tenant, secretOf(r.mood), "end", url.Values{"meetingID": {r.id}, "password": {"mp"}})
			if children.Element(body, "returncode") == "SUCCESS" {
				break
			}
		}
	}
	if m, ok := s.server.Meeting(s.internal); ok && !m.Ended {
		_ = s.server.End(m.MeetingID) // it may have ended just now
	}
	for there := true; there; time.Sleep(10 * time.Millisecond) {
		_, there = s.server.Meeting(s.internal)
	}
}
