package simulator_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator"
)

// What BigBlueButton finds wrong with a create, it says with these keys.
func TestCreate_Refused(t *testing.T) {
	s := one(t)
	mustCreate(t, s, "taken", "&voiceBridge=12345")
	long := strings.Repeat("x", 257)
	for _, c := range []struct{ name, query, key string }{
		{"no meeting ID", "name=Room", "missingParamMeetingID"},
		{"empty meeting ID", "name=Room&meetingID=", "missingParamMeetingID"},
		{"blank meeting ID", "name=Room&meetingID=%20+", "missingParamMeetingID"},
		{"short meeting ID", "name=Room&meetingID=a", "sizeError"},
		{"long meeting ID", "name=Room&meetingID=" + long, "sizeError"},
		{"comma in the meeting ID", "name=Room&meetingID=a%2Cb", "validationError"},
		{"no name", "meetingID=room", bbb.ErrMissingName.Key},
		{"long name", "meetingID=room&name=" + long, "sizeError"},
		{"short password", "name=Room&meetingID=room&attendeePW=x", "invalidPassword"},
		{"long password", "name=Room&meetingID=room&moderatorPW=" + long, "invalidPassword"},
		{"voice bridge", "name=Room&meetingID=room&voiceBridge=abc", "validationError"},
		{"record", "name=Room&meetingID=room&record=yes", "validationError"},
		{"breakout flag", "name=Room&meetingID=room&isBreakoutRoom=1", "validationError"},
		{"upload URL", "name=Room&meetingID=room&presentationUploadExternalUrl=nowhere", "validationError"},
		{"notes editor", "name=Room&meetingID=room&sharedNotesEditor=vi", "invalidSharedNotesEditor"},
		{"other passwords", "name=Room&meetingID=taken&attendeePW=ap&moderatorPW=other", "idNotUnique"},
		{"one password", "name=Room&meetingID=taken&attendeePW=ap", "idNotUnique"},
		{"breakout without parent", "name=Bo&meetingID=b1-1&isBreakout=true&sequence=1", "parentMeetingIDMissing"},
		{
			"breakout of nothing", "name=Bo&meetingID=b1-1&isBreakout=true&sequence=1&parentMeetingID=no",
			"parentMeetingDoesNotExist",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := call(t, s, "create", c.query)
			if a.status != http.StatusOK || a.field("returncode") != "FAILED" || a.field("messageKey") != c.key {
				t.Errorf("status %d, want key %s: %s", a.status, c.key, a.body)
			}
		})
	}
	a := call(t, s, "create", "name=Room&meetingID=other&voiceBridge=12345")
	golden(t, s, "create-voicebridge.xml", a.body)
	if n := len(s.Meetings()); n != 1 {
		t.Errorf("%d meetings, want 1: refused creates must leave nothing behind", n)
	}
}

// A create for a meeting that is there succeeds if both passwords fit, or neither is given, and changes nothing.
func TestCreate_Repeated(t *testing.T) {
	s := one(t)
	first := mustCreate(t, s, "room", "&voiceBridge=70757")
	golden(t, s, "create.xml", first.body)
	for _, query := range []string{
		"name=Other&meetingID=room&attendeePW=ap&moderatorPW=mp&meta_x=y&record=true",
		"name=Other&meetingID=room",
		"name=Other&meetingID=room&attendeePW=&moderatorPW=",
	} {
		again := call(t, s, "create", query)
		golden(t, s, "create-repeated.xml", again.body)
	}
}

// After its end a meeting may be created again at once, and is another one.
func TestCreate_AfterEnd(t *testing.T) {
	s := one(t)
	first := mustCreate(t, s, "room", "")
	call(t, s, "end", "meetingID=room")
	second := mustCreate(t, s, "room", "")
	if first.field("internalMeetingID") == second.field("internalMeetingID") || second.field("messageKey") != "" {
		t.Errorf("created again: %s", second.body)
	}
	if n := len(s.Meetings()); n != 2 {
		t.Errorf("%d meetings are listed, want the old and the new one", n)
	}
}

// Without passwords and voice bridge a server makes some up.
func TestCreate_MadeUp(t *testing.T) {
	a := call(t, one(t), "create", "name=Room&meetingID=room")
	if len(a.field("attendeePW")) != 8 || len(a.field("moderatorPW")) != 8 || len(a.field("voiceBridge")) != 5 {
		t.Errorf("made up: %s", a.body)
	}
	if a.field("attendeePW") == a.field("moderatorPW") {
		t.Error("both passwords are the same")
	}
}

// Everything that came with a create is remembered: metadata by BigBlueButton's rules, the rest as it came.
func TestCreate_Remembers(t *testing.T) {
	s := one(t)
	const body = `<modules>
		<module name="presentation">
			<document url="https://files.example/a%20b.pdf"/>
			<document url="https://files.example/x?id=1" filename="named.pptx" current="true" removable="false"/>
			<document name="inline.pdf">QUJDRA==</document>
			<document name="no-extension">QUJDRA==</document>
			<document/>
		</module>
		<module name="clientSettingsOverride"><![CDATA[{"public":{}}]]></module>
	</modules>`
	query := "name=Room&meetingID=room&meta_Key-One=1&meta_bad_name=2&meta_9=3&brandNew=yes"
	a := send(t, http.MethodPost, signed(s, "create", query), "application/xml", body)
	if a.field("returncode") != "SUCCESS" {
		t.Fatal(a.body)
	}
	info := call(t, s, "getMeetingInfo", "meetingID=room")
	if got := info.field("metadata"); got != "<key-one>1</key-one>" {
		t.Errorf("metadata %q", got)
	}
	m, _ := s.Meeting("room")
	if m.Params["brandNew"] != "yes" {
		t.Errorf("parameters %v", m.Params)
	}
	want := []simulator.Document{
		{Name: "named.pptx", URL: "https://files.example/x?id=1", Current: true},
		{Name: "a b.pdf", URL: "https://files.example/a%20b.pdf", Removable: true},
		{Name: "inline.pdf", Size: 6, Removable: true},
	}
	if diff := cmp.Diff(want, m.Documents); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"presentation", "clientSettingsOverride"}, m.Modules); diff != "" {
		t.Error(diff)
	}
}

// A body that is no XML breaks BigBlueButton, once the checksum is right; one of the wrong type does not get so far.
func TestCreate_Body(t *testing.T) {
	s := one(t)
	const query = "name=Room&meetingID=room"
	target := signed(s, "create", query)
	for _, c := range []struct {
		name, contentType, body string
		status                  int
		key                     string
	}{
		{"malformed", "text/xml", "<modules><module>", http.StatusInternalServerError, ""},
		{"type", "text/plain", "<modules/>", http.StatusOK, "unsupportedContentType"},
		{"no type", "", "<modules/>", http.StatusOK, "unsupportedContentType"},
		{"too large", "application/xml", "<a>" + strings.Repeat("x", 3<<20) + "</a>", http.StatusOK, "requestTooLarge"},
		{"well", "application/xml; charset=UTF-8", "<modules/>", http.StatusOK, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := send(t, http.MethodPost, target, c.contentType, c.body)
			if a.status != c.status || a.field("messageKey") != c.key {
				t.Errorf("status %d: %s", a.status, a.body)
			}
		})
	}
	bad := send(t, http.MethodPost, s.URL()+"/create?"+query+"&checksum=00", "text/xml", "<modules><module>")
	if bad.field("messageKey") != "checksumError" {
		t.Errorf("malformed and unsigned: %s", bad.body)
	}
}

// A form is signed by the checksum of nothing, and cannot ride along with a signed query.
func TestCreate_Form(t *testing.T) {
	s := one(t)
	const form = "application/x-www-form-urlencoded"
	a := send(t, http.MethodPost, signed(s, "create", ""), form, "name=Room&meetingID=room")
	if a.field("meetingID") != "room" {
		t.Error(a.body)
	}
	a = send(t, http.MethodPost, signed(s, "create", "meetingID=two&name=Two"), form, "record=true")
	if m, _ := s.Meeting("two"); a.field("meetingID") != "two" || m.Params["record"] != "" {
		t.Errorf("unsigned field: %v", m.Params)
	}
}

// Breakout rooms appear in lists as BigBlueButton shows them: under an ID of its own making, with their parent.
func TestBreakouts(t *testing.T) {
	s := one(t)
	parent := mustCreate(t, s, "room", "&voiceBridge=70757&meta_bbbpool-tenant=physics&meta_course=1")
	if err := s.OpenBreakouts("room", 2, 3); err != nil {
		t.Fatal(err)
	}
	rooms := s.Meetings()[1:]
	if len(rooms) != 2 {
		t.Fatalf("%d rooms", len(rooms))
	}
	info := call(t, s, "getMeetingInfo", "meetingID="+rooms[1].MeetingID)
	for name, want := range map[string]string{
		"isBreakout": "true", "parentMeetingID": parent.field("internalMeetingID"), "sequence": "2",
		"participantCount": "3", "internalMeetingID": rooms[1].InternalID,
		"metadata": "<bbbpool-tenant>physics</bbbpool-tenant><course>1</course>",
	} {
		if got := info.field(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	of := call(t, s, "getMeetingInfo", "meetingID=room").field("breakoutRooms")
	want := "<breakout>" + rooms[0].InternalID + "</breakout><breakout>" + rooms[1].InternalID + "</breakout>"
	if of != want {
		t.Errorf("rooms %q, want %q", of, want)
	}
	if err := s.End("room"); err != nil {
		t.Fatal(err)
	}
	for _, m := range s.Meetings() {
		if !m.Ended {
			t.Errorf("%s goes on without its parent", m.Name)
		}
	}
}
