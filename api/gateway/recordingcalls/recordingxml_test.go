package recordingcalls_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/gateway/recordingcalls"
	"github.com/bbbpool/bbbpool/store"
)

// written is how a recording is listed, an element a line.
func written(t *testing.T, r store.Recording) string {
	t.Helper()
	s := open(recordingcalls.Calls{Recordings: &shelf{list: []store.Recording{r}}})
	a, err := ask(t, s, "getRecordings", "limit=1")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(a.XML), "<recordings>")
	text, _, _ = strings.Cut(text, "</recordings>")
	return strings.ReplaceAll(text, "><", ">\n<")
}

// Everything that is known of a recording is written as BigBlueButton does, with URLs that lead to us. Metadata whose key is
// no name of an element is not shown, and what is empty has a node in it all the same.
func TestRecordingXML_Whole(t *testing.T) {
	start := time.UnixMilli(1_760_000_000_456)
	got := written(t, store.Recording{
		RecordID: "abc-1", Tenant: "school", MeetingID: "room <1>", Name: `"A" & b`, State: store.Published, Start: start,
		End: start.Add(time.Hour), Participants: 3, RawSize: 99, Server: "sim1",
		Breakout: &store.Breakout{Parent: "parent-1", Sequence: 2, FreeJoin: true}, BreakoutRooms: []string{"b-1", "b-2"},
		Meta: map[string]string{"topic": "a<b", "empty": "", "no name": "x", "a": "y"},
		Formats: []store.Format{
			{
				Type: "presentation", Path: "/play?a&b", Length: 119 * time.Second, ProcessingTime: 1500 * time.Millisecond, Size: 10,
				Images: []store.Image{{Width: 176, Height: 136, Alt: `"x" <y>`, Path: "/thumb?1&2"}, {Height: 1, Path: "/t2"}},
			},
			{Type: "video", Path: "/video", Size: 5, Bytes: 1000},
		},
	})
	want := `<recording>
<recordID>abc-1</recordID>
<meetingID>room &lt;1&gt;</meetingID>
<internalMeetingID>abc-1</internalMeetingID>
<name>&quot;A&quot; &amp; b</name>
<isBreakout>true</isBreakout>
<published>true</published>
<state>published</state>
<startTime>1760000000456</startTime>
<endTime>1760003600456</endTime>
<participants>3</participants>
<rawSize>99</rawSize>
<metadata>
<a>y</a>
<empty>
<![CDATA[]]>
</empty>
<topic>a&lt;b</topic>
</metadata>
<breakout>
<parentId>parent-1</parentId>
<sequence>2</sequence>
<freeJoin>true</freeJoin>
</breakout>
<breakoutRooms>
<breakoutRoom>b-1</breakoutRoom>
<breakoutRoom>b-2</breakoutRoom>
</breakoutRooms>
<size>15</size>
<playback>
<format>
<type>presentation</type>
<url>https://pool/play?a&amp;b</url>
<processingTime>1500</processingTime>
<length>1</length>
<size>10</size>
<preview>
<images>
<image alt="&quot;x&quot; &lt;y&gt;" height="136" width="176">https://pool/thumb?1&amp;2</image>
<image alt="" height="1">https://pool/t2</image>
</images>
</preview>
</format>
<format>
<type>video</type>
<url>https://pool/video</url>
<processingTime>0</processingTime>
<length>0</length>
<size>5</size>
</format>
</playback>
<data>
</data>
</recording>`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// Of a recording that is protected nobody sees thumbnails; one that is on its way has no times that anybody knows.
func TestRecordingXML_ProtectedOrOnItsWay(t *testing.T) {
	format := store.Format{Type: "presentation", Path: "/play", Images: []store.Image{{Path: "/thumb"}}}
	got := written(t, store.Recording{RecordID: "a", State: store.Unpublished, Protected: true, Formats: []store.Format{format}})
	for text, want := range map[string]bool{
		"<protected>true</protected>": true, "<published>false</published>": true, "<state>unpublished</state>": true,
		"<startTime>0</startTime>": true, "<endTime>0</endTime>": true, "<isBreakout>false</isBreakout>": true,
		"<type>presentation</type>": true, "thumb": false, "<preview>": false, "<breakout>": false, "<breakoutRooms>": false,
	} {
		if strings.Contains(got, text) != want {
			t.Errorf("%s: want %t in %s", text, want, got)
		}
	}
	if got := written(t, store.Recording{RecordID: "a", State: store.Processing}); strings.Contains(got, "<protected>") ||
		!strings.Contains(got, "<published>false</published>\n<state>processing</state>") ||
		!strings.Contains(got, "<playback>\n</playback>") {
		t.Errorf("on its way: %s", got)
	}
}
