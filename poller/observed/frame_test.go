package observed_test

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/poller/observed"
)

var update = flag.Bool("update", false, "write golden files")

const golden = "testdata/frames.golden"

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// frames are one of each kind, with everything that may be in it.
func frames() []observed.Frame {
	ago := observed.AgoOf(noon.Add(-90*time.Second), noon)
	meeting := observed.TellMeeting(bbb.Meeting{
		Raw: []byte("<meeting><meetingID>r1</meetingID></meeting>"), MeetingID: "r1", Alias: "school_r1", InternalID: "i1-1",
		Name: "Room", ParentID: "i0-1", CreateTime: 1, Participants: 3, Voices: 2, Videos: 1, Joined: true, Recorded: true,
		Breakout: true, Ended: true, Tenant: "school",
	})
	made := meeting
	made.At = ago
	return []observed.Frame{
		{Kind: observed.OfNetwork, Network: &observed.Network{
			Failing: ago, Lost: []string{"bbb1.example.edu"}, LostSince: ago, NamesLost: true,
		}},
		{
			Kind: observed.OfMeetings, Server: "bbb1", Meetings: []observed.Meeting{meeting}, Created: []observed.Meeting{made},
			More: true, Again: true,
		},
		{
			Kind: observed.OfServer, Server: "bbb1", Again: true, State: &observed.State{
				Health: observed.HealthTold{
					Is: observed.Suspect, Failing: ago, Rounds: 2, Counted: ago, Offline: ago, Clean: 1, Cleaned: ago,
					Episodes: []observed.Ago{ago}, Reason: "connection refused", Cause: bbb.Refused, Refused: true,
				},
				Pace:  &observed.PaceTold{Mean: time.Second, Deviation: time.Millisecond, Timeouts: 3},
				Clock: observed.FiveTold{-time.Second}, Slowness: observed.FiveTold{6 * time.Second}, Level: observed.Crawling,
				Expires: noon, Unresolved: 1, Excess: 2, Raised: map[string]observed.Ago{"clock": ago}, Began: ago, Polled: ago,
				Latency: time.Second, Unreadable: 4, OnFormer: true,
			},
			Created: []observed.Meeting{made}, Events: []observed.Event{{At: noon, Kind: "suspect", Text: "it is"}},
			Copies: &[]observed.Copy{{
				Tenant: "school", ID: "r1", Alias: "school_r1", Internal: "i1-1", People: 1, Rooms: 2, Twin: true, Refused: true,
				Since: ago,
			}},
		},
		{Kind: observed.OfRefreshed, Asks: []string{"a", "b"}},
		{Kind: observed.WantRefresh, Asks: []string{"a"}},
		{Kind: observed.WantWhole, Server: "bbb1"},
		{Kind: observed.OfCall, Server: "bbb1", Call: &observed.Call{
			URL: "https://bbb1.example.edu/bigbluebutton/api", Failed: true, Reason: bbb.Timeout, Text: "no answer",
			Refused: true,
		}},
	}
}

// The form of frames stays: instances of two versions run together.
func TestFrame_Golden(t *testing.T) {
	var got bytes.Buffer
	for _, f := range frames() {
		got.Write(f.Encode())
		got.WriteByte('\n')
	}
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	lines := strings.Split(strings.TrimSpace(string(want)), "\n")
	for i, f := range frames() {
		newer := strings.Replace(lines[i], "{", `{"ofTomorrow":[1],`, 1)
		if heard, err := observed.Decode([]byte(newer)); err != nil || cmp.Diff(f, heard) != "" {
			t.Errorf("heard %v: %s", err, cmp.Diff(f, heard))
		}
	}
}

// What is told comes out as it went in, whatever the clock of the other says.
func TestTold(t *testing.T) {
	limits := observed.Thresholds{
		Unhealthy: 3, Healthy: 2, Round: 10 * time.Second, Failover: 3 * time.Second, Noticed: 30 * time.Second,
	}
	h, now := observed.Machine{Is: observed.Unknown}, noon
	step := func(fails bool) {
		if now = now.Add(10 * time.Second); fails {
			h.Fail(now, observed.Failure{Text: "refused", Cause: bbb.DNS, Refused: true}, limits, false)
		} else {
			h.Succeed(now, limits)
		}
	}
	for i, fails := range []bool{false, true, false, true, true, true, true, false, false, false, false, true} {
		step(fails)
		const ahead = 3 * time.Hour
		heard, ok := h.Tell(now).Hear(now.Add(ahead))
		if back := heard.Tell(now.Add(ahead)); !ok || cmp.Diff(h.Tell(now), back) != "" {
			t.Errorf("step %d: %v\n%s", i, ok, cmp.Diff(h.Tell(now), back))
		}
		if heard.Needs(now.Add(ahead), limits) != h.Needs(now, limits) || heard.Nameless() != h.Nameless() {
			t.Errorf("step %d: it goes on otherwise", i)
		}
	}
	var pace observed.Pace
	pace.Add(time.Second)
	pace.AddTimeout()
	if heard := pace.Tell().Hear(); heard != pace {
		t.Errorf("pace %v, want %v", heard, pace)
	}
	var slow observed.Slowness
	for _, seconds := range []int{1, 9, 8, 7, 6, 6} {
		slow.Add(time.Duration(seconds) * time.Second)
	}
	if heard := observed.HearSlowness(slow.Tell()); heard.Words() != slow.Words() || heard.Level != observed.Crawling {
		t.Errorf("%s, want %s", heard.Words(), slow.Words())
	}
}

// What cannot be is turned down, and what is too much is cut off.
func TestHear_Hostile(t *testing.T) {
	for _, health := range []observed.HealthTold{
		{}, {Is: "well"}, {Is: observed.Online, Failing: 1}, {Is: observed.Offline},
	} {
		if _, ok := health.Hear(noon); ok {
			t.Errorf("%+v was believed", health)
		}
	}
	for _, raw := range []string{
		"", "<meeting>", "</meeting>", "<meeting></meetings>", "<response></response>", "<meeting></meeting><script/>",
		"<meeting></meeting",
	} {
		if _, ok := (observed.Meeting{Raw: []byte(raw), ID: "r", Internal: "i"}).Hear(); ok {
			t.Errorf("%s was taken for a meeting", raw)
		}
	}
	many := `{"kind":"refreshed","asks":["` + strings.Repeat(`a","`, 2000) + `"]}`
	for _, frame := range []string{"", "null,", "[]", many, `{"kind":"server","server":7}`} {
		if _, err := observed.Decode([]byte(frame)); err == nil {
			t.Errorf("%.60s was read", frame)
		}
	}
	years := observed.Ago(1 << 62)
	if at := years.At(noon); noon.Sub(at) > 11*365*24*time.Hour || !observed.Ago(-1).At(noon).IsZero() {
		t.Errorf("it was at %s", at)
	}
}
