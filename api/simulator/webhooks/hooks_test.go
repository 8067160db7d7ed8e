package webhooks_test

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
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

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator/callback"
	"github.com/bbbpool/bbbpool/api/simulator/webhooks"
)

const secret = bbb.Secret("the server's secret")

// house is hooks with a receiver, and a time that stands still.
type house struct {
	*webhooks.Hooks
	faults callback.Faults
	traces callback.Traces
	front  *httptest.Server

	mu   sync.Mutex
	now  time.Time
	got  []told
	code int // 200 where it is 0
}

// told is a request to the receiver.
type told struct{ target, auth, body string }

func newHouse(t *testing.T) *house {
	h := &house{now: time.UnixMilli(1_760_000_000_000)}
	h.front = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		h.mu.Lock()
		defer h.mu.Unlock()
		h.got = append(h.got, told{r.URL.String(), r.Header.Get("Authorization"), string(body)})
		if to := r.URL.Query().Get("to"); to != "" {
			http.Redirect(w, r, to, http.StatusTemporaryRedirect)
			return
		}
		if h.code != 0 {
			w.WriteHeader(h.code)
		}
	}))
	t.Cleanup(h.front.Close)
	h.Hooks = webhooks.New(webhooks.Options{
		Client: h.front.Client(), Report: func(error) {}, Secret: func() bbb.Secret { return secret },
		Faults: &h.faults, Traces: &h.traces, Domain: "bbb1.example",
		Now: func() time.Time {
			h.mu.Lock()
			defer h.mu.Unlock()
			return h.now
		},
	})
	return h
}

// pass lets time pass, sends what is due, and returns what came.
func (h *house) pass(t *testing.T, d time.Duration) []told {
	t.Helper()
	h.mu.Lock()
	h.now = h.now.Add(d)
	h.mu.Unlock()
	h.Deliver(t.Context())
	h.mu.Lock()
	defer h.mu.Unlock()
	got := h.got
	h.got = nil
	return got
}

// ask makes a signed call.
func (h *house) ask(call, query string) string {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/bigbluebutton/api/"+call+"?"+bbb.SHA256.Sign(call, query, secret), nil)
	h.Answer(call, w, r)
	return w.Body.String()
}

// hook makes a hook and returns its ID.
func (h *house) hook(t *testing.T, path, more string) string {
	t.Helper()
	answer := h.ask("hooks/create", "callbackURL="+url.QueryEscape(h.front.URL+path)+more)
	_, rest, ok := strings.Cut(answer, "<hookID>")
	id, _, _ := strings.Cut(rest, "<")
	if !ok || len(id) != 36 {
		t.Fatalf("create: %s", answer)
	}
	return id
}

func event(id, meeting string) webhooks.Event {
	return webhooks.Event{
		ID: id, Meeting: meeting, Mapped: json.RawMessage(`{"data":{"id":"` + id + `"}}`), Raw: json.RawMessage(`{"core":{}}`),
	}
}

// The calls answer in the words of bbb-webhooks, and are held to checksums under names with hooks/.
func TestAnswer(t *testing.T) {
	h := newHouse(t)
	if err := h.Configure(webhooks.Config{Permanent: []webhooks.Permanent{{URL: "https://stays.example/x", Raw: true}}}); err != nil {
		t.Fatal(err)
	}
	const permanent = "6913be35-db87-5364-9f9a-23b73e1758d8" // uuid5(NAMESPACE_URL, …) says Python
	id := h.hook(t, "/a?x=1", "&meetingID=room&eventID=Meeting-Ended,user-left&getRaw=false")
	list := h.ask("hooks/list", "")
	for _, want := range []string{
		"<callbackURL><![CDATA[https://stays.example/x]]></callbackURL><permanentHook>true</permanentHook><rawData>true</rawData>",
		"<hookID>" + id + "</hookID><callbackURL><![CDATA[" + h.front.URL + "/a?x=1]]></callbackURL><meetingID><![CDATA[room]]></meetingID>" +
			"<eventID>meeting-ended,user-left</eventID><permanentHook>false</permanentHook><rawData>false</rawData></hook>",
	} {
		if !strings.Contains(list, want) {
			t.Errorf("%s\nwant %s", list, want)
		}
	}
	own := h.All()[0].ID
	if own != permanent {
		t.Errorf("the permanent hook is %s", own)
	}
	for _, c := range []struct{ call, query, want string }{
		{"hooks/create", "callbackURL=" + url.QueryEscape(h.front.URL+"/a?x=1"), "<hookID>" + id + "</hookID><messageKey>duplicateWarning"},
		{"hooks/create", "", "missingParamCallbackURL"},
		{"hooks/create", "callbackURL=x&getRaw=maybe", "Internal Server Error"},
		{"hooks/list", "meetingID=other", "stays.example"},
		{"hooks/list", "meetingID=room", id},
		{"hooks/destroy", "", "missingParamHookID"},
		{"hooks/destroy", "hookID=" + own, "destroyMissingHook"},
		{"hooks/destroy", "hookID=none", "destroyMissingHook"},
		{"hooks/destroy", "hookID=" + id, "<returncode>SUCCESS</returncode><removed>true</removed>"},
		{"hooks/destroy", "hookID=" + id, "destroyMissingHook"},
	} {
		if got := h.ask(c.call, c.query); !strings.Contains(got, c.want) {
			t.Errorf("%s?%s: %s", c.call, c.query, got)
		}
	}
	if strings.Contains(h.ask("hooks/list", "meetingID=other"), "room") {
		t.Error("a hook of another meeting is listed")
	}
}

// Without a checksum there is a ping alone; without bbb-webhooks there is nothing.
func TestAnswer_Refused(t *testing.T) {
	h := newHouse(t)
	for _, c := range []struct {
		method, call, query, want string
		absent                    bool
	}{
		{http.MethodGet, "hooks/ping", "", "bbb-webhooks API up!", false},
		{http.MethodGet, "hooks/ping", "", "404", true},
		{http.MethodGet, "hooks/list", "checksum=" + strings.Repeat("0", 40), "You did not pass the checksum security check.", false},
		{http.MethodGet, "hooks/list", "", "checksumError", false},
		{http.MethodGet, "hooks/list", bbb.SHA1.Sign("list", "", secret), "checksumError", false},
		{http.MethodPost, "hooks/list", bbb.SHA1.Sign("hooks/list", "", secret), "404", false},
	} {
		if err := h.Configure(webhooks.Config{Absent: c.absent}); err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		h.Answer(c.call, w, httptest.NewRequest(c.method, "/bigbluebutton/api/"+c.call+"?"+c.query, nil))
		if got := w.Body.String(); !strings.Contains(got, c.want) {
			t.Errorf("%s %s: %s", c.method, c.call, got)
		}
	}
}

// A delivery is signed over URL, body and secret, in the order in which bbb-webhooks writes the body; with auth2_0 the secret goes
// along.
func TestDeliver_Signed(t *testing.T) {
	h := newHouse(t)
	h.hook(t, "/a?x=1", "")
	h.Emit(event("user-left", "room ~*"))
	const body = "domain=bbb1.example&event=%5B%7B%22data%22%3A%7B%22id%22%3A%22user-left%22%7D%7D%5D&timestamp=1760000000000"
	sum := sha1.Sum([]byte(h.front.URL + "/a?x=1" + body + string(secret)))
	got := h.pass(t, 0)
	if want := []told{{"/a?x=1&checksum=" + hex.EncodeToString(sum[:]), "", body}}; !slices.Equal(got, want) {
		t.Errorf("told %v, want %v", got, want)
	}
	if err := h.Configure(webhooks.Config{Algorithm: bbb.SHA256}); err != nil {
		t.Fatal(err)
	}
	h.Emit(event("user-left", ""))
	long := sha256.Sum256([]byte(h.front.URL + "/a?x=1" + body + string(secret)))
	if got := h.pass(t, 0); len(got) != 1 || got[0].target != "/a?x=1&checksum="+hex.EncodeToString(long[:]) {
		t.Errorf("told %v", got)
	}
	if err := h.Configure(webhooks.Config{Bearer: true}); err != nil {
		t.Fatal(err)
	}
	h.Emit(event("user-left", ""))
	if got := h.pass(t, 0); len(got) != 1 || got[0].target != "/a?x=1" || got[0].auth != "Bearer "+string(secret) {
		t.Errorf("told %v", got)
	}
	if err := h.Configure(webhooks.Config{Algorithm: "md5"}); err == nil {
		t.Error("md5 is accepted")
	}
}

// Who does not answer is told again after ever longer times, alike, and then forgotten; a permanent hook for ever. That an answer
// says 401 is enough, and where it sends elsewhere that is followed.
func TestDeliver_Schedule(t *testing.T) {
	h := newHouse(t)
	h.hook(t, "/a", "")
	if err := h.Configure(webhooks.Config{Permanent: []webhooks.Permanent{{URL: h.front.URL + "/p"}}}); err != nil {
		t.Fatal(err)
	}
	h.code = 503
	h.Emit(event("user-left", ""))
	first := h.pass(t, 0)
	for _, wait := range []float64{0.1, 0.5, 1, 2, 4, 8, 10, 30, 60, 60, 60, 60} {
		step := time.Duration(wait * float64(time.Second))
		if got := h.pass(t, step-time.Millisecond); len(got) != 0 {
			t.Errorf("told before %v were over: %v", step, got)
		}
		if got := h.pass(t, time.Millisecond); len(got) != 2 || !slices.Contains(got, first[0]) {
			t.Errorf("after %v told %v, first %v", step, got, first)
		}
	}
	if hooks := h.All(); len(hooks) != 1 || !hooks[0].Permanent || hooks[0].Waiting != 1 {
		t.Errorf("left %+v", hooks)
	}
	h.code = http.StatusUnauthorized
	if got := h.pass(t, time.Minute); len(got) != 1 || !strings.HasPrefix(got[0].target, "/p?") || h.Waiting() != 0 {
		t.Errorf("told %v, %d wait", got, h.Waiting())
	}
	h.hook(t, "/b?to=/c", "")
	h.Emit(event("user-left", ""))
	if got := h.pass(t, 0); len(got) != 3 || h.Waiting() != 0 {
		t.Errorf("sent elsewhere: %v", got)
	}
}

// Hooks hear of what they have asked for: all of it, some events, one meeting, raw.
func TestEmit_Filters(t *testing.T) {
	h := newHouse(t)
	for path, more := range map[string]string{
		"/all": "", "/some": "&eventID=user-left", "/room": "&meetingID=room", "/raw": "&getRaw=true", "/rawsome": "&getRaw=true&eventID=user-left",
	} {
		h.hook(t, path, more)
	}
	h.hook(t, "/roomtoo", "&meetingID=room") // bbb-webhooks finds one of a meeting
	for e, want := range map[[2]string][]string{
		{"user-left", "room"}: {"/all", "/raw", "/room", "/some"}, {"user-joined", "other"}: {"/all", "/raw"}, {"x", ""}: {"/all", "/raw"},
	} {
		h.Emit(event(e[0], e[1]))
		var got []string
		for _, one := range h.pass(t, 0) {
			path, _, _ := strings.Cut(one.target, "?")
			got = append(got, path)
			if strings.Contains(one.body, "core") != (path == "/raw") {
				t.Errorf("%s got %s", path, one.body)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%v went to %v, want %v", e, got, want)
		}
	}
}

// Deliveries go wrong on demand; what waits is lost in a restart, hooks are not.
func TestEmit_Faults(t *testing.T) {
	h := newHouse(t)
	h.hook(t, "/a", "")
	for _, c := range []struct {
		fault callback.Fault
		now   int // deliveries at once
		later int
	}{
		{callback.Fault{Kind: callback.Twice}, 2, 0},
		{callback.Fault{Kind: callback.Never, Callbacks: []callback.Kind{callback.KindHook}}, 0, 0},
		{callback.Fault{Kind: callback.Never, Callbacks: []callback.Kind{callback.KindEnd}}, 1, 0},
		{callback.Fault{Kind: callback.Late, Delay: time.Minute}, 0, 1},
		{callback.Fault{Kind: callback.Missigned, Callbacks: []callback.Kind{callback.KindHook}}, 1, 0},
	} {
		h.faults.Heal()
		if err := h.faults.Set(c.fault); err != nil {
			t.Fatal(err)
		}
		h.Emit(event("user-left", ""))
		now := h.pass(t, 0)
		if later := h.pass(t, time.Minute); len(now) != c.now || len(later) != c.later {
			t.Errorf("%v: %d at once and %d later", c.fault, len(now), len(later))
		}
		if c.now == 1 {
			sum := sha1.Sum([]byte(h.front.URL + "/a" + now[0].body + string(secret)))
			if right := strings.HasSuffix(now[0].target, hex.EncodeToString(sum[:])); right == (c.fault.Kind == callback.Missigned) {
				t.Errorf("%v: the checksum is right: %v", c.fault, right)
			}
		}
	}
	h.faults.Heal()
	h.Emit(event("user-left", ""))
	h.Forget()
	if got := h.pass(t, 0); len(got) != 0 || len(h.All()) != 1 {
		t.Errorf("told %v of %v", got, h.All())
	}
}
