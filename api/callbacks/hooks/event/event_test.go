package event_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/callbacks/hooks/event"
)

const mapped = `{"data":{"type":"event","id":"Meeting-Created","attributes":{"meeting":{"internal-meeting-id":"int-1",` +
	`"external-meeting-id":"phys_room","name":"phys_room <b>","is-breakout":false,"parent-id":"bbb-none","create-time":17000000000001,` +
	`"metadata":{"bbbpool-meeting-id":"room","bbbpool-tenant":"phys","Course":"A&1","endcallbackurl":"ours:end","x":"ours:gone"}}},` +
	`"event":{"ts":1.50}}}`

// What an event is about, in each form that it may have.
func TestRead(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       event.Event
	}{
		{"mapped", mapped, event.Event{ID: "meeting-created", Internal: "int-1", External: "phys_room", Named: "room"}},
		{
			"a breakout room", `{"data":{"id":"meeting-created","attributes":{"meeting":{"internal-meeting-id":"b-1","external-meeting-id":"b",
				"is-breakout":true,"parent-id":"int-1"}}}}`,
			event.Event{ID: "meeting-created", Internal: "b-1", External: "b", Parent: "int-1"},
		},
		{
			"of a recording", `{"data":{"id":"rap-archive-started","attributes":{"meeting":{"external-meeting-id":"room"},"record-id":"int-1"}}}`,
			event.Event{ID: "rap-archive-started", Internal: "int-1", External: "room"},
		},
		{
			"raw", `{"envelope":{"name":"MeetingCreatedEvtMsg"},"core":{"header":{"name":"x"},"body":{"props":{"meetingProp":{"extId":"b",
				"intId":"b-1","isBreakout":true},"breakoutProps":{"parentId":"int-1"}}}}}`,
			event.Event{Internal: "b-1", External: "b", Parent: "int-1"},
		},
		{
			"raw, about somebody", `{"envelope":{"routing":{"meetingId":"int-1"}},"core":{"header":{"meetingId":"int-1"},"body":{"meetingId":7}}}`,
			event.Event{Internal: "int-1"},
		},
		{"raw, an end", `{"core":{"header":{},"body":{"meetingId":"int-1"}}}`, event.Event{Internal: "int-1"}},
		{
			"raw, of a recording", `{"header":{"name":"archive_started"},"payload":{"meeting_id":"int-1","external_meeting_id":"room"}}`,
			event.Event{Internal: "int-1", External: "room"},
		},
		{"nothing", `{}`, event.Event{}},
	} {
		got, err := event.Read("[" + c.text + "]")
		if err != nil || len(got) != 1 {
			t.Fatalf("%s: %v, %v", c.name, got, err)
		}
		got[0].JSON = nil
		if diff := cmp.Diff(c.want, got[0]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
	for _, bad := range []string{"", "{}", "[", "[1]", `["x"]`, `[{]`, "null!", "[" + strings.Repeat("{},", 1000) + "{}]"} {
		if got, err := event.Read(bad); err == nil {
			t.Errorf("%.20q: %v", bad, got)
		}
	}
}

// front has addresses of ours, which are called "ours:…" here.
func front() event.Front {
	return event.Front{
		Alias: "phys_room", MeetingID: "room", Meta: [][2]string{{"bbb-recording-ready-url", "https://f/ready?a&b"}},
		Original: func(value string) (string, bool, bool) {
			if name, ours := strings.CutPrefix(value, "ours:"); ours {
				return "https://f/" + name, name != "gone", true
			}
			return "", false, false
		},
	}
}

// A front end reads its own ID and its own addresses, and nothing of ours. Everything else stays, also its order.
func TestEvent_For(t *testing.T) {
	for give, want := range map[string]string{
		mapped: `{"data":{"type":"event","id":"Meeting-Created","attributes":{"meeting":{"internal-meeting-id":"int-1",` +
			`"external-meeting-id":"room","name":"phys_room <b>","is-breakout":false,"parent-id":"bbb-none","create-time":17000000000001,` +
			`"metadata":{"Course":"A&1","endcallbackurl":"https://f/end","bbb-recording-ready-url":"https://f/ready?a&b"}}},` +
			`"event":{"ts":1.50}}}`,
		`{"a":{"session-token":"t","name":"x","authToken":"t"},"sessionToken":{"a":[1]},"b":[true,null,"ours:gone",{"sessionToken":"t"}]}`://
		`{"a":{"name":"x"},"b":[true,null,null,{}]}`,
	} {
		list, err := event.Read("[" + give + "]")
		if err != nil {
			t.Fatal(err)
		}
		got, err := list[0].For(front())
		if err != nil || string(got) != want {
			t.Errorf("%v\n got %s\nwant %s", err, got, want)
		}
	}
}

func FuzzFor(f *testing.F) {
	f.Add(mapped)
	f.Add(`{"sessionToken":"x","metadata":{"bbbpool-x":[{}]}}`)
	f.Fuzz(func(t *testing.T, text string) {
		list, err := event.Read("[" + text + "]")
		if err != nil {
			return
		}
		for _, e := range list {
			got, err := e.For(front())
			if err == nil && !json.Valid(got) {
				t.Errorf("%s became %s", text, got)
			}
		}
	})
}
