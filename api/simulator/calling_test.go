package simulator_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/api/simulator/callback"
)

// Where recordings are left to the button there is none before somebody presses it, and marks say so.
func TestRecordingMarks(t *testing.T) {
	for name, c := range map[string]struct {
		params string
		press  func(t *testing.T, s *simulator.Server)
		marked string
	}{
		"nobody":  {"&record=true", func(*testing.T, *simulator.Server) {}, "false"},
		"auto":    {"&record=true&autoStartRecording=true", func(*testing.T, *simulator.Server) {}, "true"},
		"pressed": {"&record=true", func(_ *testing.T, s *simulator.Server) { must(0, s.Record("room", true)) }, "true"},
		"paused": {"&record=true", func(_ *testing.T, s *simulator.Server) {
			must(0, s.Record("room", true))
			must(0, s.Record("room", false))
		}, "true"},
		"on the page":  {"&record=true", pressOnPage, "true"},
		"not recorded": {"", refuseRecord, "false"}, "not allowed": {"&record=true&allowStartStopRecording=false", refuseRecord, "false"},
	} {
		sim, clock := start(t, simulator.Config{Life: simulator.Settings{ManualRecording: true}})
		s, front := sim.Servers()[0], newReceiver(t)
		mustCreate(t, s, "room", "&meta_endCallbackUrl="+url.QueryEscape(front.URL)+c.params)
		must(0, s.AddPeople("room", simulator.Crowd{Count: 1}))
		c.press(t, s)
		call(t, s, "end", "meetingID=room")
		clock.add(2 * time.Second)
		sim.Tick(t.Context())
		want := []string{"GET /?recordingmarks=" + c.marked + "&meetingID=room"}
		if got := front.calls(); !slices.Equal(got, want) || (len(s.Recordings()) == 1) != (c.marked == "true") {
			t.Errorf("%s: told %v, %d recordings", name, got, len(s.Recordings()))
		}
	}
}

func refuseRecord(t *testing.T, s *simulator.Server) {
	if err := s.Record("room", true); err == nil {
		t.Error("nobody can press the button, but it was pressed")
	}
}

func pressOnPage(t *testing.T, s *simulator.Server) {
	session := mustJoin(t, s, "room", "Ada", "moderator", "").field("session_token")
	page := strings.TrimSuffix(s.URL(), "/bigbluebutton/api") + "/html5client"
	if a := send(t, http.MethodGet, page+"?sessionToken="+session, "", ""); !strings.Contains(a.body, ">Record<") {
		t.Errorf("no button: %s", a.body)
	}
	a := send(t, http.MethodPost, page+"/record", "application/x-www-form-urlencoded", "sessionToken="+session)
	if a.status != http.StatusSeeOther {
		t.Errorf("pressed: %d", a.status)
	}
	if a := send(t, http.MethodGet, page+"?sessionToken="+session, "", ""); !strings.Contains(a.body, "Pause the recording") {
		t.Errorf("it does not go on: %s", a.body)
	}
}

// Recorded breakout rooms tell under IDs of their own that they can be watched and who was there, at their parent's addresses,
// and nothing of their end.
func TestBreakouts_CallBack(t *testing.T) {
	sim, clock := start(t, simulator.Config{})
	s := sim.Servers()[0]
	front := newReceiver(t)
	mustCreate(t, s, "class", "&meetingEndedURL="+url.QueryEscape(front.URL+"/end")+"&meta_endCallbackUrl="+url.QueryEscape(front.URL+"/marks")+
		"&meta_bbb-recording-ready-url="+url.QueryEscape(front.URL+"/ready")+"&meta_analytics-callback-url="+url.QueryEscape(front.URL+"/who"))
	must(0, s.Break("class", simulator.Breakouts{Rooms: 1, People: 2, Record: true}))
	room := s.Meetings()[1]
	must(0, s.End("class"))
	clock.add(2 * time.Second)
	sim.Tick(t.Context())
	sim.Tick(t.Context())
	got := front.calls()
	slices.Sort(got)
	want := []string{"GET /end", "GET /marks?recordingmarks=false&meetingID=class", "POST /ready", "POST /who"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, form := range front.forms {
		parts := strings.Split(form.Get("signed_parameters"), ".")
		if len(parts) < 3 {
			continue
		}
		payload := string(must(base64.RawURLEncoding.DecodeString(parts[1])))
		if payload != `{"meeting_id":"`+room.MeetingID+`","record_id":"`+room.InternalID+`"}` || room.MeetingID == "class" {
			t.Errorf("ready: %s, of %+v", payload, room)
		}
	}
}

// Formats that a meeting does not want are neither made nor told of, since the release that knows of it.
func TestDisabledFormats(t *testing.T) {
	for _, c := range []struct {
		release, disabled string
		made              int
	}{
		{"", "presentation", 1}, {"", "Presentation,+video", 0}, {"3.0.29", "presentation,video", 2}, {"4.0.0", "", 2},
	} {
		front := newReceiver(t)
		sim, clock := start(t, simulator.Config{Release: c.release, Formats: []string{"presentation", "video"}})
		s := sim.Servers()[0]
		mustCreate(t, s, "room", "&record=true&meta_bbb-recording-ready-url="+url.QueryEscape(front.URL)+
			"&meta_bbb-disable-recording-formats="+c.disabled)
		call(t, s, "end", "meetingID=room")
		clock.add(2 * time.Second)
		sim.Tick(t.Context())
		formats := strings.Count(call(t, s, "getRecordings", "").body, "<format>")
		if told := len(front.calls()); told != c.made || formats != c.made {
			t.Errorf("%+v: %d made, %d told of", c, formats, told)
		}
	}
}

// Who was in a meeting is told with the times of coming and leaving, however often somebody comes.
func TestAnalytics_Attendees(t *testing.T) {
	sim, clock := start(t, simulator.Config{})
	s := sim.Servers()[0]
	var body []byte
	front := newBodies(t, &body)
	mustCreate(t, s, "room", "&meetingKeepEvents=true&meta_gl-listed=x&meta_bbb-origin=Moodle&meta_analytics-callback-url="+url.QueryEscape(front))
	mustJoin(t, s, "room", "Ada", "moderator", "&userID=u1")
	clock.add(10 * time.Second)
	must(0, s.Leave("room", 1))
	clock.add(5 * time.Second)
	mustJoin(t, s, "room", "Ada", "moderator", "&userID=u1")
	mustJoin(t, s, "room", "Bob", "viewer", "&userID=u2")
	clock.add(20 * time.Second)
	call(t, s, "end", "meetingID=room")
	clock.add(2 * time.Second)
	sim.Tick(t.Context())
	var told struct {
		Data struct {
			Metadata  map[string]string
			Attendees []struct {
				ID            string `json:"ext_user_id"`
				Name          string
				Moderator     bool
				Joins, Leaves []string
				Duration      int
			}
		}
	}
	if err := json.Unmarshal(body, &told); err != nil {
		t.Fatal(err)
	}
	a := told.Data.Attendees
	if len(a) != 2 || a[0].ID != "u1" || !a[0].Moderator || len(a[0].Joins) != 2 || len(a[0].Leaves) != 2 || a[0].Duration != 30 ||
		a[1].Name != "Bob" || a[1].Duration != 20 || a[1].Joins[0] != "2025-10-09 08:53:35 +0000" || a[1].Leaves[0] != "2025-10-09 08:53:55 +0000" {
		t.Errorf("%s", body)
	}
	if m := told.Data.Metadata; m["bbb_origin"] != "Moodle" || m["gl_listed"] != "" || m["analytics_callback_url"] != front {
		t.Errorf("%v", m)
	}
}

// A release shows in the root, or does not; the control port sets it, and what else callbacks depend on.
func TestControl_Callbacks(t *testing.T) {
	sim, clock := start(t, simulator.Config{Servers: 2, Release: "3.0.30", HideRelease: true, StrictURLs: true})
	s := sim.Servers()[0]
	if a := send(t, http.MethodGet, s.URL(), "", ""); a.field("bbbVersion") != "" || !strings.Contains(a.body, "<bbbVersion>") {
		t.Errorf("hidden: %s", a.body)
	}
	front := newReceiver(t)
	do := func(method, path, body string) answer {
		return send(t, method, s.ControlURL()+path, "application/json", body)
	}
	end := func(id string) {
		mustCreate(t, s, id, "&meetingEndedURL="+url.QueryEscape(front.URL))
		call(t, s, "end", "meetingID="+id)
		clock.add(2 * time.Second)
		sim.Tick(t.Context())
	}
	end("refused")
	for _, c := range []struct {
		method, path, body string
		status             int
		holds              string // in the callbacks, or the hooks, afterwards
	}{
		{"PUT", "/version", `{"version":"3.0.26"}`, http.StatusNoContent, `"version":"3.0.26","hidden":false`},
		{"PUT", "/version", `{"version":"newest"}`, http.StatusBadRequest, `"version":"3.0.26"`},
		{"PUT", "/url-rules", `{"strict":true,"protocols":["all"],"allowed":["127.0.0.1"]}`, http.StatusNoContent, `"allowed":["127.0.0.1"]`},
		{"PUT", "/url-rules", `{"strickt":true}`, http.StatusBadRequest, `"strict":true`},
		{"PUT", "/callbacks/fault", `{"kind":"late","delay":"1h","callbacks":["end"]}`, http.StatusNoContent, `"end":{"kind":"late","delay":"1h0m0s"}`},
		{"PUT", "/callbacks/fault", `{"kind":"late"}`, http.StatusBadRequest, `"end":{"kind":"late"`},
		{"DELETE", "/callbacks/fault?callbacks=marks", "", http.StatusNoContent, `"end":{"kind":"late"`},
		{"DELETE", "/callbacks/fault", "", http.StatusNoContent, `"faults":{}`},
		{"PUT", "/hooks", `{"algorithm":"sha512","permanent":[{"url":"` + front.URL + `/hook"}]}`, http.StatusNoContent, `"permanent":true`},
		{"PUT", "/hooks", `{"algorithm":"md5"}`, http.StatusBadRequest, `"algorithm":"sha512"`},
		{"POST", "/events", `{"id":"x-y","meeting":"none"}`, http.StatusBadRequest, `"waiting":0`},
		{"POST", "/events", `{"id":"x-y","attributes":{"a":1}}`, http.StatusNoContent, `"waiting":1`},
		{"POST", "/callbacks/send", "", http.StatusNoContent, `"event":"x-y"`},
	} {
		if a := do(c.method, c.path, c.body); a.status != c.status {
			t.Errorf("%s %s: status %d: %s", c.method, c.path, a.status, a.body)
		}
		if state := do("GET", "/callbacks", "").body + do("GET", "/hooks", "").body; !strings.Contains(state, c.holds) {
			t.Errorf("%s %s %s: %s, want %s", c.method, c.path, c.body, state, c.holds)
		}
	}
	end("told")
	if a := send(t, http.MethodGet, s.URL(), "", ""); a.field("bbbVersion") != "3.0.26" {
		t.Errorf("shown: %s", a.body)
	}
	trace := s.Callbacks()
	if first := trace[0]; first.Outcome != callback.Refused || first.Meeting != "refused" || first.Kind != callback.KindEnd {
		t.Errorf("the trace starts with %+v", first)
	}
	got := slices.DeleteFunc(front.calls(), func(line string) bool { return line != "GET /" })
	if len(got) != 2 { // by an old release, and nothing of the meeting before
		t.Errorf("told %v", got)
	}
	if a := do("POST", "/meetings/told/recording", ""); a.status != http.StatusBadRequest {
		t.Errorf("recorded: %d", a.status)
	}
}

// What waits for its time can be sent at once.
func TestSendCallbacks(t *testing.T) {
	sim, clock := start(t, simulator.Config{})
	s, front := sim.Servers()[0], newReceiver(t, 500)
	mustCreate(t, s, "room", "&meetingEndedURL="+url.QueryEscape(front.URL))
	call(t, s, "end", "meetingID=room")
	clock.add(2 * time.Second)
	sim.Tick(t.Context())
	sim.Tick(t.Context())
	s.SendCallbacks(t.Context())
	s.SendCallbacks(t.Context())
	if n := len(front.calls()); n != 2 {
		t.Errorf("told %d times", n)
	}
}
