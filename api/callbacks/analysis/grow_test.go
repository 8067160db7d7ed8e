package analysis_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/api/callbacks/analysis"
)

// What a server says again and again is not made of something long again and again: a document grows by so much and no more.
func TestFor_Grows(t *testing.T) {
	long := strings.Repeat("x", 8<<10)
	many := strings.Repeat(`"a":"ours",`, 2_000)
	told, err := analysis.Read([]byte(`{"meeting_id":"m","internal_meeting_id":"i","data":{"metadata":{` + many + `"b":"stays"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	got := told.For("m", func(value string) (string, bool) {
		if value == "ours" {
			return long, true
		}
		return value, true
	})
	n := bytes.Count(got, []byte(long))
	if n < 10 || len(got) > 4<<20 || !json.Valid(got) || !bytes.Contains(got, []byte(`"b":"stays"`)) || bytes.Contains(got, []byte("ours")) {
		t.Errorf("%d bytes, %d times", len(got), n)
	}
}
