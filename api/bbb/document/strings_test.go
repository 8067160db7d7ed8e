package document_test

import (
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/api/bbb/document"
)

// Only strings that are asked for change, so many at most, and no other byte does.
func TestEditStrings(t *testing.T) {
	upper := func(key, text string) (string, bool) { return strings.ToUpper(text), key != "kept" && text != "c" }
	for in, want := range map[string]string{
		`{"a" : "b", "kept":"b" , "x":["b","c"]}`: `{"a" : "B", "kept":"b" , "x":["B","c"]}`,
		`["\"b\\", {"a":1.0e2}, "\u0062"]`:        `["\"B\\", {"a":1.0e2}, "B"]`,
		`["b","b","b","b"]`:                       `["B","B","B","b"]`,
		`"b"`:                                     `"B"`,
		`{"a":"c"}`:                               `{"a":"c"}`,
		`{"a":"b"`:                                `{"a":"b"`,
		``:                                        ``,
	} {
		if got := string(document.EditStrings([]byte(in), 3, upper)); got != want {
			t.Errorf("%s became %s, want %s", in, got, want)
		}
	}
	long := []byte(`"` + strings.Repeat("b", 1<<17) + `"`)
	if got := document.EditStrings(long, 1, func(_, text string) (string, bool) { return "", text != "" }); len(got) != len(long) {
		t.Error("a string that nobody has was looked at")
	}
}
