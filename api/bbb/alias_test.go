package bbb_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/bbb"
)

const (
	aliased = `physics_R&D <1> "ä"`
	theirs  = `R&D <1> "ä"`
)

// Two tenants never get the same alias, and no alias is longer than an ID may be.
func TestAlias(t *testing.T) {
	long := strings.Repeat("ä", 250)
	for _, c := range []struct{ tenant, id, want string }{
		{"a", strings.Repeat("😀", 128), bbb.HashedAlias("a", strings.Repeat("😀", 128), "")},
		{"a", "room-1", "a_room-1"},
		{"a-b", "_c", "a-b__c"},
		{"a", long, "a_" + long},
		{"physics", long, bbb.HashedAlias("physics", long, "")},
	} {
		if got := bbb.Alias(c.tenant, c.id); got != c.want || utf8.RuneCountInString(got) > 256 {
			t.Errorf("%s %s: got %s", c.tenant, c.id, got)
		}
	}
	if a, b := bbb.HashedAlias("a", long, "1"), bbb.HashedAlias("a", long, "2"); a == b || !strings.HasPrefix(a, "a_") {
		t.Errorf("got %s and %s", a, b)
	}
}

// What an internal ID may begin with is hexadecimal digits, and behind forty of them a time.
func TestMayBeInternal(t *testing.T) {
	hash := strings.Repeat("0a", 20)
	for id, want := range map[string]bool{
		"42": true, "deadbeef": true, hash: true, hash + "-": true, hash + "-1700000000000": true, "42-": false, "42-1": false,
		"DEAD": false, "room-1": false, hash + "0": false, hash + "-2-17": false, hash + "-1x": false, "a_42": false, "dead beef": false,
	} {
		if bbb.MayBeInternal(id) != want {
			t.Errorf("%s: want %t", id, want)
		}
	}
}

// What servers say becomes what a server would have said if it knew the meeting by its front end's ID.
func TestRestore_Golden(t *testing.T) {
	names, err := filepath.Glob("testdata/restore/*.in")
	if err != nil || len(names) == 0 {
		t.Fatal("no samples", err)
	}
	for _, name := range names {
		body, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(strings.TrimSuffix(name, "in") + "want")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(bbb.Restore(body, aliased, theirs))); diff != "" {
			t.Error(name, diff)
		}
	}
}

// An ID is put in the place of its alias alone, whatever form that has; what only looks like it stays.
func TestRestore(t *testing.T) {
	for in, want := range map[string]string{
		"<r><meetingID>a_b</meetingID></r>":                                              "<r><meetingID>&lt;b&gt;</meetingID></r>",
		"<r><meetingID>\n\t a_b \r\n</meetingID></r>":                                    "<r><meetingID>\n\t &lt;b&gt; \r\n</meetingID></r>",
		"<r><meetingID>&#97;&#x5f;b</meetingID></r>":                                     "<r><meetingID>&lt;b&gt;</meetingID></r>",
		"<r><meetingID><![CDATA[a_]]>b</meetingID></r>":                                  "<r><meetingID>&lt;b&gt;</meetingID></r>",
		"<r><new>a_b</new><new>a_bc</new></r>":                                           "<r><new>&lt;b&gt;</new><new>a_bc</new></r>",
		"<r><a>a_b<b/></a></r>":                                                          "",
		"<r><a>xa_b</a><a>a_b a_b</a><a>[a_b]</a></r>":                                   "",
		"<r><message>x [a_b], [a_b] a_b</message></r>":                                   "<r><message>x [&lt;b&gt;], [&lt;b&gt;] a_b</message></r>",
		"<r><message>x [a_bc] a_b &amp; [ a_b]</message></r>":                            "",
		"<r><meetingName>a_b</meetingName></r>":                                          "",
		"<r><attendees><a><b>a_b</b></a></attendees></r>":                                "",
		"<r><metadata><x>a_b</x></metadata></r>":                                         "",
		"<r><metadata><meetingid>a_b</meetingid></metadata></r>":                         "<r><metadata><meetingid>&lt;b&gt;</meetingid></metadata></r>",
		"<r><metadata>\n <bbbpool-x>1</bbbpool-x>\n</metadata></r>":                      "<r><metadata>\n</metadata></r>",
		"<r><metadata><bbbpool-x/><tenant-id/>y</metadata></r>":                          "<r><metadata>y</metadata></r>",
		"<r><metadata><BBBpool-x>1</BBBpool-x></metadata></r>":                           "<r><metadata></metadata></r>",
		"<r><metadata><bbbpool-keep>1</bbbpool-keep><bbbpoolx/></metadata></r>":          "",
		"<r><bbbpool-x>1</bbbpool-x></r>":                                                "",
		"<r><attendees><metadata><bbbpool-x/></metadata></attendees></r>":                "",
		"<r><metadata><bbbpool-x><bbbpool-x><a/></bbbpool-x></bbbpool-x></metadata></r>": "<r><metadata></metadata></r>",
		"<r><metadata><![CDATA[<bbbpool-x>1</bbbpool-x>]]></metadata></r>":               "",
		"<r><metadata><bbbpool-x>1</metadata><a>a_b</a></r>":                             "<r><metadata><bbbpool-x>1</metadata><a>&lt;b&gt;</a></r>",
		"<r><a b='c'>a_b</a><c>a_b":                                                      "",
		"a_b":                                                                            "",
		"":                                                                               "",
		`{"a":"a_b","b":["a_b","a_bc"],"a_b":"\u0061_b"}`:                                `{"a":"\u003cb\u003e","b":["\u003cb\u003e","a_bc"],"a_b":"\u003cb\u003e"}`,
		`{"message":"[a_b] is not there","x":"[a_b]"}`:                                   `{"message":"[\u003cb\u003e] is not there","x":"[a_b]"}`,
		` ["\\","\"","a_b"]`:                                                             ` ["\\","\"","\u003cb\u003e"]`,
		`{"a":"a_b"`:                                                                     "",
	} {
		if want == "" {
			want = in
		}
		if got := string(bbb.Restore([]byte(in), "a_b", "<b>")); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", in, got, want)
		}
	}
}

// A meeting that has no alias has metadata that is ours all the same; where there is none, nothing is copied.
func TestRestore_NoAlias(t *testing.T) {
	const in = "<r><meetingID></meetingID><metadata><bbbpool-tenant>t</bbbpool-tenant><a>b</a></metadata></r>"
	if got := string(bbb.Restore([]byte(in), "", "x")); got != "<r><meetingID></meetingID><metadata><a>b</a></metadata></r>" {
		t.Error(got)
	}
	body := sample(t, "create")
	if n := testing.AllocsPerRun(10, func() { bbb.Restore(body, "", "room-42") }); n > 0 {
		t.Errorf("%v allocations for nothing", n)
	}
}

// A server that has an alias in its answer again and again does not make us write the ID as often.
func TestRestore_Bounded(t *testing.T) {
	id := strings.Repeat("'", 256)
	for _, piece := range []string{"<a>a_b</a>", "<message>[a_b]</message>", "<message>" + fill("[a_b]", 60<<10) + "</message>"} {
		body := []byte("<r>" + fill(piece, 4<<20) + "</r>")
		if got := bbb.Restore(body, "a_b", id); len(got) > len(body)+100<<10 {
			t.Errorf("%.20s: %d bytes of %d", piece, len(got), len(body))
		}
	}
}

// The front end's ID of a meeting is in its metadata. What cannot be one does not take the meeting, or another, off the list.
func TestParseMeetings_Alias(t *testing.T) {
	const internal = "<internalMeetingID>i</internalMeetingID>"
	ours := func(id string) string {
		return "<metadata><bbbpool-tenant>t</bbbpool-tenant><bbbpool-meeting-id>" + id + "</bbbpool-meeting-id><a>b</a></metadata>"
	}
	const kept = "<metadata><a>b</a></metadata>"
	for _, c := range []struct{ in, id, alias, raw string }{
		{
			"<meetingID>t_r</meetingID>" + internal + ours("room"), "room", "t_r",
			"<meetingID>room</meetingID>" + internal + kept,
		},
		{
			"<meetingID><![CDATA[t_<r>]]></meetingID>" + internal + ours("&lt;r>"), "<r>", "t_<r>",
			"<meetingID>&lt;r&gt;</meetingID>" + internal + kept,
		},
		{
			"<meetingID>x</meetingID>" + internal + ours("room") + "<isBreakout>true</isBreakout>", "x", "",
			"<meetingID>x</meetingID>" + internal + kept + "<isBreakout>true</isBreakout>",
		},
		{"<meetingID>room</meetingID>" + internal + ours("room"), "room", "", "<meetingID>room</meetingID>" + internal + kept},
		{"<meetingID>r</meetingID>" + internal + ours(" "), "r", "", "<meetingID>r</meetingID>" + internal + kept},
		{
			"<meetingID>r</meetingID>" + internal + ours(strings.Repeat("a", 257)), "r", "",
			"<meetingID>r</meetingID>" + internal + kept,
		},
		{
			"<meetingID>x<b/>y</meetingID>" + internal + ours("room"), "x<b/>y", "",
			"<meetingID>x<b/>y</meetingID>" + internal + kept,
		},
	} {
		list, broken, err := bbb.ParseMeetings(bbb.Success().Raw([]byte("<meeting>" + c.in + "</meeting>" +
			"<meeting><meetingID>z</meetingID>" + internal + "</meeting>")).Bytes())
		if err != nil || broken != 0 || len(list) != 2 {
			t.Fatalf("%s: %d meetings, %d broken, %v", c.in, len(list), broken, err)
		}
		m := list[0]
		if m.MeetingID != c.id || m.Alias != c.alias || m.Tenant != "t" || string(m.Raw) != "<meeting>"+c.raw+"</meeting>" {
			t.Errorf("%s: got %q, alias %q, %s", c.in, m.MeetingID, m.Alias, m.Raw)
		}
	}
}

// A create of a meeting that is there already is answered with the front end's ID.
func TestMeeting_Repeated_Alias(t *testing.T) {
	list, _, err := bbb.ParseMeetings(bbb.Success().Raw([]byte("<meeting><meetingID>t_r</meetingID><internalMeetingID>i</internalMeetingID>" +
		"<metadata><bbbpool-meeting-id>room</bbbpool-meeting-id></metadata></meeting>")).Bytes())
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	answer, failed := list[0].Repeated("", "")
	if failed != nil || bytes.Contains(answer, []byte("t_r")) || !bytes.Contains(answer, []byte("<meetingID>room</meetingID>")) {
		t.Errorf("%v, %s", failed, answer)
	}
}

// soundXML tells whether a document is well-formed, as encoding/xml reads it.
func soundXML(b []byte) bool {
	for d := xml.NewDecoder(bytes.NewReader(b)); ; {
		if _, err := d.Token(); err != nil {
			return errors.Is(err, io.EOF)
		}
	}
}

// Whatever a server answers, what was sound stays sound, what has been restored is, and nobody gets a flood for a little.
func FuzzRestore(f *testing.F) {
	names, err := filepath.Glob("testdata/restore/*.in")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		body, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body, aliased, theirs)
	}
	f.Add([]byte("<r><metadata><bbbpool-a><metadata></bbbpool-a></metadata></r>"), "", "b")
	f.Add([]byte("<r><metadata><bbbpool-a><bbbpool-a/></bbbpool-a> <tenant-id/></metadata><a>]]&gt;</a></r>"), "]]>", "<&\r")
	f.Add([]byte(`{"a":"b\"","message":["[b]"]}`), "b", "\"")
	f.Fuzz(func(t *testing.T, body []byte, alias, id string) {
		id = id[:min(len(id), 1024)]
		kept := bytes.Clone(body)
		got := bbb.Restore(body, alias, id)
		if !bytes.Equal(kept, body) {
			t.Fatal("it has changed the body that it was given")
		}
		if len(got) > len(body)+512<<10 {
			t.Fatalf("%d bytes of %d", len(got), len(body))
		}
		if soundXML(body) && !soundXML(got) || json.Valid(body) && !json.Valid(got) {
			t.Fatalf("%q became %q", body, got)
		}
	})
}
