package bbb_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/bbbpool/bbbpool/api/bbb"
)

func sample(t testing.TB, name string) []byte {
	t.Helper()
	body, err := os.ReadFile("../../testdata/bbb/" + name + ".xml")
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func meetings(t testing.TB, name string) (list []bbb.Meeting, broken int) {
	t.Helper()
	list, broken, err := bbb.ParseMeetings(sample(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return list, broken
}

// embeddable fails unless raw XML can stand in another document.
func embeddable(t testing.TB, raw []byte) {
	t.Helper()
	d := xml.NewDecoder(io.MultiReader(strings.NewReader("<root>"), bytes.NewReader(raw), strings.NewReader("</root>")))
	for depth := 0; ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("%v: %q", err, raw)
		}
		switch token.(type) {
		case xml.StartElement:
			depth++
		case xml.EndElement:
			if depth--; depth == 0 && d.InputOffset() != int64(len("<root></root>")+len(raw)) {
				t.Fatalf("it closes the document around it: %q", raw)
			}
		}
	}
}

// ours is a line of metadata that front ends do not see.
var ours = regexp.MustCompile(`\s*<bbbpool-tenant>.*</bbbpool-tenant>`)

var (
	ignoreRaw  = cmpopts.IgnoreFields(bbb.Meeting{}, "Raw")
	ignoreOurs = cmpopts.IgnoreFields(bbb.Meeting{}, "Tenant", "Alias") // which are not in what front ends see
)

func id(two, createTime string) string { return strings.Repeat(two, 20) + "-" + createTime }

// What the pool wants to know of a meeting is read from all forms that servers have written it in.
func TestParseMeetings(t *testing.T) {
	const sha = "93fcb1a3e5c1d4a6b1f9e0c2d7a8b3f4c5e6d718"
	two := []bbb.Meeting{
		{
			MeetingID: "room-42", InternalID: sha + "-1760000000123", Name: "Room 42", CreateTime: 1760000000123,
			Participants: 2, Voices: 2, Videos: 1, Joined: true, Recorded: true, Tenant: "moodle",
		},
		{
			MeetingID: "room-7", InternalID: id("aa", "1760000100456"), Name: "Über <uns>", CreateTime: 1760000100456,
		},
	}
	for name, want := range map[string][]bbb.Meeting{
		"getmeetings-3.0":         two,
		"getmeetings-declaration": two,
		"getmeetings-empty":       nil,
		"getmeetings-2.4-cdata": {
			{
				MeetingID: "phys-1", InternalID: sha + "-1610000000001", Name: "Physics <b>1</b> & more",
				CreateTime: 1610000000001, Participants: 1, Voices: 1, Joined: true, Recorded: true, Tenant: "physics",
			},
			{
				MeetingID: "phys-2", InternalID: id("bb", "1610000000002"), Name: "Second", CreateTime: 1610000000002,
				Joined: true, Recorded: true,
			},
		},
		"getmeetings-breakout": {
			{
				MeetingID: "course", InternalID: id("cc", "1760000200000"), Name: "Course", CreateTime: 1760000200000,
				Joined: true, Recorded: true,
			},
			{
				MeetingID: id("dd", "1760000300000x"), InternalID: id("ee", "1760000300000"), Name: "Course (Room 1)",
				CreateTime: 1760000300000, Joined: true, Recorded: true, Breakout: true,
				ParentID: id("cc", "1760000200000"),
			},
		},
		"getmeetings-separators": {
			{
				MeetingID: "big", InternalID: id("ff", "1760000400000"), Name: "Big", CreateTime: 1760000400000,
				Participants: 1234, Voices: 1100, Videos: 1001, Joined: true, Recorded: true,
			},
			{
				MeetingID: "over", InternalID: id("ab", "1760000500000"), Name: "Over", CreateTime: 1760000500000,
				Joined: true, Recorded: true, Ended: true,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, broken := meetings(t, name)
			if diff := cmp.Diff(want, got, ignoreRaw); diff != "" || broken != 0 {
				t.Error(broken, diff)
			}
			body := ours.ReplaceAll(sample(t, name), nil)
			for _, m := range got {
				_, after, ok := bytes.Cut(body, m.Raw)
				if !ok || !bytes.HasPrefix(m.Raw, []byte("<meeting>")) {
					t.Fatalf("not the bytes that the server sent: %s", m.Raw)
				}
				embeddable(t, m.Raw)
				body = after
			}
		})
	}
}

// One broken meeting is mended, and the others do not notice: their bytes are passed on as they came.
func TestParseMeetings_Hostile(t *testing.T) {
	got, broken := meetings(t, "getmeetings-hostile")
	var ids []string
	byID := map[string]bbb.Meeting{}
	for _, m := range got {
		ids = append(ids, m.MeetingID)
		byID[m.MeetingID] = m
		embeddable(t, m.Raw)
	}
	want := []string{"sound-1", "hostile", "latin", "unclosed", "noend", "sound-2"}
	if diff := cmp.Diff(want, ids); diff != "" || broken != 1 {
		t.Errorf("%d broken, want 1; %s", broken, diff)
	}
	for _, sound := range []string{"sound-1", "sound-2"} {
		if !bytes.Contains(sample(t, "getmeetings-hostile"), byID[sound].Raw) {
			t.Errorf("%s was changed: %s", sound, byID[sound].Raw)
		}
	}
	for id, text := range map[string]string{
		"hostile": "<fullName>Bob &lt;b&gt; &amp; \"x\" &amp;nbsp;</fullName>", // and his role survives
		"latin":   "<meetingName>Latin Mller </meetingName>",
	} {
		if !strings.Contains(string(byID[id].Raw), text) {
			t.Errorf("%s: want %s in %s", id, text, byID[id].Raw)
		}
	}
	if m := byID["hostile"]; m.Participants != 3 || m.Tenant != "t" || m.Name != "a < b & c ]]> d" {
		t.Errorf("hostile: got %+v", m)
	}
	if m := byID["unclosed"]; m.Participants != 5 || m.Name != "Unclosed" || m.InternalID != id("44", "4") {
		t.Errorf("unclosed: got %+v", m)
	}
}

// Mended meetings keep every attendee, and a tag in a name stays part of the name.
func TestParseMeetings_Mended(t *testing.T) {
	for in, want := range map[string]string{
		"<fullName>Bob <b></fullName>":               "<fullName>Bob &lt;b&gt;</fullName>",
		"<fullName>Bob </b></fullName>":              "<fullName>Bob &lt;/b&gt;</fullName>",
		"<fullName>Bob<role>VIEWER</role>":           "<fullName>Bob</fullName><role>VIEWER</role>",
		"<attendees><attendee></attendees>":          "<attendees><attendee></attendee></attendees>",
		"<metadata><a>1</metadata>":                  "<metadata><a>1</a></metadata>",
		"<metadata><my key>1</my key></metadata>":    "<metadata>&lt;my key&gt;1&lt;/my key&gt;</metadata>",
		"<a b=\"c\">1</a>":                           "&lt;a b=\"c\"&gt;1",
		"</attendees><running>true</running>\x00":    "<running>true</running>",
		"<a><![CDATA[<&\x01]]></a>]]>":               "<a>&lt;&amp;</a>]]&gt;",
		"<a><![CDATA[</a>":                           "<a>&lt;![CDATA[</a>",
		"<!-- c --><a/>":                             "&lt;!-- c --&gt;<a/>",
		"<a>&#0;&#x1F600;&nbsp;&amp;&lt;b&gt;&</a>":  "<a>&amp;#0;&#x1F600;&amp;nbsp;&amp;&lt;b&gt;&amp;</a>",
		strings.Repeat("<a>", 17):                    strings.Repeat("<a>", 16) + "&lt;a&gt;" + strings.Repeat("</a>", 16),
		"<metadata>\r\n<meeting>x</meeting>\n<b":     "<metadata>\r\n<meeting>x</meeting>\n&lt;b</metadata>",
		"<metadata><meeting></meeting></metadata>\b": "<metadata><meeting></meeting></metadata>",
	} {
		const ids = "<meetingID>a</meetingID><internalMeetingID>b</internalMeetingID>"
		got, broken, err := bbb.ParseMeetings([]byte("<response><returncode>SUCCESS</returncode><meetings><meeting>" +
			ids + in + "</meeting></meetings></response>"))
		if err != nil || broken != 0 || len(got) != 1 {
			t.Errorf("%q: got %d meetings, %d broken, %v", in, len(got), broken, err)
			continue
		}
		if raw := string(got[0].Raw); raw != "<meeting>"+ids+want+"</meeting>" {
			t.Errorf("%q:\n got %s\nwant %s", in, raw, want)
		}
		embeddable(t, got[0].Raw)
	}
}

// Numbers are read with whatever separators a server's language has, and nonsense is 0.
func TestParseMeetings_Numbers(t *testing.T) {
	for in, want := range map[string]int{
		"0": 0, "12": 12, "1,234": 1234, "1.234": 1234, "1 234": 1234, "1\u00a0234": 1234, "1\u202f234": 1234, "1'234": 1234,
		"1’234": 1234, "&#49;2": 12, " 7\n": 7, "999.999": 999_999, "1,234,567": 1_000_000,
		"": 0, "-5": 0, "1.5": 0, "1,23": 0, "abc": 0, "1e3": 0, "9223372036854775808": 0, "9223372036854775807": 1_000_000,
	} {
		m := "<meeting><meetingID>a</meetingID><internalMeetingID>b</internalMeetingID><participantCount>" + in +
			"</participantCount></meeting>"
		got, _, err := bbb.ParseMeetings([]byte("<response><returncode>SUCCESS</returncode>" + m + "</response>"))
		if err != nil || len(got) != 1 || got[0].Participants != want {
			t.Errorf("%q: got %+v, %v, want %d", in, got, err, want)
		}
	}
}

// A list that is cut off, or is none, is an error: a poll must not take it for an empty server.
func TestParseMeetings_NoAnswer(t *testing.T) {
	whole := sample(t, "getmeetings-3.0")
	bodies := map[string]string{
		"empty": "", "cut off": string(whole[:len(whole)/2]), "cut at the end": strings.TrimSuffix(string(whole), ">\n"),
		"HTML": "<html><body>502</body></html>", "no code": "<response></response>",
		"odd code":           "<response><returncode>MAYBE</returncode></response>",
		"code in an element": "<response><a><returncode>SUCCESS</returncode></a></response>",
		"code in CDATA":      "<response><![CDATA[<returncode>SUCCESS</returncode>]]></response>",
		"other root":         "<html><response><returncode>SUCCESS</returncode></response>",
		"JSON":               `{"response":{"returncode":"SUCCESS"}}`,
	}
	for name, body := range bodies {
		if got, _, err := bbb.ParseMeetings([]byte(body)); err == nil || len(got) > 0 {
			t.Errorf("%s: got %d meetings, %v", name, len(got), err)
		}
	}
	_, _, err := bbb.ParseMeetings(sample(t, "failed"))
	if diff := cmp.Diff(bbb.ErrChecksum, asError(err)); diff != "" {
		t.Error(diff)
	}
}

func asError(err error) *bbb.Error {
	failed, _ := errors.AsType[*bbb.Error](err)
	return failed
}

// A server cannot make us hold any number of meetings.
func TestParseMeetings_Limit(t *testing.T) {
	const one = "<meeting><meetingID>a</meetingID><internalMeetingID>b</internalMeetingID></meeting>"
	got, broken, err := bbb.ParseMeetings([]byte("<response><returncode>SUCCESS</returncode>" +
		strings.Repeat(one, 20_001) + "</response>"))
	if err != nil || len(got) != 20_000 || broken != 1 {
		t.Errorf("got %d meetings, %d broken, %v", len(got), broken, err)
	}
}

// Both forms of FAILED are answers with a key and a message.
func TestParseAnswer_Failed(t *testing.T) {
	for name, want := range map[string]*bbb.Error{
		"failed":      {Key: "checksumError", Message: "Checksums do not match"},
		"failed-list": {Key: "nonUniqueVoiceBridge", Message: "The selected voice bridge is already in use."},
	} {
		answer, err := bbb.ParseAnswer(sample(t, name))
		if diff := cmp.Diff(want, answer.Err); diff != "" || err != nil {
			t.Error(name, err, diff)
		}
	}
}

// Only elements of the answer itself count: names inside metadata, custom data or CDATA are somebody's choice.
func TestAnswer_Get(t *testing.T) {
	answer, err := bbb.ParseAnswer([]byte("<?xml version='1.0'?>\n<response><returncode>SUCCESS</returncode>" +
		"<meetingName><![CDATA[</meetingName><running>true</running>]]></meetingName>" +
		"<attendees><attendee><running>true</running></attendee></attendees>" +
		"<running>false</running><running>true</running><empty/></response>"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"running": "false", "empty": "", "absent": "", "attendee": "",
		"meetingName": "</meetingName><running>true</running>",
	} {
		if got := answer.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

// A meeting that was just created looks as its server will list it.
func TestAnswer_CreatedMeeting(t *testing.T) {
	answer, err := bbb.ParseAnswer(sample(t, "create"))
	if err != nil {
		t.Fatal(err)
	}
	const internal = "93fcb1a3e5c1d4a6b1f9e0c2d7a8b3f4c5e6d718-1760000000123"
	if diff := cmp.Diff(bbb.CreateAnswer{InternalID: internal, CreateTime: 1760000000123}, answer.Created()); diff != "" {
		t.Error(diff)
	}
	m := answer.CreatedMeeting(hostile, true)
	embeddable(t, m.Raw)
	list, _, err := bbb.ParseMeetings(bbb.Success().Open("meetings").Raw(m.Raw).Close("meetings").Bytes())
	if err != nil || len(list) != 1 {
		t.Fatalf("got %d meetings, %v", len(list), err)
	}
	list[0].Name = m.Name // control characters are gone
	if diff := cmp.Diff(m, list[0]); diff != "" {
		t.Error(diff)
	}
	again, err := bbb.ParseAnswer(sample(t, "create-repeated"))
	if err != nil || !again.Created().Repeated {
		t.Errorf("repeated: got %+v, %v", again.Created(), err)
	}
}

// A breakout room that was just created knows its parent.
func TestAnswer_CreatedMeeting_Breakout(t *testing.T) {
	body := bytes.ReplaceAll(sample(t, "create"), []byte("bbb-none"), []byte("parent-1"))
	answer, err := bbb.ParseAnswer(body)
	if err != nil {
		t.Fatal(err)
	}
	if m := answer.CreatedMeeting("Room", false); !m.Breakout || m.ParentID != "parent-1" {
		t.Errorf("got %+v", m)
	}
}

// Dates are printed as Java prints them.
func TestCreateDate(t *testing.T) {
	if got := bbb.CreateDate(time.UnixMilli(1760000000123).UTC()); got != "Thu Oct 09 08:53:20 UTC 2025" {
		t.Errorf("got %s", got)
	}
}

// busy is the answer of a server with that many meetings of 50 people.
func busy(n int) []byte {
	attendee := (&bbb.Builder{}).Open("attendee").Text("userID", "w_euxnssffnsbs").Text("fullName", "Søren Kierkegaard").
		Text("role", "VIEWER").Bool("isPresenter", false).Bool("isListeningOnly", false).Bool("hasJoinedVoice", true).
		Bool("hasVideo", true).Text("clientType", "HTML5").Open("customdata").Close("customdata").
		Close("attendee").Fragment()
	x := bbb.Success().Open("meetings")
	for i := range n {
		x.Open("meeting").Text("meetingName", "Room & more").Text("meetingID", fmt.Sprint("room-", i)).
			Text("internalMeetingID", fmt.Sprint("internal-", i)).Int("participantCount", 50).Open("attendees").
			Raw(bytes.Repeat(attendee, 50)).Close("attendees").Open("metadata").Text("bbbpool-tenant", "moodle").
			Close("metadata").Close("meeting")
	}
	return x.Close("meetings").Bytes()
}

// BenchmarkParseMeetings reads a busy server's list, and tells how much faster that is than encoding/xml.
func BenchmarkParseMeetings(b *testing.B) {
	body := busy(100)
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if list, _, err := bbb.ParseMeetings(body); err != nil || len(list) != 100 {
			b.Fatal(len(list), err)
		}
	}
	b.StopTimer()
	const rounds = 20
	ours, start := b.Elapsed()/time.Duration(b.N), time.Now()
	for range rounds {
		for d := xml.NewDecoder(bytes.NewReader(body)); ; {
			if _, err := d.Token(); err != nil {
				break
			}
		}
	}
	b.ReportMetric(float64(time.Since(start))/rounds/float64(ours), "x-encoding/xml")
}
