package metadata_test

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/api/bbb/metadata"
)

// ours drops what is called "ours", and gives "other" another value.
func ours(f metadata.Field) (string, bool) {
	switch f.Name {
	case "ours":
		return "", false
	case "other":
		return "https://front/a?b&c", true
	}
	return f.Value, true
}

var more = []metadata.Field{{Name: "added", Value: "<x>"}, {Name: "other", Value: "not twice"}, {Name: "no name", Value: "x"}}

func TestEdit(t *testing.T) {
	for what, give := range map[string]struct{ in, want string }{
		"fields": {
			"<meeting><metadata><a>1</a><ours>x</ours><other>y</other><b/></metadata><z/></meeting>",
			"<meeting><metadata><a>1</a><other>https://front/a?b&amp;c</other><b/><added>&lt;x&gt;</added></metadata><z/></meeting>",
		},
		"in lines": {
			"<response>\n<metadata>\n<ours>x</ours>\n<other>y</other>\n</metadata>\n</response>",
			"<response>\n<metadata>\n<other>https://front/a?b&amp;c</other>\n<added>&lt;x&gt;</added>\n</metadata>\n</response>",
		},
		"none yet": {
			"<response><metadata/></response>",
			"<response><metadata><added>&lt;x&gt;</added><other>not twice</other></metadata></response>",
		},
		"none in it": {
			"<response><metadata>\n</metadata></response>",
			"<response><metadata>\n<added>&lt;x&gt;</added>\n<other>not twice</other>\n</metadata></response>",
		},
		"no metadata": {"<response><a>1</a></response>", "<response><a>1</a></response>"},
		"of people": {
			"<response><attendees><attendee><customdata><metadata><ours/></metadata></customdata></attendee></attendees></response>",
			"<response><attendees><attendee><customdata><metadata><ours/></metadata></customdata></attendee></attendees></response>",
		},
		"lists in lists": {
			"<r><attendees><attendees>x</attendees><metadata/></attendees><metadata><ours/><other/><added/></metadata></r>",
			"<r><attendees><attendees>x</attendees><metadata/></attendees><metadata><other>https://front/a?b&amp;c</other><added/></metadata></r>",
		},
		"by the name of metadata": {
			"<r><metadata><metadata>1</metadata><ours><ours/></ours><other/><added/></metadata></r>",
			"<r><metadata><metadata>1</metadata><other>https://front/a?b&amp;c</other><added/></metadata></r>",
		},
		"CDATA": {
			"<r><n><![CDATA[<metadata><ours/></metadata>]]></n><metadata><added><![CDATA[</metadata>]]></added><other/></metadata></r>",
			"<r><n><![CDATA[<metadata><ours/></metadata>]]></n><metadata><added><![CDATA[</metadata>]]></added><other>https://front/a?b&amp;c</other></metadata></r>",
		},
		"not closed":        {"<r><metadata><ours/>", "<r><metadata><ours/>"},
		"closed wrongly":    {"<r><metadata><ours></a></metadata></r>", "<r><metadata><ours></a></metadata></r>"},
		"CDATA without end": {"<r><![CDATA[<metadata/>", "<r><![CDATA[<metadata/>"},
		"no XML":            {"a < b </attendees> <metadata x", "a < b </attendees> <metadata x"},
		"empty":             {"", ""},
	} {
		body := []byte(give.in)
		if got := string(metadata.Edit(body, ours, more)); got != give.want {
			t.Errorf("%s: %s\nwant %s", what, got, give.want)
		}
		if string(body) != give.in {
			t.Errorf("%s: the answer was written to", what)
		}
	}
}

// Whatever way a value is written in, it is read as what it says.
func TestEdit_Values(t *testing.T) {
	for in, want := range map[string]string{
		"https://a/b?c=1&amp;d": "https://a/b?c=1&d", "<![CDATA[a&b]]>": "a&b", " a ": "a", "&#47;x&#x2F;": "/x/", "": "",
		"a<![CDATA[<b>]]>c": "a<b>c",
	} {
		var got string
		metadata.Edit([]byte("<r><metadata><x>"+in+"</x></metadata></r>"), func(f metadata.Field) (string, bool) {
			got = f.Value
			return f.Value, true
		}, nil)
		if got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// Nobody breaks an answer by what it says: XML stays XML, and nothing that was there goes that was not asked for.
func FuzzEdit(f *testing.F) {
	f.Add("<r><metadata><ours>x</ours><a/></metadata></r>")
	f.Add("<r><attendees><metadata/></attendees><metadata> <![CDATA[</metadata>]]></metadata></r>")
	f.Fuzz(func(t *testing.T, in string) {
		out := string(metadata.Edit([]byte(in), ours, more))
		if sound(in) && !strings.ContainsAny(in, "!?=\"'") && !sound(out) {
			t.Errorf("%q becomes %q", in, out)
		}
		same := metadata.Edit([]byte(in), func(f metadata.Field) (string, bool) { return f.Value, true }, nil)
		if string(same) != in {
			t.Errorf("%q becomes %q, and nothing was to be done", in, same)
		}
	})
}

func sound(s string) bool {
	for d := xml.NewDecoder(strings.NewReader(s)); ; {
		if _, err := d.Token(); err != nil {
			return errors.Is(err, io.EOF)
		}
	}
}
