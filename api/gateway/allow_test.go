package gateway_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/store"
)

// raw makes a call at a path as it stands, signed under the name that the path has for us.
func (p *pool) raw(method, path, name, query string) (status int, body string) {
	p.tb.Helper()
	req, err := http.NewRequestWithContext(p.tb.Context(), method,
		p.http.URL+path+"?"+bbb.SHA256.Sign(name, query, secret), nil)
	if err != nil {
		p.tb.Fatal(err)
	}
	resp, err := p.client.Do(req)
	if err != nil {
		p.tb.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		p.tb.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// others are the calls that reached a server, beside those that the pool makes for itself and the create of the meeting.
func (f *front) others() (calls []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for call := range f.calls {
		if call != "" && call != "/getMeetings" && call != "/getRecordings" && call != "/create" {
			calls = append(calls, call)
		}
	}
	return calls
}

// Only what can be a call of a front end's is signed for a server, even about a live meeting and with a valid checksum:
// not the browser's own calls, not webhooks, not what the pool answers itself, in whatever case, nor what has not the
// shape of a call.
func TestGateway_SignsAllowedCallsAlone(t *testing.T) {
	var f front
	p := start(t, settings{servers: 1, poll: time.Hour, server: func(s *store.Server) { f.before(t, s) }})
	p.create("room")
	names := []string{
		"Hooks/destroy", "hooks/other", "hooks", "HOOKS",
		"getJoinUrl", "getJoinURL", "GETJOINURL", "learningDashboard", "LearningDashboard", "stuns", "Stuns", "feedback",
		"signOut", "signout", "enter", "Enter", "guestWait", "guestwait", "guestWaitHandler", "getsessions",
		"configXML", "setConfigXML", "getDefaultConfigXML", "checkRecording", "index",
		"Create", "CREATE", "Join", "END", "End", "GetMeetings", "getmeetings", "getmeetinginfo", "GetRecordings",
		"deleterecordings", "insertdocument", "SendChatMessage", "GetRecordingTextTracks", "putrecordingtexttrack",
		"textTrack/validateAuthToken", "presentation/upload", "presentation/checkPresentation", "presentation",
		"connection/checkGraphqlAuthorization", "graphql", "rest/clientSettings", "fsapi", "analytics_callback",
		"new_call", "new-call", "call2", "NewCall", "n", strings.Repeat("n", 41), "newCall/sub", "éa",
	}
	for _, name := range names {
		for _, path := range []string{"/bigbluebutton/api/", "/bigbluebutton/"} {
			if name == "éa" {
				path += "%C3%A9a"
			} else {
				path += name
			}
			status, body := p.raw(http.MethodGet, path, name, "meetingID=room")
			if status != wanted(name) || !strings.Contains(body, "unsupportedRequest") {
				t.Errorf("%s: status %d, %s", path, status, body)
			}
		}
	}
	for path, name := range map[string]string{
		"/bigbluebutton/api/..%2Fpresentation":        "../presentation",
		"/bigbluebutton/api/newCall%2F..":             "newCall/..",
		"/bigbluebutton/api/newCall%00":               "newCall\x00",
		"/bigbluebutton/api/newCall%3Fx":              "newCall?x",
		"/bigbluebutton/api/newCall;x=1":              "newCall;x=1",
		"/bigbluebutton/api/newCall%20":               "newCall ",
		"/bigbluebutton/api/api/api/newCall":          "api/newCall",
		"/bigbluebutton/api/api%2Fnew%2FCall":         "new/Call",
		"/bigbluebutton/presentation%2Fupload":        "presentation/upload",
		"/bigbluebutton/api/newCall%2F%2F":            "newCall",
		"/bigbluebutton/api/%2FnewCall":               "newCall",
		"/bigbluebutton/api/newCall%0d%0aX-Evil:%201": "newCall\r\nX-Evil: 1",
	} {
		if status, body := p.raw(http.MethodGet, path, name, "meetingID=room"); status != http.StatusOK && status != http.StatusNotFound ||
			!strings.Contains(body, "unsupportedRequest") {
			t.Errorf("%s: status %d, %s", path, status, body)
		}
	}
	// Webhooks are the pool's own, however they are asked for: no server hears of them.
	for path, name := range map[string]string{
		"/bigbluebutton/api/hooks/destroy":   "hooks/destroy",
		"/bigbluebutton/hooks/destroy":       "hooks/destroy",
		"/bigbluebutton/api/hooks%2Fdestroy": "hooks/destroy",
		"/bigbluebutton/api/%68ooks/destroy": "hooks/destroy",
	} {
		if _, body := p.raw(http.MethodGet, path, name, "meetingID=room"); !strings.Contains(body, "missingParamHookID") {
			t.Errorf("%s: %s", path, body)
		}
	}
	// What net/http's own rules clean up is sent to the clean address, and goes nowhere else.
	for _, path := range []string{"/bigbluebutton/api/../presentation/upload", "/bigbluebutton//presentation//upload"} {
		if status, body := p.raw(http.MethodGet, path, "presentation/upload", "meetingID=room"); status/100 == 2 &&
			!strings.Contains(body, "unsupportedRequest") {
			t.Errorf("%s: status %d, %s", path, status, body)
		}
	}
	if calls := f.others(); len(calls) > 0 {
		t.Errorf("the server was asked for %q", calls)
	}
}

// wanted is the status of an answer that refuses a call: what has more segments than a call has is not of the API at all.
func wanted(name string) int {
	if strings.Contains(name, "/") && !strings.HasPrefix(strings.ToLower(name), "hooks/") {
		return http.StatusNotFound
	}
	return http.StatusOK
}

// Calls are found at all the addresses that front ends make of the URL that they were given, and the calls of tomorrow
// reach the server that has the meeting.
func TestGateway_CallsAreFound(t *testing.T) {
	var f front
	p := start(t, settings{servers: 1, poll: time.Hour, server: func(s *store.Server) { f.before(t, s) }})
	p.create("room")
	for _, path := range []string{
		"/bigbluebutton/api/getMeetingInfo", "/bigbluebutton/getMeetingInfo", "/bigbluebutton/api/api/getMeetingInfo",
		"/bigbluebutton/api/getMeetingInfo/", "/bigbluebutton/api/%67etMeetingInfo",
	} {
		if _, body := p.raw(http.MethodGet, path, "getMeetingInfo", "meetingID=room"); !strings.Contains(body, "SUCCESS") {
			t.Errorf("%s: %s", path, body)
		}
	}
	for _, path := range []string{
		"/bigbluebutton/api", "/bigbluebutton/api/", "/bigbluebutton", "/bigbluebutton/", "/bigbluebutton/api/api",
	} {
		if _, body := p.raw(http.MethodGet, path, "", ""); !strings.Contains(body, "<version>2.0</version>") {
			t.Errorf("%s: %s", path, body)
		}
	}
	p.raw(http.MethodGet, "/bigbluebutton/api/newCall", "newCall", "meetingID=room")
	p.raw(http.MethodPost, "/bigbluebutton/api/setLayoutOfRoom", "setLayoutOfRoom", "meetingID=room")
	if f.count("/newCall") != 1 || f.count("/setLayoutOfRoom") != 1 {
		t.Errorf("the server was asked for %q", f.others())
	}
}

// Webhooks are for front ends alone: whoever has no secret neither makes nor sees any.
func TestGateway_WebhooksOfNobody(t *testing.T) {
	p := start(t, settings{servers: 1})
	for _, name := range []string{"hooks/create", "hooks/list", "hooks/destroy"} {
		if status, body := p.raw(http.MethodGet, "/bigbluebutton/api/"+name, "wrong", ""); status != http.StatusOK ||
			!strings.Contains(body, "checksumError") {
			t.Errorf("%s of nobody: %s", name, body)
		}
	}
}
