package archive_test

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/recordings/archive"
	"github.com/bbbpool/bbbpool/store"
)

// full has all that a server writes, in the forms of several versions.
var full = `<?xml version="1.0"?>
<recording>
  <id>` + id + `</id>
  <state>published</state>
  <published>true</published>
  <start_time>1712758751753</start_time>
  <end_time>1712758906388</end_time>
  <participants>3</participants>
  <meeting id="` + id + `" externalId="room-42" name="Room &amp; 42" breakout="true"/>
  <breakout parentMeetingId="` + otherID + `" sequence="2" meetingId="` + id + `" freeJoin="true"/>
  <breakoutRooms><breakoutRoom>` + otherID + `</breakoutRoom><breakoutRoom>../x</breakoutRoom></breakoutRooms>
  <meta>
    <meetingId>room-of-meta</meetingId>
    <meetingName><![CDATA[Room <42>]]></meetingName>
    <endcallbackurl>https://moodle/?a=1&amp;b=2</endcallbackurl>
    <x:prefixed xmlns:x="urn:x">x</x:prefixed>
    <empty/>
    <nested>a<b>c</b>d</nested>
  </meta>
  <playback>
    <format>podcast</format>
    <link>
      https://bbb-1/playback/presentation/2.3/` + id + `?x=1#f
    </link>
    <processing_time>7177</processing_time>
    <duration>98401</duration>
    <size>17814</size>
    <extensions>
      <preview><images>
        <image width="176" height="136" alt="One &lt;1&gt;">https://bbb-1/presentation/` + id + `/thumb-1.png</image>
        <image width="wide" alt=" ">javascript:alert(1)</image>
        <image>/presentation/` + id + `/thumb%202.png </image>
        <image>/` + id + `/thumb-2.png</image>
        <image>/recordings/thumbs/` + id + `</image>
        <image>/api/` + id + `/thumb-2.png</image>
        <image>/presentation/` + otherID + `/thumb-1.png</image>
        <image alt="` + strings.Repeat("a", 1025) + `">/presentation/` + id + `/thumb-3.png</image>
      </images></preview>
    </extensions>
  </playback>
  <raw_size>13622874</raw_size>
</recording>
`

// Everything that a metadata.xml tells is taken; the directory says what the format is.
func TestParseMetadata(t *testing.T) {
	got, err := archive.ParseMetadata(strings.NewReader(full), "presentation", id)
	if err != nil {
		t.Fatal(err)
	}
	want := store.Recording{
		RecordID: id, MeetingID: "room-42", Name: "Room & 42", State: store.Published,
		Start: time.UnixMilli(1712758751753).UTC(), End: time.UnixMilli(1712758906388).UTC(),
		Participants: 3, RawSize: 13622874,
		Breakout:      &store.Breakout{Parent: otherID, Sequence: 2, FreeJoin: true},
		BreakoutRooms: []string{otherID},
		Meta: map[string]string{
			"meetingId": "room-of-meta", "meetingName": "Room <42>", "endcallbackurl": "https://moodle/?a=1&b=2",
			"empty": "", "nested": "ad",
		},
		Formats: []store.Format{{
			Type: "presentation", Path: "/playback/presentation/2.3/" + id + "?x=1",
			Length: 98401 * time.Millisecond, ProcessingTime: 7177 * time.Millisecond, Size: 17814,
			Images: []store.Image{
				{Width: 176, Height: 136, Alt: "One <1>", Path: "/presentation/" + id + "/thumb-1.png"},
				{Path: "/presentation/" + id + "/thumb%202.png"},
			},
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What is absent or unreadable is zero, and no fault.
func TestParseMetadata_Lenient(t *testing.T) {
	meetingID := func(r store.Recording) any { return r.MeetingID }
	name := func(r store.Recording) any { return r.Name }
	state := func(r store.Recording) any { return r.State }
	start := func(r store.Recording) any { return r.Start }
	began := time.UnixMilli(1712758751753).UTC() // as the ID tells
	breakout := func(r store.Recording) any { return r.Breakout }
	length := func(r store.Recording) any { return r.Formats[0].Length }
	for title, c := range map[string]struct {
		inner string
		field func(store.Recording) any
		want  any
	}{
		"nothing":                    {"", meetingID, id},
		"external ID":                {`<meta><meetingId>b</meetingId></meta><meeting externalId="a"/>`, meetingID, "a"},
		"no meeting":                 {`<meta><meetingId> b </meetingId></meta>`, meetingID, "b"},
		"meeting without externalId": {`<meeting id="c"/>`, meetingID, "c"},
		"name from meta":             {`<meeting name=""/><meta><meetingName>b</meetingName></meta>`, name, "b"},
		"illegal character":          {"<meeting name='a\x0bb'/>", name, "a\ufffdb"},
		"illegal reference":          {"<meeting name='a&#11;b&#x0;&#xD800;&#99999999999;&#65;'/>", name, "a\ufffdb\ufffd\ufffd\ufffdA"},
		"not UTF-8":                  {"<meeting name='a\xe4b'/>", name, "a\ufffdb"},
		"long name":                  {"<meeting name='" + strings.Repeat("ä", 40_000) + "'/>", name, strings.Repeat("ä", 512)},
		"no state":                   {"", state, store.Published},
		"available":                  {"<state>available</state><published>true</published>", state, store.Published},
		"not published":              {"<state>published</state><published> false </published>", state, store.Unpublished},
		"unpublished":                {"<state>unpublished</state>", state, store.Unpublished},
		"deleted":                    {"<state>deleted</state><published>true</published>", state, store.Unpublished},
		"words for a time":           {"<start_time>Thu Mar 04 14:05:56 UTC 2010</start_time>", start, began},
		"time since the server ran":  {"<start_time>498765432</start_time>", start, began},
		"time of no calendar":        {"<start_time>9223372036854775807</start_time>", start, began},
		"negative time":              {"<start_time>-5</start_time>", start, began},
		"no time":                    {"", start, began},
		"empty breakout":             {"<breakout/>", breakout, (*store.Breakout)(nil)},
		"breakout without a parent":  {`<meeting breakout="true"/><breakout/>`, breakout, &store.Breakout{}},
		"breakout by its meta":       {`<meta><isBreakout>true</isBreakout></meta>`, breakout, &store.Breakout{}},
		"fraction":                   {"<playback><duration>1000.5</duration></playback>", length, time.Second},
		"endless":                    {"<playback><duration>9223372036854775807</duration></playback>", length, time.Duration(0)},
		"bad duration":               {"<playback><duration>NaN</duration></playback>", length, time.Duration(0)},
		"negative duration":          {"<playback><duration>-1</duration></playback>", length, time.Duration(0)},
	} {
		t.Run(title, func(t *testing.T) {
			doc := "\ufeff<recording><id> " + id + "\n</id>" + c.inner + "</recording><!-- end -->\n"
			r, err := archive.ParseMetadata(strings.NewReader(doc), "video", id)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, c.field(r)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The end is known as far as the start is: by the same clock, or by how long the recording plays.
func TestParseMetadata_OldTimes(t *testing.T) {
	const began = 1712758751753
	for _, c := range []struct {
		start, end, id string
		from, to       int64 // milliseconds since 1970; 0 for not known
	}{
		{"1712758751000", "1712758906388", id, 1712758751000, 1712758906388},
		{"498765432", "498825432", id, began, began + 60_000},
		{"Sun Sep 13 12:26:40 UTC 2020", "Sun Sep 13 12:27:40 UTC 2020", id, began, began + 60_000},
		{"Sun Sep 13 12:26:40 XYZ 2020", "Sun Sep 13 12:26:40 XYZ 2020", id, began, began},
		{"1712758751000", "498825432", id, 1712758751000, 1712758751000 + 95_000},
		{"1712758751000", "yesterday", id, 1712758751000, 1712758751000 + 95_000},
		{"498765432", "1712758906388", id, began, 1712758906388},
		{"498765432", "3", id, began, began + 95_000}, // the server was started meanwhile
		{"Sun Sep 13 12:26:40 UTC 2020", "498825432", id, began, began + 95_000},
		{"Sun Sep 13 12:26:40 UTC 2020", "Sat Sep 12 12:26:40 UTC 2020", id, began, began + 95_000},
		{"", "498825432", id, began, began + 95_000},
		{"498765432", "", id, began, 0},
		{"498765432", "498825432", "demo", 0, 0},
		{"Sun Sep 13 12:26:40 UTC 2020", "x", "demo-1712758751753", 0, 0},
		{"", "1712758906388", "demo", 0, 1712758906388},
	} {
		doc := "<recording><id>" + c.id + "</id><start_time>" + c.start + "</start_time><end_time>\n" + c.end +
			" </end_time><playback><duration>95000</duration></playback></recording>"
		r, err := archive.ParseMetadata(strings.NewReader(doc), "video", c.id)
		if err != nil {
			t.Fatal(err)
		}
		at := func(ms int64) (t time.Time) {
			if ms > 0 {
				t = time.UnixMilli(ms).UTC()
			}
			return t
		}
		if !r.Start.Equal(at(c.from)) || !r.End.Equal(at(c.to)) {
			t.Errorf("%q to %q: %s to %s", c.start, c.end, r.Start, r.End)
		}
	}
}

// Other encodings are read where they are plain, and refused by name where they are not.
func TestParseMetadata_Encodings(t *testing.T) {
	doc := "<?xml version='1.0' encoding='%s'?><recording><id>" + id + "</id><meeting name='\xe4\xc3\xa4'/></recording>"
	for encoding, want := range map[string]string{"UTF-8": "\ufffdä", "us-ascii": "\ufffdä", "ISO-8859-1": "äÃ¤"} {
		r, err := archive.ParseMetadata(strings.NewReader(fmt.Sprintf(doc, encoding)), "video", id)
		if err != nil || r.Name != want {
			t.Errorf("%s: got %q, %v; want %q", encoding, r.Name, err, want)
		}
	}
	_, err := archive.ParseMetadata(strings.NewReader(fmt.Sprintf(doc, "UTF-16")), "video", id)
	wantFault(t, err, "video/"+id+"/metadata.xml", `"UTF-16"; only UTF-8`, false)
}

// What cannot be the metadata of this recording is a fault.
func TestParseMetadata_Faults(t *testing.T) {
	var keys, elements strings.Builder
	for i := range 501 {
		fmt.Fprintf(&keys, "<k%d/>", i)
	}
	elements.WriteString(strings.Repeat("<k/>", 60_000))
	start := "<recording><id>" + id + "</id>"
	var much string
	for i := range 17 {
		much += fmt.Sprintf("<k%02d>%s</k%02d>", i, strings.Repeat("v", 8<<10), i)
	}
	for title, c := range map[string]struct{ doc, words string }{
		"empty":              {"", "empty"},
		"blank":              {" \n", "empty"},
		"cut off":            {start + "\n<meta>", "line 2: unexpected EOF"},
		"tags crossed":       {start + "\n<a><b></a></b></recording>", "line 2"},
		"controls in a name": {"<rec\u0090ord>", "invalid XML name: rec\ufffdord"},
		"other root":         {"<response><id>" + id + "</id></response>", "expected element type <recording>"},
		"no ID":              {"<recording/>", `recording ""`},
		"other ID":           {metadata(otherID), otherID},
		"two documents":      {metadata(id) + metadata(id), "behind its end"},
		"text behind":        {metadata(id) + "text", "behind its end"},
		"entity":             {`<!DOCTYPE r [<!ENTITY x "` + id + `">]><recording><id>&x;</id></recording>`, "entity"},
		"entity from a file": {`<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>` + start + `<state>&x;</state></recording>`, "entity"},
		"many keys":          {start + "<meta>" + keys.String() + "</meta></recording>", "501 keys in <meta>, and the limit is 500"},
		"much metadata":      {start + "<meta>" + much + "</meta></recording>", "139315 bytes in <meta>, and the limit is 131072"},
		"long meeting ID":    {start + "<meeting externalId='" + strings.Repeat("m", 1025) + "'/></recording>", "meeting ID has more than 1024 bytes"},
		"long key":           {start + "<meta><" + strings.Repeat("k", 257) + "/></meta></recording>", "256 bytes"},
		"many elements":      {start + elements.String() + "</recording>", "50000 elements"},
		"deep":               {start + strings.Repeat("<k>", 40) + strings.Repeat("</k>", 40) + "</recording>", "32 levels"},
		"huge":               {start + strings.Repeat(" ", 1<<20) + "</recording>", "1048576"},
	} {
		t.Run(title, func(t *testing.T) {
			_, err := archive.ParseMetadata(strings.NewReader(c.doc), "video", id)
			wantFault(t, err, "video/"+id+"/metadata.xml", c.words, false)
		})
	}
}

// An error of reading is no fault.
func TestParseMetadata_ReadError(t *testing.T) {
	_, err := archive.ParseMetadata(iotest.ErrReader(syscall.EIO), "video", id)
	if _, ok := errors.AsType[*archive.Error](err); ok || !errors.Is(err, syscall.EIO) {
		t.Errorf("got %v", err)
	}
}

// Links lose their host, and those that lead elsewhere are replaced by where the format plays.
func TestParseMetadata_Links(t *testing.T) {
	usual := archive.Link("video", id)
	for link, want := range map[string]string{
		"https://bbb-1/video/ID/":            "/video/ID/",
		"http://u:p@bbb-1:8080/ID/a?b=c&d#e": "/ID/a?b=c&d",
		"HTTPS://bbb-1/a%2fb/ID":             "/a%2fb/ID",
		"/podcast/ID/a b.ogg":                "/podcast/ID/a%20b.ogg",
		"/ID/ü":                              "/ID/%C3%BC",
		" \t/a/ID ":                          "/a/ID",
		"/playback/presentation/2.0/playback.html?meetingId=ID": "/playback/presentation/2.0/playback.html?meetingId=ID",
		"":                                 usual,
		"https://bbb-1":                    usual,
		"playback/ID":                      usual,
		"//evil/ID":                        usual,
		"https://bbb-1//evil/ID":           usual,
		"https://bbb-1/%2fevil/ID":         usual,
		`https://bbb-1/\evil/ID`:           usual,
		"/%5cevil/ID":                      usual,
		"/a/../../ID":                      usual,
		"/a/%2e%2e/ID":                     usual,
		"/ID/a%0d%0aSet-Cookie:x":          usual,
		"/ID/a\nb":                         usual,
		"javascript:alert(1)":              usual,
		"data:text/html,ID":                usual,
		"ftp://bbb-1/ID":                   usual,
		"https://[bad/ID":                  usual,
		"/ID/a?\"><script>":                usual,
		"/ID/a?x=ü":                        usual,
		"/ID/" + strings.Repeat("a", 2048): usual,
		"/ID/" + strings.Repeat("ü", 400):  usual, // is too long in the end
		"/video/x/":                        usual,
		"/video/OTHER/":                    usual,
		"/video/OTHER/?meetingId=ID":       usual,
		"/video/OTHER/ID":                  usual,
		"/video/xID/":                      usual,
		"/video/?recordID=ID":              usual,
		"/video/ID/?meetingId=OTHER":       usual,
		"/video/?meetingId=ID&x=;":         usual,
		"/video/?meetingId=x":              usual,
	} {
		ids := strings.NewReplacer("ID", id, "OTHER", otherID)
		link, want = ids.Replace(link), ids.Replace(want)
		doc := strings.NewReplacer("&", "&amp;", "<", "&lt;").Replace(link)
		doc = "<recording><id>" + id + "</id><playback><link>" + doc + "</link></playback></recording>"
		r, err := archive.ParseMetadata(strings.NewReader(doc), "video", id)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Formats[0].Path; got != want {
			t.Errorf("%q: got %q, want %q", link, got, want)
		}
	}
}

// A value is cut, and neither it nor a name ends within a character.
func TestParseMetadata_LongTexts(t *testing.T) {
	doc := "<recording><id>" + id + "</id><meeting name='x" + strings.Repeat("ä", 600) + "'/><meta><a> x" +
		strings.Repeat("ä", 5000) + "</a></meta></recording>"
	r, err := archive.ParseMetadata(strings.NewReader(doc), "video", id)
	if err != nil {
		t.Fatal(err)
	}
	if want := "x" + strings.Repeat("ä", 511); r.Name != want {
		t.Errorf("the name has %d bytes, want %d", len(r.Name), len(want))
	}
	if want := "x" + strings.Repeat("ä", 4095); r.Meta["a"] != want {
		t.Errorf("the value has %d bytes, want %d", len(r.Meta["a"]), len(want))
	}
}

// There are as many images as a front end may want to show, and no more.
func TestParseMetadata_Images(t *testing.T) {
	doc := "<recording><id>" + id + "</id><playback><extensions><preview><images>" +
		strings.Repeat("<image width='99999999999'>/video/"+id+"/x</image>", 201) + "</images></preview></extensions></playback></recording>"
	r, err := archive.ParseMetadata(strings.NewReader(doc), "video", id)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(r.Formats[0].Images); n != 200 {
		t.Errorf("%d images", n)
	}
}

// Every format plays somewhere, also those of which we know nothing.
func TestLink(t *testing.T) {
	for format, want := range map[string]string{
		"presentation": "/playback/presentation/2.3/x", "video": "/playback/video/x/",
		"screenshare": "/recording/screenshare/x/", "podcast": "/podcast/x/audio.ogg", "notes": "/notes/x/notes.pdf",
		"statistics": "/statistics/x/",
	} {
		if got := archive.Link(format, "x"); got != want {
			t.Errorf("%s: got %s, want %s", format, got, want)
		}
	}
}
