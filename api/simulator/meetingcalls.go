package simulator

import (
	"cmp"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// meetingCalls are the calls about meetings and what is in them, but for the join.
type meetingCalls struct {
	holdings *holdings
	life     Settings
	now      func() time.Time
	made     func() // called after a meeting was made, before that is answered
}

// isMeetingRunning tells whether anybody is in a meeting. One that does not exist is not running.
func (c *meetingCalls) isMeetingRunning(w http.ResponseWriter, q *bbb.Request) {
	if err := bbb.CheckMeetingID(q.Params.Get("meetingID")); err != nil {
		fail(w, err)
		return
	}
	held, unlock := c.holdings.lock()
	m := held.rooms.Find(q.Params.Get("meetingID"))
	running := m != nil && len(m.People.In()) > 0
	unlock()
	succeed(w, bbb.Success().Bool("running", running))
}

// getMeetingInfo shows one meeting.
func (c *meetingCalls) getMeetingInfo(w http.ResponseWriter, q *bbb.Request) {
	if err := bbb.CheckMeetingID(q.Params.Get("meetingID")); err != nil {
		fail(w, err)
		return
	}
	held, unlock := c.holdings.lock()
	m := held.rooms.Find(q.Params.Get("meetingID"))
	if !m.GoesOn() {
		unlock()
		fail(w, bbb.ErrMeetingNotFound)
		return
	}
	const head, tail = "<response><returncode>SUCCESS</returncode>", "</response>"
	body := make([]byte, 0, len(head)+len(m.XML())+len(tail))
	body = append(append(append(body, head...), m.XML()...), tail...)
	unlock()
	bbb.WriteXML(w, http.StatusOK, body)
}

// getMeetings shows all meetings that go on. In the moment in which BigBlueButton sets hasBeenForciblyEnded it removes the
// meeting, so nobody sees one that has ended.
func (c *meetingCalls) getMeetings(w http.ResponseWriter, _ *bbb.Request) {
	held, unlock := c.holdings.lock()
	if held.rooms.Count() == 0 {
		unlock()
		succeed(w, bbb.Success().Raw([]byte("<meetings/>")).
			Message("noMeetings", "no meetings were found on this server"))
		return
	}
	const head, open, end, tail = "<response><returncode>SUCCESS</returncode><meetings>", "<meeting>", "</meeting>",
		"</meetings></response>"
	size := len(head) + len(tail)
	for _, m := range held.rooms.All() {
		if m.GoesOn() {
			size += len(open) + len(m.XML()) + len(end)
		}
	}
	body := append(make([]byte, 0, size), head...)
	for _, m := range held.rooms.All() {
		if m.IsOver() {
			continue
		}
		body = append(append(append(body, open...), m.XML()...), end...)
	}
	unlock()
	bbb.WriteXML(w, http.StatusOK, append(body, tail...))
}

// getSessions shows who is in which meeting.
func (c *meetingCalls) getSessions(w http.ResponseWriter, _ *bbb.Request) {
	x := bbb.Success().Open("sessions")
	found := false
	held, unlock := c.holdings.lock()
	for _, m := range held.rooms.All() {
		for _, p := range m.People.In() {
			found = true
			x.Open("meeting").Text("meetingID", m.Internal).Text("meetingName", m.Name).Text("userName", p.Name).
				Close("meeting")
		}
	}
	unlock()
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

// end ends a meeting. The answer only says that it will end, and is the same while the end is still remembered.
func (c *meetingCalls) end(w http.ResponseWriter, q *bbb.Request) {
	if err := bbb.CheckMeetingID(q.Params.Get("meetingID")); err != nil {
		fail(w, err)
		return
	}
	if !validPassword(q.Params.Get("password")) {
		fail(w, errPassword)
		return
	}
	held, unlock := c.holdings.lock()
	defer unlock()
	m := held.rooms.Find(q.Params.Get("meetingID"))
	if m == nil {
		fail(w, bbb.ErrMeetingNotFound)
		return
	}
	if password := q.Params.Get("password"); password != "" && password != m.ModeratorPW {
		fail(w, errModeratorPassword)
		return
	}
	held.rooms.End(m, c.now())
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

// sendChatMessage says something in a meeting that somebody is in.
func (c *meetingCalls) sendChatMessage(w http.ResponseWriter, q *bbb.Request) {
	message, user := q.Params.Get("message"), cmp.Or(q.Params.Get("userName"), "System")
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
	held, unlock := c.holdings.lock()
	defer unlock()
	m := held.rooms.Find(q.Params.Get("meetingID"))
	if m == nil || len(m.People.In()) == 0 {
		fail(w, bbb.ErrChatUnknown)
		return
	}
	m.Say(user, message)
	succeed(w, bbb.Success().Message("", ""))
}
