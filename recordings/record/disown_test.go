package record_test

import (
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/recordings/record"
	"github.com/bbbpool/bbbpool/store"
)

// A recording has the front end's ID, wherever the server has shown its own; what the pool has marked the meeting with is
// nobody's to see.
func TestDisown_Alias(t *testing.T) {
	for _, c := range []struct {
		what   string
		in     store.Recording
		id     string
		metaID string
	}{
		{
			"of a scoped tenant",
			store.Recording{MeetingID: "physics_room", Meta: map[string]string{
				"meetingId": "physics_room", "bbbpool-meeting-id": "room", "bbbpool-tenant": "physics",
			}},
			"room", "room",
		},
		{
			"of a server that shows no ID in the metadata",
			store.Recording{MeetingID: "physics_room", Meta: map[string]string{"bbbpool-meeting-id": "room"}},
			"room", "",
		},
		{
			"of another tenant",
			store.Recording{MeetingID: "room", Meta: map[string]string{
				"meetingId": "room", "bbbpool-tenant": "arts", "tenant-id": "1", "Tenant-Name": "Arts",
			}},
			"room", "room",
		},
		{
			"of a breakout room",
			store.Recording{MeetingID: "4711-1", Breakout: &store.Breakout{Parent: "i"}, Meta: map[string]string{
				"meetingId": "4711-1", "bbbpool-meeting-id": "room",
			}},
			"4711-1", "4711-1",
		},
		{
			"of a breakout room, as it says itself",
			store.Recording{MeetingID: "4711-1", Meta: map[string]string{
				"meetingId": "4711-1", "isBreakout": "true", "bbbpool-meeting-id": "room",
			}},
			"4711-1", "4711-1",
		},
		{
			"of a server that says what is no ID",
			store.Recording{MeetingID: "a room", Meta: map[string]string{
				"meetingId": "a room", "bbbpool-meeting-id": strings.Repeat("x", 257),
			}},
			"a room", "a room",
		},
	} {
		before := len(c.in.Meta)
		c.in.Meta["bbbpool-keep"], c.in.Meta["course"] = "true", "1"
		given := c.in.Meta
		record.Disown(&c.in)
		want := map[string]string{"bbbpool-keep": "true", "course": "1"}
		for _, key := range []string{"meetingId", "isBreakout"} {
			if v, ok := given[key]; ok {
				want[key] = v
			}
		}
		if c.metaID != "" {
			want["meetingId"] = c.metaID
		}
		same(t, c.in.Meta, want)
		if c.in.MeetingID != c.id || len(given) != before+2 {
			t.Errorf("%s: got %q; the map that was given has become %v", c.what, c.in.MeetingID, given)
		}
	}
}

// A breakout room is of its parent's tenant and server; a room of nobody's meeting is nobody's.
func TestOwners_Session_Breakout(t *testing.T) {
	o := record.Owners{Sessions: history{"past": {Tenant: "a", Server: "bbb1"}, "own": {Tenant: "b"}}}
	live := map[string]store.Session{"live": {Tenant: "c"}}
	for parent, want := range map[string]string{"past": "a", "live": "c", "none": "", "": ""} {
		r := store.Recording{RecordID: "room", Breakout: &store.Breakout{Parent: parent}}
		if s, err := o.Session(t.Context(), r, live); err != nil || s.Tenant != want {
			t.Errorf("%s: %+v %v", parent, s, err)
		}
	}
	r := store.Recording{RecordID: "own", Breakout: &store.Breakout{Parent: "past"}}
	if s, err := o.Session(t.Context(), r, live); err != nil || s.Tenant != "b" {
		t.Errorf("with a session of its own: %+v %v", s, err)
	}
}
