package gateway_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// recordingLine is what the log says of a call about recordings.
type recordingLine struct {
	Call, Outcome string
	RecordIDs     []string
	Recordings    int
}

// No request makes a line of the log long, whatever is in it.
func TestLog_LinesAreShort(t *testing.T) {
	var log syncBuffer
	p := start(t, settings{servers: 1, log: &log})
	long := strings.Repeat("x", 50_000)
	p.call("getMeetingInfo", "meetingID="+long)
	p.call("create", "name=Room&meetingID="+long)
	p.call(long, "meetingID=room")
	p.call("deleteRecordings", "recordID="+long)
	p.waitFor("the log lines", func() bool { return strings.Count(log.String(), `"call":`) == 4 })
	for line := range strings.Lines(log.String()) {
		if len(line) > 1000 {
			t.Errorf("a line of %d bytes: %s…", len(line), line[:300])
		}
	}
}

// Whoever changes recordings leaves in the log which ones, found or not, and however many there are not more than a line
// can hold.
func TestLog_ChangesOfRecordings(t *testing.T) {
	var log syncBuffer
	p := start(t, settings{servers: 1, log: &log})
	many := make([]string, 300)
	for i := range many {
		many[i] = fmt.Sprintf("%03d", i) + strings.Repeat("é", 500)
	}
	long := make([]string, 20)
	for i := range long {
		long[i] = many[i][:3] + strings.Repeat("é", 38)
	}
	for _, c := range []struct {
		call, query string
		want        recordingLine
	}{
		{"deleteRecordings", "recordID=a-1,b-2", recordingLine{RecordIDs: []string{"a-1", "b-2"}, Outcome: "notFound"}},
		{"publishRecordings", "recordID=a-1&publish=false", recordingLine{RecordIDs: []string{"a-1"}, Outcome: "notFound"}},
		{"publishRecordings", "recordID=a-1", recordingLine{RecordIDs: []string{"a-1"}, Outcome: "missingParamPublish"}},
		{"updateRecordings", "recordID=a-1&meta_x=y", recordingLine{RecordIDs: []string{"a-1"}, Outcome: "notFound"}},
		{"updateRecordings", "meta_x=y", recordingLine{Outcome: "missingParamRecordID"}},
		{
			"deleteRecordings", "recordID=" + strings.Join(many[:40], ","),
			recordingLine{RecordIDs: long, Recordings: 40, Outcome: "notFound"},
		},
	} {
		before := len(log.String())
		p.call(c.call, c.query)
		p.waitFor("the log line", func() bool { return strings.Contains(log.String()[before:], c.call) })
		var got recordingLine
		if err := json.Unmarshal([]byte(strings.TrimSpace(log.String()[before:])), &got); err != nil {
			t.Fatal(err)
		}
		c.want.Call = c.call
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.call, diff)
		}
	}
}
