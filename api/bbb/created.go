package bbb

import (
	"bytes"
	"cmp"
	"time"
)

// This file is what creates are answered with: read as a server says it, and said for a meeting as it stands.

// CreateAnswer is what a server says of a meeting that it has created, or had already.
type CreateAnswer struct {
	InternalID string
	CreateTime int64 // milliseconds since 1970, by the server's clock
	Repeated   bool  // the meeting was there before
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
	return m.createAnswer().Message("duplicateWarning",
		"This conference was already in existence and may currently be in progress.").Bytes(), nil
}

// createAnswer is the answer to a create of the meeting, but for its message.
func (m Meeting) createAnswer() *Builder {
	seen := Answer{body: m.Raw}
	x := Success().Text("meetingID", m.MeetingID).Text("internalMeetingID", m.InternalID).
		Text("parentMeetingID", cmp.Or(m.ParentID, "bbb-none"))
	for _, name := range []string{
		"attendeePW", "moderatorPW", "createTime", "voiceBridge", "dialNumber", "createDate", "hasUserJoined", "duration",
		"hasBeenForciblyEnded",
	} {
		x.Text(name, seen.Get(name))
	}
	return x
}

// Created is what the meeting's server has answered to the create that made it, but for who has joined since. It is for whoever
// has made it and missed the answer.
func (m Meeting) Created() []byte {
	return m.createAnswer().Message("", "").Bytes()
}

// Fits tells whether a create with these passwords is one that may have made the meeting: what it gives must be the meeting's,
// what it does not give the server has chosen.
func (m Meeting) Fits(attendeePW, moderatorPW string) bool {
	seen := Answer{body: m.Raw}
	fits := func(given, is string) bool { return given == "" || given == is }
	return fits(attendeePW, seen.Get("attendeePW")) && fits(moderatorPW, seen.Get("moderatorPW"))
}

// FirstAnswer is the answer to a repeated create as the first creation was answered: without the warning that the meeting is
// there already.
func FirstAnswer(body []byte) []byte {
	const key, open, end = "<messageKey>duplicateWarning</messageKey>", "<message>", "</message>"
	at := bytes.LastIndex(body, []byte(key))
	if at < 0 {
		return body
	}
	first := append(bytes.Clone(body[:at]), "<messageKey></messageKey>"...)
	rest := body[at+len(key):]
	from, to := bytes.Index(rest, []byte(open)), bytes.Index(rest, []byte(end))
	if from < 0 || to < from {
		return append(first, rest...)
	}
	first = append(first, rest[:from+len(open)]...)
	return append(first, rest[to:]...)
}
