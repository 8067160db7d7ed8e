package simulator_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/simulator"
)

// listener is a hook that keeps the events that it is told of.
type listener struct {
	*httptest.Server
	mu     sync.Mutex
	events []json.RawMessage
}

func newListener(t *testing.T) *listener {
	l := &listener{}
	l.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(body))
		var events []json.RawMessage
		if err := json.Unmarshal([]byte(form.Get("event")), &events); err != nil || form.Get("timestamp") == "" {
			t.Errorf("told %s: %v", body, err)
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.events = append(l.events, events...)
	}))
	t.Cleanup(l.Close)
	return l
}

// hear returns what came since the last time: IDs, or names of raw events, and all of it as one text.
func (l *listener) hear(t *testing.T) (ids []string, text string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, raw := range l.events {
		var e struct {
			Data     struct{ ID string }
			Envelope struct{ Name string }
			Header   struct{ Name string }
		}
		if err := json.Unmarshal(raw, &e); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, e.Data.ID+e.Envelope.Name+e.Header.Name)
		text += string(raw) + "\n"
	}
	l.events = nil
	return ids, text
}

func mustHook(t *testing.T, s *simulator.Server, to, more string) {
	t.Helper()
	if a := call(t, s, "hooks/create", "callbackURL="+url.QueryEscape(to)+more); a.field("returncode") != "SUCCESS" {
		t.Fatal(a.body)
	}
}

// Hooks hear of a meeting from its beginning until its recording is deleted, as bbb-webhooks maps it and raw.
func TestWebhooks(t *testing.T) {
	sim, clock := start(t, simulator.Config{Formats: []string{"video"}})
	s := sim.Servers()[0]
	mapped, raw := newListener(t), newListener(t)
	mustHook(t, s, mapped.URL, "")
	mustHook(t, s, raw.URL, "&getRaw=true")
	expect := func(step string, want, wantRaw []string, holds ...string) {
		t.Helper()
		sim.Tick(t.Context())
		got, text := mapped.hear(t)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", step, diff)
		}
		gotRaw, _ := raw.hear(t)
		if diff := cmp.Diff(wantRaw, gotRaw); diff != "" {
			t.Errorf("%s, raw: %s", step, diff)
		}
		for _, hold := range holds {
			if !strings.Contains(text, hold) {
				t.Errorf("%s: no %s in %s", step, hold, text)
			}
		}
	}
	id := mustCreate(t, s, "room", "&record=true&meta_Course=A1&meta_bbb-recording-ready-url="+url.QueryEscape(newReceiver(t).URL)).
		field("internalMeetingID")
	expect("create", []string{"meeting-created"}, []string{"MeetingCreatedEvtMsg"},
		`"external-meeting-id":"room"`, `"internal-meeting-id":"`+id+`"`, `"course":"A1"`, `"parent-id":"bbb-none"`, `"record":true`)
	token := mustJoin(t, s, "room", "Ada", "viewer", "&userID=u1&userdata-x=1").field("session_token")
	expect("join", []string{"user-joined", "meeting-recording-started"},
		[]string{"UserJoinedMeetingEvtMsg", "RecordingStatusChangedEvtMsg"},
		`"session-token":"`+token+`"`, `"ip-address":"127.0.0.1"`, `"user-agent":"Go-http-client`, `"external-user-id":"u1"`, `"x":"1"`)
	must(0, s.AddPeople("room", simulator.Crowd{Count: 1}))
	must(0, s.Leave("room", 1))
	expect("people", []string{"user-joined", "user-left"}, []string{"UserJoinedMeetingEvtMsg", "UserLeftMeetingEvtMsg"}, `"name":"Person 2"`)
	must(0, s.Record("room", false))
	expect("pause", []string{"meeting-recording-stopped"}, []string{"RecordingStatusChangedEvtMsg"})
	must(0, s.Emit("poll-started", "room", map[string]any{"poll": "?"}, json.RawMessage(`{"envelope":{"name":"PollStartedEvtMsg"}}`)))
	expect("poll", []string{"poll-started"}, []string{"PollStartedEvtMsg"}, `"poll":"?"`, `"external-meeting-id":"room"`)
	call(t, s, "end", "meetingID=room")
	expect("end", []string{"user-left", "meeting-ended"}, []string{"user-left", "MeetingDestroyedEvtMsg"}, `"session-token":"`+token+`"`)
	clock.add(2 * time.Second)
	var mappedSteps, rawSteps []string
	for _, step := range []string{"archive", "sanity", "process", "publish", "post_publish"} {
		rawSteps = append(rawSteps, step+"_started", step+"_ended")
		step = "rap-" + strings.ReplaceAll(step, "_", "-")
		mappedSteps = append(mappedSteps, step+"-started", step+"-ended")
	}
	expect("archive", mappedSteps, rawSteps, `"recorded":true`, `"workflow":"video"`, `"record-id":"`+id+`"`, `"course":"A1"`)
	call(t, s, "publishRecordings", "publish=false&recordID="+id)
	call(t, s, "publishRecordings", "publish=false&recordID="+id)
	call(t, s, "publishRecordings", "publish=true&recordID="+id)
	call(t, s, "deleteRecordings", "recordID="+id)
	expect("states", []string{"rap-unpublished", "rap-published", "rap-deleted"},
		[]string{"UnpublishedRecordingSysMsg", "PublishedRecordingSysMsg", "DeletedRecordingSysMsg"})
	if err := s.Emit("x", "none", nil, nil); err == nil {
		t.Error("an event of no meeting")
	}
}

// An event may come before the answer to the create that it is about.
func TestWebhooks_CreatedFirst(t *testing.T) {
	sim, _ := start(t, simulator.Config{})
	s := sim.Servers()[0]
	l := newListener(t)
	if err := s.SetWebhooks(simulator.Webhooks{CreatedFirst: true, Permanent: []simulator.PermanentHook{{URL: l.URL}}}); err != nil {
		t.Fatal(err)
	}
	mustCreate(t, s, "room", "")
	if got, _ := l.hear(t); !slices.Equal(got, []string{"meeting-created"}) {
		t.Errorf("heard %v", got)
	}
}

// Hooks outlive a restart, what waits for them does not. A server may have no bbb-webhooks.
func TestWebhooks_Restart(t *testing.T) {
	sim, _ := start(t, simulator.Config{Servers: 2})
	s, l := sim.Servers()[0], newListener(t)
	mustHook(t, s, l.URL, "")
	mustCreate(t, s, "room", "")
	s.Restart()
	sim.Tick(t.Context())
	if got, _ := l.hear(t); len(got) != 0 || len(s.Hooks()) != 1 || s.Calls("hooks/create") != 1 {
		t.Errorf("heard %v, hooks %v", got, s.Hooks())
	}
	if err := sim.Servers()[1].SetWebhooks(simulator.Webhooks{Absent: true}); err != nil {
		t.Fatal(err)
	}
	if a := call(t, sim.Servers()[1], "hooks/list", ""); a.status != http.StatusNotFound {
		t.Errorf("without bbb-webhooks: %d %s", a.status, a.body)
	}
}
