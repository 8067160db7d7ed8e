package gateway_test

import (
	"bytes"
	"cmp"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// front is a server's nginx, which may answer some calls itself.
type front struct {
	mu      sync.Mutex
	answers func(call string) (body string, ok bool) // nil: none
	calls   map[string]int
	headers map[string]http.Header // of the last such call
	asked   map[string]request     // the last such call
	header  http.Header            // of every answer
	status  int                    // of its own answers; 0 is 200
}

// before puts a front before a server: it changes the server's record.
func (f *front) before(t *testing.T, s *store.Server) {
	t.Helper()
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = ""
	pass := httputil.NewSingleHostReverseProxy(u)
	f.calls, f.headers, f.asked = map[string]int{}, map[string]http.Header{}, map[string]request{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call := r.URL.Path[len("/bigbluebutton/api"):]
		f.note(t, call, r)
		body, ok := f.answer(call)
		header, status := f.met(call, r.Header)
		maps.Copy(w.Header(), header)
		if ok {
			if body == "" {
				status = http.StatusBadGateway
			}
			w.WriteHeader(cmp.Or(status, http.StatusOK))
			_, _ = w.Write([]byte(body))
			return
		}
		pass.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s.URL = server.URL + "/bigbluebutton/api"
}

// request is what a server was asked.
type request struct{ query, contentType, body string }

// note takes note of a call.
func (f *front) note(t *testing.T, call string, r *http.Request) {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Errorf("%s: %v", call, err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked[call] = request{r.URL.RawQuery, r.Header.Get("Content-Type"), string(body)}
}

// lastAsked returns the last such call.
func (f *front) lastAsked(call string) request {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked[call]
}

// answer returns the front's own answer, if it has one.
func (f *front) answer(call string) (body string, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[call]++
	if f.answers == nil {
		return "", false
	}
	return f.answers(call)
}

// met takes note of the headers of a call, and returns headers and status of its answer.
func (f *front) met(call string, got http.Header) (header http.Header, status int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.headers[call] = got.Clone()
	return f.header, f.status
}

// say changes headers and status of the answers.
func (f *front) say(header http.Header, status int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.header, f.status = header, status
}

// last returns the headers of the last such call.
func (f *front) last(call string) http.Header {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.headers[call]
}

// set changes what the front answers.
func (f *front) set(answers func(call string) (string, bool)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answers = answers
}

// count is how often a call was made.
func (f *front) count(call string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[call]
}

const (
	emptyList = "<response><returncode>SUCCESS</returncode><meetings/><messageKey>noMeetings</messageKey></response>"
	notThere  = "<response><returncode>FAILED</returncode><messageKey>notFound</messageKey>" +
		"<message>A meeting with that ID does not exist</message></response>"
)

// A server that says once that it does not know a meeting, to a poll and to a front end, ends nothing: neither a young
// meeting nor one that was seen before. Said twice in a row by polls it is over.
func TestNotFound_OnceEndsNothing(t *testing.T) {
	t.Parallel()
	var f front
	p := start(t, settings{servers: 1, poll: 200 * time.Millisecond, server: func(s *store.Server) { f.before(t, s) }})
	made := p.create("class")
	for _, age := range []string{"young", "seen before"} {
		lies := 0
		f.set(func(call string) (string, bool) {
			if call != "/getMeetings" || lies > 0 {
				return notThere, call == "/getMeetingInfo" || call == "/isMeetingRunning"
			}
			lies++
			return emptyList, true
		})
		n := f.count("/getMeetings")
		if a := p.call("getMeetingInfo", "meetingID=class"); a.Key != "notFound" {
			t.Fatalf("getMeetingInfo: %s", a.body)
		}
		p.waitFor("the lie and a good poll after it", func() bool { return f.count("/getMeetings") >= n+3 })
		f.set(nil)
		if a := p.create("class"); a.InternalID != made.InternalID || a.Key != "duplicateWarning" {
			t.Fatalf("%s: the repeat differs: %s", age, a.body)
		}
		if to := p.join("class", ""); to.Path != "/bigbluebutton/api/join" {
			t.Fatalf("%s: the join goes to %s", age, to)
		}
	}
	f.set(func(call string) (string, bool) { return emptyList, call == "/getMeetings" })
	p.waitFor("the claim to be closed", func() bool { return p.server("class") == "" })
	if n := p.ends(); n != 0 {
		t.Errorf("%d calls to end a meeting, want none", n)
	}
}
