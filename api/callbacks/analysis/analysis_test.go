package analysis_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/api/callbacks/analysis"
)

// restore is what stands for values that begin with "ours:", and takes away those that begin with "gone:".
func restore(value string) (string, bool) {
	if kept, ok := strings.CutPrefix(value, "ours:"); ok {
		return kept, true
	}
	return value, !strings.HasPrefix(value, "gone:")
}

// What is exchanged is exchanged where it stands, and all else stays, byte for byte.
func TestFor(t *testing.T) {
	const head = ` { "version":"1.0", "meeting_id" : "t_room","internal_meeting_id":"i-1",`
	const became = ` { "version":"1.0", "meeting_id" : "room <ü>","internal_meeting_id":"i-1",`
	for in, want := range map[string]string{
		`"data":{"metadata":{"a":"b"},"n":1.0e+2,"big":12345678901234567890}}`:                       "",
		`"data":{"metadata":{"u":"ours:https://f/?a=1&b=<2>"},"x":[]}}` + "\n":                       `"data":{"metadata":{"u":"https://f/?a=1&b=<2>"},"x":[]}}` + "\n",
		`"data":{"metadata":{"a":"gone:"}}}`:                                                         `"data":{"metadata":{}}}`,
		`"data":{"metadata":{ "a":"gone:" , "b" : "c" } } }`:                                         `"data":{"metadata":{ "b" : "c" } } }`,
		`"data":{"metadata":{"a":"gone:","b":"gone:","c":"d","e":"gone:","f":"gone:"}}}`:             `"data":{"metadata":{"c":"d"}}}`,
		`"data":{"metadata":{"a":"b","\"k\"":"gone:","bbbpool_tenant":"x","z":"ours:1"}}}`:           `"data":{"metadata":{"a":"b","z":"1"}}}`,
		`"data":{"metadata":{"\"k\"":"gone:","l":1}}}`:                                               `"data":{"metadata":{"l":1}}}`,
		`"data":{"metadata":{"meeting_id":"t_room","meeting_name":"t_room"}}}`:                       `"data":{"metadata":{"meeting_id":"room <ü>","meeting_name":"t_room"}}}`,
		`"data":{"metadata":null}}`:                                                                  "",
		`"data":{"metadata":[{"a":"gone:"}],"attendees":[{"name":"gone:","ext_user_id":"t_room"}]}}`: "",
		`"data":7}`: "",
	} {
		told, err := analysis.Read([]byte(head + in))
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if want == "" {
			want = in
		}
		got := string(told.For("room <ü>", restore))
		if got != became+want || !json.Valid([]byte(got)) {
			t.Errorf("%s:\ngot  %s\nwant %s", in, got, became+want)
		}
		if same := string(told.For("t_room", func(v string) (string, bool) { return v, true })); !strings.Contains(in, "bbbpool_") && same != head+in {
			t.Errorf("nothing was to be done: %s", same)
		}
	}
}

// A breakout room keeps the ID that its server has given it.
func TestFor_Breakout(t *testing.T) {
	for _, yes := range []string{`"true"`, `true`} {
		in := `{"meeting_id":"x-1","internal_meeting_id":"i-2","data":{"metadata":{"is_breakout":` + yes + `,"u":"ours:v"}}}`
		told, err := analysis.Read([]byte(in))
		if err != nil || !told.Breakout {
			t.Fatal(err)
		}
		if got, want := string(told.For("room", restore)), strings.Replace(in, "ours:v", "v", 1); got != want {
			t.Errorf("%s", got)
		}
	}
}

// What is no such document is refused, however it is made.
func TestRead_Refused(t *testing.T) {
	deep := `{"meeting_id":"a","internal_meeting_id":"b","x":` + strings.Repeat("[", 70) + strings.Repeat("]", 70) + `}`
	for _, in := range []string{
		"", "null", "[]", `"a"`, `{}`, `{"meeting_id":"a"}`, `{"meeting_id":1,"internal_meeting_id":"b"}`,
		`{"meeting_id":"a","internal_meeting_id":"b"`, `{"meeting_id":"a","internal_meeting_id":"b"} {}`, deep,
		`{"meeting_id":"a","internal_meeting_id":"` + strings.Repeat("b", 200) + `"}`,
	} {
		if _, err := analysis.Read([]byte(in)); !errors.Is(err, analysis.ErrMalformed) {
			t.Errorf("%.60s: %v", in, err)
		}
	}
}

// Whatever a server sends, what is passed on is JSON still.
func FuzzFor(f *testing.F) {
	f.Add([]byte(`{"meeting_id":"a","internal_meeting_id":"b","data":{"metadata":{"x":"gone:","y":"ours:z","x":"gone:"}}}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		told, err := analysis.Read(in)
		if err != nil {
			return
		}
		if got := told.For("room", restore); !json.Valid(got) {
			t.Errorf("%s became %s", in, got)
		}
	})
}
