package simulator_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// The root answers anybody, in XML or in JSON.
func TestRoot(t *testing.T) {
	s := one(t)
	base := strings.TrimSuffix(s.URL(), "api")
	for _, path := range []string{"", "api", "api/"} {
		golden(t, s, "root.xml", send(t, http.MethodGet, base+path, "", "").body)
	}
	golden(t, s, "root.json", send(t, http.MethodGet, s.URL(), "application/json", "").body)
	if n := s.Calls("api"); n != 4 {
		t.Errorf("%d calls of the root, want 4", n)
	}
}

// A wrong checksum is an answer for most calls and a redirect for a join; every algorithm is welcome.
func TestChecksum(t *testing.T) {
	s := one(t)
	for _, alg := range bbb.Algorithms {
		query := alg.Sign("getMeetings", "&x=%7e", s.Secret())
		if a := send(t, http.MethodGet, s.URL()+"/getMeetings?"+query, "", ""); a.field("returncode") != "SUCCESS" {
			t.Errorf("%s: %s", alg, a.body)
		}
	}
	wrong := func(call string) answer {
		return send(t, http.MethodGet, s.URL()+"/"+call+"?recordID=x&meetingID=xx&checksum="+strings.Repeat("0", 64), "", "")
	}
	golden(t, s, "checksum.xml", wrong("create").body)
	golden(t, s, "checksum-recordings.xml", wrong("getRecordings").body)
	if got := joinErrors(t, wrong("join")); !strings.Contains(got, "checksumError") {
		t.Errorf("join: %s", got)
	}
}

// Calls that BigBlueButton does not have, or not with that method, are errors of HTTP.
func TestMethods(t *testing.T) {
	s := one(t)
	for _, c := range []struct {
		method, call string
		status       int
	}{
		{http.MethodPost, "join", http.StatusMethodNotAllowed},
		{http.MethodGet, "insertDocument", http.StatusMethodNotAllowed},
		{http.MethodPost, "publishRecordings", http.StatusMethodNotAllowed},
		{http.MethodPost, "sendChatMessage", http.StatusMethodNotAllowed},
		{http.MethodGet, "putRecordingTextTrack", http.StatusMethodNotAllowed},
		{http.MethodGet, "enter", http.StatusNotFound},
		{http.MethodGet, "getJoinUrl", http.StatusNotFound},
		{http.MethodPost, "feedback", http.StatusNotFound},
	} {
		if a := send(t, c.method, signed(s, c.call, ""), "", ""); a.status != c.status {
			t.Errorf("%s %s: status %d, want %d", c.method, c.call, a.status, c.status)
		}
	}
}

// A meeting runs while somebody is in it; one that does not exist does not run.
func TestIsMeetingRunning(t *testing.T) {
	s := one(t)
	running := func() string { return call(t, s, "isMeetingRunning", "meetingID=room").body }
	golden(t, s, "isMeetingRunning-no.xml", running())
	mustCreate(t, s, "room", "")
	golden(t, s, "isMeetingRunning-no.xml", running())
	mustJoin(t, s, "room", "Ada", "viewer", "")
	golden(t, s, "isMeetingRunning.xml", running())
	if a := call(t, s, "isMeetingRunning", ""); a.field("messageKey") != "missingParamMeetingID" {
		t.Error(a.body)
	}
}

// getMeetings lists what is there, in XML that our own reader finds sound, whatever people are called.
func TestGetMeetings(t *testing.T) {
	s := one(t)
	golden(t, s, "getMeetings-none.xml", call(t, s, "getMeetings", "").body)
	golden(t, s, "getSessions-none.xml", call(t, s, "getSessions", "").body)
	mustCreate(t, s, "room-1", "&voiceBridge=11111&meta_bbbpool-tenant=school&record=true")
	mustCreate(t, s, "room-2", "&voiceBridge=22222&duration=60&maxParticipants=5")
	mustJoin(t, s, "room-1", "%3C%2Fmeeting%3E%5D%5D%3E%26%01", "moderator", "&userID=u1")
	a := call(t, s, "getMeetings", "")
	golden(t, s, "getMeetings.xml", a.body)
	meetings, broken, err := bbb.ParseMeetings([]byte(a.body))
	if err != nil || broken != 0 || len(meetings) != 2 {
		t.Fatalf("%d meetings, %d broken, %v", len(meetings), broken, err)
	}
	if m := meetings[0]; m.Participants != 1 || m.Tenant != "school" || !m.Recorded || !m.Joined {
		t.Errorf("%+v", m)
	}
}

// end needs no password, but minds a wrong one; the meeting is gone at once, and a second end is answered like the first.
func TestEnd(t *testing.T) {
	s := one(t)
	mustCreate(t, s, "room", "&voiceBridge=70757")
	mustJoin(t, s, "room", "Ada", "viewer", "")
	golden(t, s, "end-password.xml", call(t, s, "end", "meetingID=room&password=wrong").body)
	golden(t, s, "end-unknown.xml", call(t, s, "end", "meetingID=none").body)
	golden(t, s, "end.xml", call(t, s, "end", "meetingID=room&password=mp").body)
	golden(t, s, "end.xml", call(t, s, "end", "meetingID=room").body)
	golden(t, s, "notFound.xml", call(t, s, "getMeetingInfo", "meetingID=room").body)
	golden(t, s, "notFound.xml", call(t, s, "getMeetingInfo", "meetingID=none").body)
}

// Documents can be added while a meeting goes on.
func TestInsertDocument(t *testing.T) {
	s := one(t)
	mustCreate(t, s, "room", "&preUploadedPresentation=https%3A%2F%2Ffiles.example%2Ffirst.pdf")
	mustCreate(t, s, "plain", "&disabledFeatures=chat,presentation")
	const body = `<modules><module name="presentation">
		<document url="https://files.example/b.pdf" current="true"/></module></modules>`
	insert := func(id, body string) answer {
		return send(t, http.MethodPost, signed(s, "insertDocument", "meetingID="+id), "application/xml", body)
	}
	golden(t, s, "insertDocument.xml", insert("room", body).body)
	golden(t, s, "insertDocument-unknown.xml", insert("none", body).body)
	golden(t, s, "insertDocument-disabled.xml", insert("plain", body).body)
	mustCreate(t, s, "given-back", "&disabledFeatures=presentation&disabledFeaturesExclude=polls,presentation")
	golden(t, s, "insertDocument.xml", insert("given-back", body).body)
	if a := insert("room", "<modules/>"); a.status != http.StatusOK || a.body != "" {
		t.Errorf("without a presentation: status %d, %q", a.status, a.body)
	}
	if a := insert("room", "<modules>"); a.status != http.StatusInternalServerError {
		t.Errorf("malformed: status %d", a.status)
	}
	m, _ := s.Meeting("room")
	if len(m.Documents) != 2 || m.Documents[0].Current || !m.Documents[1].Current {
		t.Errorf("%+v", m.Documents)
	}
}

// Chat messages reach meetings that somebody is in.
func TestSendChatMessage(t *testing.T) {
	s := one(t)
	mustCreate(t, s, "room", "")
	say := func(query string) answer { return call(t, s, "sendChatMessage", "meetingID=room"+query) }
	if a := say("&message=hello"); a.field("messageKey") != "meetingNotFound" {
		t.Errorf("nobody is there: %s", a.body)
	}
	mustJoin(t, s, "room", "Ada", "viewer", "")
	golden(t, s, "sendChatMessage.xml", say("&message=hello").body)
	for query, message := range map[string]string{
		"":                                     "You must provide the param message",
		"&message=" + strings.Repeat("x", 501): "Param message must be between 1 and 500 characters",
		"&message=x&userName=" + strings.Repeat("x", 256): "Param userName must not exceed 255 characters",
	} {
		if a := say(query); a.field("message") != message {
			t.Errorf("%.30s…: %s", query, a.body)
		}
	}
	say("&message=again&userName=Bot")
	m, _ := s.Meeting("room")
	if diff := cmp.Diff([]string{"System: hello", "Bot: again"}, m.Chat); diff != "" {
		t.Error(diff)
	}
}
