package bbb

import (
	"crypto/subtle"
	"time"
)

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

// Moderator tells whether that is the moderators' password of the meeting, as its server shows it, and whether the
// server does.
func (m Meeting) Moderator(password string) (right, known bool) {
	seen := Answer{body: m.Raw}.Get("moderatorPW")
	return subtle.ConstantTimeCompare([]byte(password), []byte(seen)) == 1, seen != ""
}
