package simulator

import (
	"net/http"
	"unicode/utf8"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// isMeetingRunning tells whether anybody is in a meeting. One that does not exist is not running.
func (s *Server) isMeetingRunning(w http.ResponseWriter, q *bbb.Request) {
	if err := bbb.CheckMeetingID(q.Params.Get("meetingID")); err != nil {
		fail(w, err)
		return
	}
	s.mu.Lock()
	m := s.find(q.Params.Get("meetingID"))
	running := m != nil && len(m.people) > 0
	s.mu.Unlock()
	succeed(w, bbb.Success().Bool("running", running))
}

// getMeetingInfo shows one meeting.
func (s *Server) getMeetingInfo(w http.ResponseWriter, q *bbb.Request) {
	if err := bbb.CheckMeetingID(q.Params.Get("meetingID")); err != nil {
		fail(w, err)
		return
	}
	s.mu.Lock()
	m := s.find(q.Params.Get("meetingID"))
	if m == nil || m.isEnded() {
		s.mu.Unlock()
		fail(w, bbb.ErrMeetingNotFound)
		return
	}
	const head, tail = "<response><returncode>SUCCESS</returncode>", "</response>"
	body := make([]byte, 0, len(head)+len(m.xml())+len(tail))
	body = append(append(append(body, head...), m.xml()...), tail...)
	s.mu.Unlock()
	bbb.WriteXML(w, http.StatusOK, body)
}

// getMeetings shows all meetings that go on. In the moment in which BigBlueButton sets hasBeenForciblyEnded it removes the
// meeting, so nobody sees one that has ended.
func (s *Server) getMeetings(w http.ResponseWriter, _ *bbb.Request) {
	s.mu.Lock()
	if len(s.order) == s.ended {
		s.mu.Unlock()
		succeed(w, bbb.Success().Raw([]byte("<meetings/>")).
			Message("noMeetings", "no meetings were found on this server"))
		return
	}
	const head, open, end, tail = "<response><returncode>SUCCESS</returncode><meetings>", "<meeting>", "</meeting>",
		"</meetings></response>"
	size := len(head) + len(tail)
	for _, m := range s.order {
		if !m.isEnded() {
			size += len(open) + len(m.xml()) + len(end)
		}
	}
	body := append(make([]byte, 0, size), head...)
	for _, m := range s.order {
		if m.isEnded() {
			continue
		}
		body = append(append(append(body, open...), m.xml()...), end...)
	}
	s.mu.Unlock()
	bbb.WriteXML(w, http.StatusOK, append(body, tail...))
}

// getSessions shows who is in which meeting.
func (s *Server) getSessions(w http.ResponseWriter, _ *bbb.Request) {
	x := bbb.Success().Open("sessions")
	found := false
	s.mu.Lock()
	for _, m := range s.order {
		for _, p := range m.people {
			found = true
			x.Open("meeting").Text("meetingID", m.internal).Text("meetingName", m.name).Text("userName", p.name).
				Close("meeting")
		}
	}
	s.mu.Unlock()
	if !found {
		succeed(w, bbb.Success().Raw([]byte("<sessions/>")).
			Message("noSessions", "no sessions were found on this serverr"))
		return
	}
	succeed(w, x.Close("sessions"))
}

var errModeratorPassword = &bbb.Error{
	Key: "invalidPassword", Message: "The supplied moderator password is incorrect",
}

// endCall ends a meeting. The answer only says that it will end, and is the same while the end is still remembered.
func (s *Server) endCall(w http.ResponseWriter, q *bbb.Request) {
	if err := bbb.CheckMeetingID(q.Params.Get("meetingID")); err != nil {
		fail(w, err)
		return
	}
	if !validPassword(q.Params.Get("password")) {
		fail(w, errPassword)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.find(q.Params.Get("meetingID"))
	if m == nil {
		fail(w, bbb.ErrMeetingNotFound)
		return
	}
	if password := q.Params.Get("password"); password != "" && password != m.moderatorPW {
		fail(w, errModeratorPassword)
		return
	}
	m.ordered = true
	s.end(m, s.sim.cfg.Now())
	succeed(w, bbb.Success().Message("sentEndMeetingRequest",
		"A request to end the meeting was sent.  Please wait a few seconds, and then use the getMeetingInfo or "+
			"isMeetingRunning API calls to verify that it was ended."))
}

// The errors of sendChatMessage. Their keys differ between releases.
var (
	errChatMissing = &bbb.Error{Key: "validationError", Message: "You must provide the param message"}
	errChatSize    = &bbb.Error{Key: "sizeError", Message: "Param message must be between 1 and 500 characters"}
	errChatUser    = &bbb.Error{Key: "sizeError", Message: "Param userName must not exceed 255 characters"}
)

// maxChat is how many messages of a meeting are remembered.
const maxChat = 100

// sendChatMessage says something in a meeting that somebody is in.
func (s *Server) sendChatMessage(w http.ResponseWriter, q *bbb.Request) {
	message, user := q.Params.Get("message"), or(q.Params.Get("userName"), "System")
	failed := bbb.CheckMeetingID(q.Params.Get("meetingID"))
	switch {
	case failed != nil:
	case message == "":
		failed = errChatMissing
	case utf8.RuneCountInString(message) > 500:
		failed = errChatSize
	case utf8.RuneCountInString(user) > 255:
		failed = errChatUser
	}
	if failed != nil {
		fail(w, failed)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.find(q.Params.Get("meetingID"))
	if m == nil || len(m.people) == 0 {
		fail(w, bbb.ErrChatUnknown)
		return
	}
	if len(m.chat) < maxChat {
		m.chat = append(m.chat, user+": "+message)
	}
	succeed(w, bbb.Success().Message("", ""))
}
