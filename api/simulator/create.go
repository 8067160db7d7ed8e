package simulator

import (
	"cmp"
	"net/http"
	"regexp"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator/fault"
	"github.com/bbbpool/bbbpool/api/simulator/rooms"
)

// The errors of create that have no place in package bbb, but for those of package rooms.
var (
	errPassword    = &bbb.Error{Key: "invalidPassword", Message: "Invalid password"}
	errVoiceBridge = &bbb.Error{Key: "validationError", Message: "Voice bridge must be an integral value"}
	errRecord      = &bbb.Error{Key: "validationError", Message: "Record must be a boolean value (true or false)"}
	errBreakout    = &bbb.Error{
		Key: "validationError", Message: "You must provide a boolean value (true or false) for the breakout room",
	}
	errUploadURL = &bbb.Error{
		Key: "validationError", Message: "Param 'presentationUploadExternalUrl' is not a valid URL",
	}
	errFileName    = &bbb.Error{Key: "fileNameError", Message: "Cannot decode the uploaded file name"}
	errNotesEditor = &bbb.Error{
		Key: "invalidSharedNotesEditor", Message: "sharedNotesEditor must be either etherpad or blockNote",
	}
)

var integral = regexp.MustCompile(`^[+-]?[0-9]{1,10}$`)

// create makes a meeting, or finds the one that is there.
func (c *meetingCalls) create(w http.ResponseWriter, q *bbb.Request) {
	if err := checkCreate(q.Params); err != nil {
		fail(w, err)
		return
	}
	mods, err := readModules(q.Body)
	if _, bad := sequenceOf(q.Params); err != nil || bad {
		fault.WritePage(w, http.StatusInternalServerError)
		return
	}
	documents, failed := documentsOf(mods, q.Params)
	if failed != nil {
		fail(w, failed)
		return
	}
	want := wanted(q.Params, c.life)
	want.Modules, want.Documents = mods.names, documents

	switch answer, failed := c.admit(want); {
	case failed == rooms.ErrVoiceBridgeUse:
		failList(w, failed)
	case failed != nil:
		fail(w, failed)
	default:
		succeed(w, answer)
	}
}

// admit makes the meeting, or finds it, and returns what to answer.
func (c *meetingCalls) admit(want rooms.Wanted) (*bbb.Builder, *bbb.Error) {
	held, unlock := c.holdings.lock()
	m, repeated, failed := held.rooms.Admit(want, c.now())
	if failed != nil {
		unlock()
		return nil, failed
	}
	if repeated {
		defer unlock()
		return created(m, "duplicateWarning", "This conference was already in existence and may currently be in progress."), nil
	}
	answer := created(m, "", "")
	unlock()
	c.made()
	return answer, nil
}

// checkCreate tells what is wrong with the parameters of a create, or nil.
func checkCreate(p bbb.Params) *bbb.Error {
	if err := bbb.CheckMeetingID(p.Get("meetingID")); err != nil {
		return err
	}
	if err := bbb.CheckName(p.Get("name")); err != nil {
		return err
	}
	editor := p.Get("sharedNotesEditor")
	switch {
	case !validPassword(p.Get("attendeePW")), !validPassword(p.Get("moderatorPW")):
		return errPassword
	case !emptyOr(p.Get("voiceBridge"), integral.MatchString):
		return errVoiceBridge
	case !emptyOr(p.Get("record"), isBoolean):
		return errRecord
	case !emptyOr(p.Get("isBreakoutRoom"), isBoolean):
		return errBreakout
	case !emptyOr(p.Get("presentationUploadExternalUrl"), rooms.IsURL):
		return errUploadURL
	case editor != "" && editor != "etherpad" && editor != "blockNote":
		return errNotesEditor
	}
	return nil
}

// wanted reads the parameters of a create, with BigBlueButton's defaults.
func wanted(p bbb.Params, life Settings) rooms.Wanted {
	minutes := func(name string, otherwise time.Duration) time.Duration {
		if n := number(p.Get(name), -1); n >= 0 {
			return time.Duration(n) * time.Minute
		}
		return otherwise
	}
	sequence, _ := sequenceOf(p)
	want := rooms.Wanted{
		ID: p.Get("meetingID"), Name: p.Get("name"), Params: p,
		AttendeePW: p.Get("attendeePW"), ModeratorPW: p.Get("moderatorPW"),
		Voice: p.Get("voiceBridge"), WebVoice: p.Get("webVoice"), Dial: cmp.Or(p.Get("dialNumber"), "613-555-1234"),
		MaxUsers: number(p.Get("maxParticipants"), 0), Record: truth(p.Get("record"), false),
		AutoStart: truth(p.Get("autoStartRecording"), false), Manual: life.ManualRecording, Metadata: metadataOf(p),
		GuestPolicy: guestPolicyOf(p.Get("guestPolicy")), AuthGuests: truth(p.Get("authenticatedGuest"), true),
		LogoutURL: p.Get("logoutURL"), EndedURL: p.Get("meetingEndedURL"),
		KeepEvents: truth(p.Get("meetingKeepEvents"), false),
		Expiry: rooms.Expiry{
			Duration:    minutes("duration", 0),
			NeverJoined: minutes("meetingExpireIfNoUserJoinedInMinutes", life.NeverJoined),
			Deserted:    minutes("meetingExpireWhenLastUserLeftInMinutes", life.Deserted),
		},
		Room: rooms.Room{
			Breakout: truth(p.Get("isBreakout"), false), Parent: p.Get("parentMeetingID"), Sequence: sequence,
			FreeJoin: truth(p.Get("freeJoin"), false),
		},
	}
	if truth(p.Get("endWhenNoModerator"), false) {
		want.Expiry.NoModerator = max(minutes("endWhenNoModeratorDelayInMinutes", time.Minute), time.Nanosecond)
	}
	return want
}

func guestPolicyOf(s string) string {
	switch s {
	case "ALWAYS_DENY", "ASK_MODERATOR", "ALWAYS_ACCEPT_AUTH":
		return s
	}
	return "ALWAYS_ACCEPT"
}

// created is the answer to a create.
func created(m *rooms.Meeting, key, message string) *bbb.Builder {
	parent := cmp.Or(m.ParentID(), "bbb-none")
	return bbb.Success().Text("meetingID", m.ID).Text("internalMeetingID", m.Internal).
		Text("parentMeetingID", parent).Text("attendeePW", m.AttendeePW).Text("moderatorPW", m.ModeratorPW).
		Int("createTime", m.Created.UnixMilli()).Text("voiceBridge", m.Voice).Text("dialNumber", m.Dial).
		Text("createDate", bbb.CreateDate(m.Created.UTC())).Bool("hasUserJoined", m.People.Joined() > 0).
		Int("duration", int64(m.Expiry.Duration/time.Minute)).Bool("hasBeenForciblyEnded", false).
		Message(key, message)
}

// failList answers in the form that has a list of errors and no messageKey.
func failList(w http.ResponseWriter, e *bbb.Error) {
	x := &bbb.Builder{}
	x.Open("response").Text("returncode", "FAILED").Open("errors").Open("error").
		Text("key", e.Key).Text("message", e.Message).Close("error").Close("errors")
	succeed(w, x)
}
