package markup_test

import (
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/api/bbb/markup"
)

// The escapes are those that every reader knows, and ordinary text has none.
func TestAppendText(t *testing.T) {
	for in, want := range map[string]string{
		"":           "",
		"plain ü 数":  "plain ü 数",
		`<a b="c">`:  "&lt;a b=&quot;c&quot;&gt;",
		"&amp; it's": "&amp;amp; it&#39;s",
		"]]>":        "]]&gt;",
		"a\x00b\xff": "ab",
	} {
		if got := string(markup.AppendText(nil, in)); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// Metadata keys become names of elements only where no reader can object.
func TestValidName(t *testing.T) {
	for name, want := range map[string]bool{
		"endcallbackurl": true, "bbb-origin-version.2": true, "_a": true, strings.Repeat("a", 256): true,
		"": false, "1a": false, "-a": false, ".a": false, "a b": false, "a:b": false, "a>": false, "ü": false,
		"xml": false, "XmLthing": false, strings.Repeat("a", 257): false, "a\x00": false,
	} {
		if got := markup.ValidName(name); got != want {
			t.Errorf("%q: got %v", name, got)
		}
	}
}

// What a text says is told from whatever way it is written in.
func TestPlain(t *testing.T) {
	for in, want := range map[string]string{
		" a ": "a", "a&amp;b": "a&b", "&#65;&#x42;&#x6a;&#X41;": "ABj&#X41;", "<![CDATA[<a>]]>b": "<a>b", "&unknown; & ": "&unknown; &",
		"a\x00b\xff": "ab", "&#0;&#xfffe;": "&#0;&#xfffe;", strings.Repeat("a", 64<<10+1): "",
	} {
		if got := markup.Plain([]byte(in)); got != want {
			t.Errorf("%.40q: got %.40q, want %q", in, got, want)
		}
	}
}

// Elements are found where they stand, and not where somebody has written their names.
func TestFind(t *testing.T) {
	const doc = "<r><a><b>inner</b></a><n><![CDATA[<b>quoted</b>]]></n><b>own</b><e/></r>"
	for _, c := range []struct {
		name       string
		deep       bool
		want       string
		found, has bool
	}{
		{"b", false, "own", true, true},
		{"b", true, "inner", true, true},
		{"e", false, "", true, true},
		{"r", false, "", false, false},
		{"quoted", true, "", false, false},
	} {
		text, found := markup.Find([]byte(doc), c.name, c.deep)
		if text != c.want || found != c.found || markup.Has([]byte(doc), c.name) != c.has {
			t.Errorf("%s: %q %t", c.name, text, found)
		}
	}
}

// Pieces are exchanged, and nothing else is; what would become too long stays out, and what was read is never written to.
func TestEdit(t *testing.T) {
	const doc = "<a>\n<b>1</b>\n<c/></a>"
	body := []byte(doc)
	e := markup.Edit{Scanner: markup.Scanner{B: body}}
	if got := e.Bytes(); &got[0] != &body[0] {
		t.Error("it is another one, and nothing was to be done")
	}
	b, c := strings.Index(doc, "<b>"), strings.Index(doc, "<c/>")
	if e.PutText(b+3, b+4, "<2>", len(doc)) {
		t.Error("it is longer than it may be")
	}
	if !e.PutText(b+3, b+4, "<2>", len(doc)+8) {
		t.Error("it is not longer than it may be")
	}
	e.Put(e.Before(c), c+len("<c/>"), []byte("<d/>"))
	if got, want := string(e.Bytes()), "<a>\n<b>&lt;2&gt;</b><d/></a>"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if string(body) != doc {
		t.Errorf("it was written to: %q", body)
	}
}
