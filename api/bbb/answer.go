package bbb

import (
	"bytes"
	"errors"
	"regexp"
	"strings"
	"time"
)

var errNotBBB = errors.New("not an answer of BigBlueButton's")

// CreateAnswer is what a server says of a meeting that it has created, or had already.
type CreateAnswer struct {
	InternalID string
	CreateTime int64 // milliseconds since 1970, by the server's clock
	Repeated   bool  // the meeting was there before
}

// Answer is the part of an answer that every call has.
type Answer struct {
	Err  *Error // nil where the returncode is SUCCESS
	body []byte
}

// ParseAnswer reads the head of an answer. It fails where the body is not an answer of BigBlueButton's, or is cut off.
func ParseAnswer(body []byte) (Answer, error) {
	root := bytes.TrimPrefix(body, []byte("\ufeff"))
	if _, after, ok := bytes.Cut(root, []byte("?>")); ok && bytes.HasPrefix(root, []byte("<?xml")) {
		root = after
	}
	root = bytes.Trim(root, blanks)
	if !bytes.HasPrefix(root, []byte("<response>")) || !bytes.HasSuffix(root, []byte("</response>")) {
		return Answer{}, errNotBBB
	}
	answer := Answer{body: root}
	switch answer.Get("returncode") {
	case "SUCCESS":
		return answer, nil
	case "FAILED":
		answer.Err = failure(answer)
		return answer, nil
	}
	return Answer{}, errNotBBB
}

// failure reads a FAILED answer in both of its forms: with a messageKey, or with a list of errors.
func failure(a Answer) *Error {
	key, ok := find(a.body, "messageKey", false)
	if ok {
		return &Error{Key: tame(key), Message: tame(a.Get("message"))}
	}
	key, _ = find(a.body, "key", true)
	message, _ := find(a.body, "message", true)
	return &Error{Key: tame(key), Message: tame(message)}
}

// given is a checksum as it stands in a query.
var given = regexp.MustCompile(`checksum=[0-9A-Fa-f]+`)

// tame makes what a server says fit for our logs: not endless, and without the checksum of the call that it answers,
// which is as good as the call to anybody who reads it.
func tame(s string) string {
	s = given.ReplaceAllString(s, "checksum=***")
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "") + "…"
	}
	return s
}

// maxText is how many bytes we repeat of what a server says.
const maxText = 200

// Get returns the text of an element of the answer, or "". Elements of elements are not looked at: their names may be
// somebody's choice.
func (a Answer) Get(name string) string {
	text, _ := find(a.body, name, false)
	return text
}

// Created reads what a successful create says.
func (a Answer) Created() CreateAnswer {
	return CreateAnswer{
		InternalID: a.Get("internalMeetingID"),
		CreateTime: number([]byte(a.Get("createTime"))),
		Repeated:   a.Get("messageKey") == "duplicateWarning",
	}
}

// CreatedMeeting makes the meeting that a server would list right after it answered a create, for as long as nobody
// has asked it.
func (a Answer) CreatedMeeting(name string, recorded bool) Meeting {
	created := a.Created()
	m := Meeting{
		MeetingID: a.Get("meetingID"), InternalID: created.InternalID, Name: name,
		CreateTime: created.CreateTime, Recorded: recorded,
	}
	parent := a.Get("parentMeetingID")
	if m.Breakout = parent != "" && parent != "bbb-none"; m.Breakout {
		m.ParentID = parent
	}
	x := &Builder{}
	x.Open("meeting").Text("meetingName", name)
	for _, name := range []string{
		"meetingID", "internalMeetingID", "createTime", "createDate", "voiceBridge", "dialNumber", "attendeePW",
		"moderatorPW",
	} {
		x.Text(name, a.Get(name))
	}
	x.Bool("running", false).Text("duration", a.Get("duration")).Bool("hasUserJoined", false).
		Bool("recording", recorded).Bool("hasBeenForciblyEnded", false).
		Int("startTime", created.CreateTime).Int("endTime", 0)
	for _, count := range []string{
		"participantCount", "listenerCount", "voiceParticipantCount", "videoCount", "maxUsers", "moderatorCount",
	} {
		x.Int(count, 0)
	}
	x.Open("attendees").Close("attendees").Open("metadata").Close("metadata").Bool("isBreakout", m.Breakout)
	if m.Breakout {
		x.Text("parentMeetingID", parent)
	}
	m.Raw = x.Close("meeting").Fragment()
	return m
}

// CreateDate prints a time as BigBlueButton prints createDate, which is how Java prints a date.
func CreateDate(t time.Time) string { return t.Format("Mon Jan 02 15:04:05 MST 2006") }

// Repeated is what the meeting's server would answer to another create of it: whether it is the same depends on the
// passwords alone (BigBlueButton's API, create). Neither given is the same; both given must be equal.
func (m Meeting) Repeated(attendeePW, moderatorPW string) ([]byte, *Error) {
	seen := Answer{body: m.Raw}
	given := attendeePW != "" || moderatorPW != ""
	if given && (attendeePW != seen.Get("attendeePW") || moderatorPW != seen.Get("moderatorPW")) {
		return nil, ErrNotUnique
	}
	x := Success().Text("meetingID", m.MeetingID).Text("internalMeetingID", m.InternalID).
		Text("parentMeetingID", "bbb-none")
	for _, name := range []string{
		"attendeePW", "moderatorPW", "createTime", "voiceBridge", "dialNumber", "createDate", "hasUserJoined", "duration",
		"hasBeenForciblyEnded",
	} {
		x.Text(name, seen.Get(name))
	}
	return x.Message("duplicateWarning",
		"This conference was already in existence and may currently be in progress.").Bytes(), nil
}
