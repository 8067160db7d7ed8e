package simulator_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
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

// receiver is a front end that notes what it is told, and answers with the statuses it is given, then with 200.
type receiver struct {
	*httptest.Server
	mu       sync.Mutex
	got      []string
	forms    []url.Values
	statuses []int
}

func newReceiver(t *testing.T, statuses ...int) *receiver {
	r := &receiver{statuses: statuses}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.got = append(r.got, q.Method+" "+q.URL.String())
		_ = q.ParseForm()
		r.forms = append(r.forms, q.PostForm)
		if len(r.statuses) > 0 {
			w.WriteHeader(r.statuses[0])
			r.statuses = r.statuses[1:]
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) calls() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

// Both callbacks about an end come, from old releases twice; only the one in the metadata has anything added.
func TestCallback_End(t *testing.T) {
	const hidden, meta = "GET /hidden?y=2", "GET /meta?x=1&recordingmarks=true&meetingID=a+b"
	for release, want := range map[string][]string{
		"":       {meta, hidden},
		"3.0.27": {meta, hidden}, "4.0.0-rc.1": {meta, hidden},
		"3.0.26": {meta, meta, hidden, hidden}, "2.7.12": {meta, meta, hidden, hidden},
	} {
		checkEnd(t, release, want)
	}
}

func checkEnd(t *testing.T, release string, want []string) {
	t.Helper()
	sim, clock := start(t, simulator.Config{Release: release})
	s := sim.Servers()[0]
	front := newReceiver(t)
	mustCreate(t, s, "a+b", "&record=true&meta_endCallbackUrl="+url.QueryEscape(front.URL+"/meta?x=1")+
		"&meetingEndedURL="+url.QueryEscape(front.URL+"/hidden?y=2"))
	call(t, s, "end", "meetingID=a+b")
	sim.Tick(t.Context())
	if got := front.calls(); len(got) != 0 {
		t.Errorf("called while the meeting is still listed: %v", got)
	}
	clock.add(2 * time.Second)
	sim.Tick(t.Context())
	if diff := cmp.Diff(want, front.calls()); diff != "" {
		t.Errorf("%q: %s", release, diff)
	}
}

// A callback that an old release does not see answered with exactly 200 is tried five times in all.
func TestCallback_Retries(t *testing.T) {
	var reported int
	sim, clock := start(t, simulator.Config{Release: "3.0.26", Report: func(error) { reported++ }})
	s := sim.Servers()[0]
	front := newReceiver(t, 204, 500, 404, 503, 202, 200)
	mustCreate(t, s, "room", "&meetingEndedURL="+url.QueryEscape(front.URL))
	call(t, s, "end", "meetingID=room")
	for _, wait := range []time.Duration{
		2 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, time.Hour,
	} {
		clock.add(wait - time.Millisecond)
		before := len(front.calls())
		sim.Tick(t.Context())
		if len(front.calls()) != before {
			t.Errorf("called before %v were over", wait)
		}
		clock.add(time.Millisecond)
		sim.Tick(t.Context())
	}
	if n := len(front.calls()); n != 5 || reported != 5 {
		t.Errorf("%d calls and %d reports, want 5 each", n, reported)
	}
}

// A front end hears of each format that is ready, in a token signed with the server's secret.
func TestCallback_Ready(t *testing.T) {
	front := newReceiver(t, 500)
	sim, clock, id := recorded(t, simulator.Config{Formats: []string{"presentation", "video"}},
		"&meta_bbb-recording-ready-url="+url.QueryEscape(front.URL))
	clock.add(time.Hour)
	sim.Tick(t.Context())
	if got := front.calls(); len(got) != 2 {
		t.Fatalf("%d calls, want one for each format and none repeated", len(got))
	}
	parts := strings.Split(front.forms[0].Get("signed_parameters"), ".")
	mac := hmac.New(sha256.New, []byte(sim.Servers()[0].Secret()))
	mac.Write([]byte(parts[0] + "." + parts[1]))
	if base64.RawURLEncoding.EncodeToString(mac.Sum(nil)) != parts[2] {
		t.Error("the signature does not fit")
	}
	payload := string(must(base64.RawURLEncoding.DecodeString(parts[1])))
	if diff := cmp.Diff(`{"meeting_id":"room","record_id":"`+id+`"}`, payload); diff != "" {
		t.Error(diff)
	}
}

// Analytics come for recorded meetings, and for those that keep their events.
func TestCallback_Analytics(t *testing.T) {
	front := newReceiver(t)
	sim, clock := start(t, simulator.Config{})
	s := sim.Servers()[0]
	link := "&meta_analytics-callback-url=" + url.QueryEscape(front.URL)
	mustCreate(t, s, "silent", link)
	mustCreate(t, s, "kept", "&meetingKeepEvents=true"+link)
	call(t, s, "end", "meetingID=silent")
	call(t, s, "end", "meetingID=kept")
	clock.add(2 * time.Second)
	sim.Tick(t.Context())
	if diff := cmp.Diff([]string{"POST /"}, front.calls()); diff != "" {
		t.Error(diff)
	}
}

// newBodies is a front end that keeps the last body it is sent.
func newBodies(t *testing.T, body *[]byte) string {
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { *body, _ = io.ReadAll(r.Body) }))
	t.Cleanup(s.Close)
	return s.URL
}
