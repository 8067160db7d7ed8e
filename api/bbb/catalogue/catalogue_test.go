package catalogue_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/api/bbb/catalogue"
)

// Each kind of value takes what servers take, and nothing else; what releases may have beyond the tables is unknown, not
// wrong.
func TestCheck(t *testing.T) {
	const good, wrong, strange = "", "want", "unknown"
	for _, c := range []struct{ call, name, value, is string }{
		{"create", "record", "true", good},
		{"create", "record", "False", good},
		{"create", "record", "yes", wrong},
		{"create", "record", "", wrong},
		{"create", "duration", "90", good},
		{"create", "duration", "-1", wrong},
		{"create", "duration", "+1", wrong},
		{"create", "duration", "1.5", wrong},
		{"create", "duration", "2147483647", good},
		{"create", "duration", "2147483648", wrong},
		{"create", "voiceBridge", "00007", good},
		{"join", "createTime", "1760000000123", good},
		{"create", "welcome", "Hello, <b>world</b>; it is 5 o'clock", good},
		{"create", "guestPolicy", "ASK_MODERATOR", good},
		{"create", "guestPolicy", "ask_moderator", wrong},
		{"create", "sharedNotesEditor", "BLOCKNOTE", good},
		{"create", "meetingLayout", "UNIFIED_LAYOUT", good},
		{"create", "meetingLayout", "LAYOUT_OF_TOMORROW", strange},
		{"join", "role", "moderator", good},
		{"join", "role", "owner", wrong},
		{"create", "disabledFeatures", "chat, polls", good},
		{"create", "disabledFeatures", "", good},
		{"create", "disabledFeatures", "chat,telepathy", strange},
		{"create", "meta_bbb-disable-recording-formats", "[video,presentation]", good},
		{"create", "groups", `[{"id":"1"}]`, good},
		{"create", "groups", `[{`, wrong},
		{"create", "logo", "https://www.example.edu/logo.png", good},
		{"create", "logo", "/logo.png", good},
		{"create", "logo", "", good},
		{"create", "logo", "javascript:alert(1)", wrong},
		{"create", "logo", "logo.png", wrong},
		{"create", "logo", "https://:80/", wrong},
		{"create", "logo", "https://[", wrong},
		{"join", "logoutURL", "https://a.example.edu/%%MEETINGID%%?u=%%USERID%%", good},
		{"create", "meta_anything", "x", good},
		{"create", "meta_with_underscore", "x", wrong},
		{"create", "meta_1", "x", wrong},
		{"create", "meta_", "x", wrong},
		{"create", "plugin_with_underscore", "x", good},
		{"create", "userdata-x", "x", strange},
		{"join", "userdata-x", "x", good},
		{"join", "userdata-x-y", "x", wrong},
		{"join", "userdata-bbb_auto_join_audio", "true", good},
		{"join", "userdata-bbb_auto_join_audio", "maybe", wrong},
		{"join", "userdata-bbb_telepathy", "true", strange},
		{"create", "Record", "true", strange},
		{"end", "meetingID", "x", strange},
	} {
		unknown, err := catalogue.Check(c.call, c.name, c.value)
		if (err != nil) != (c.is == wrong) || err == nil && unknown != (c.is == strange) {
			t.Errorf("%s %s=%s: unknown %t, %v; want it to be %q", c.call, c.name, c.value, unknown, err, c.is)
		}
		if err != nil && !strings.Contains(err.Error(), c.name) {
			t.Errorf("%v does not say what it is about", err)
		}
	}
}

// A value that somebody got wrong is not repeated at any length.
func TestCheck_ShortErrors(t *testing.T) {
	_, err := catalogue.Check("create", "record", strings.Repeat("ä", 4000))
	if err == nil || len(err.Error()) > 200 {
		t.Errorf("%d bytes of %.100v", len(err.Error()), err)
	}
}

// Every name is in the tables once, in order.
func TestNames(t *testing.T) {
	for call, least := range map[string]int{"create": 95, "join": 50, "end": 0} {
		names := catalogue.Names(call)
		if len(names) < least || !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
			t.Errorf("%s: %d names: %v", call, len(names), names)
		}
		for _, name := range names {
			if p, known := catalogue.Of(call, name); !known || p.Name != name || p.Kind == catalogue.Enum && len(p.Values) == 0 {
				t.Errorf("%s: %s is %+v", call, name, p)
			}
		}
	}
}

// A list is read as servers read it.
func TestSplit(t *testing.T) {
	for text, want := range map[string]string{
		"": "", " , ": "", "a": "a", " a , b,,c ": "a|b|c", "[a, b]": "a|b", "[a": "a", "[]": "", "[[a],[b": "a|b", ",[a": "a",
	} {
		if got := strings.Join(catalogue.Split(text), "|"); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}
