package frame_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/admin/access"
	"github.com/bbbpool/bbbpool/api/admin/frame"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/store"
)

// unasked is what nobody asks an audit log here.
type unasked = store.Audits

// audits keeps what was written to the audit log.
type audits struct {
	unasked
	last store.Audit
}

func (a *audits) AddAudit(_ context.Context, entry store.Audit) error {
	a.last = entry
	return nil
}

// leader is the instance that decides, as a follower reaches it; with nil nobody does.
type leader struct {
	handler http.Handler
	leading bool
}

func (l *leader) Leading() bool { return l.leading }

func (l *leader) HandOn(w http.ResponseWriter, r *http.Request, body []byte) bool {
	if l.handler == nil {
		return false
	}
	there := httptest.NewRequestWithContext(r.Context(), r.Method, r.URL.String(), strings.NewReader(string(body)))
	there.Header = r.Header.Clone()
	there.RemoteAddr = "10.9.9.9:1" // the follower's
	l.handler.ServeHTTP(w, there)
	return true
}

// routes are a change, and what every instance tells of itself.
func routes(name string) frame.Routes {
	return frame.Routes{
		"POST /servers": frame.Whole(func(r *http.Request) (any, error) {
			var body struct{ Text string }
			err := frame.Read(r, &body)
			return frame.Changed{Answer: name + " " + body.Text, Action: "add"}, err
		}, access.Operate),
		"GET /instances": frame.Whole(func(*http.Request) (any, error) { return name, nil }, access.Read),
	}
}

// two are a leader and a follower with one token.
func two(t *testing.T) (follower *frame.Frame, e *frame.Elsewhere, l *leader, kept *audits) {
	t.Helper()
	kept = &audits{}
	newFrame := func() *frame.Frame {
		log := &access.Log{Store: kept, Now: time.Now, Log: zerolog.Nop()}
		return &frame.Frame{Token: "right", Audit: log, Now: time.Now, Log: zerolog.Nop()}
	}
	l = &leader{handler: (&frame.Elsewhere{Leader: &leader{leading: true}}).Here(newFrame().Handed(routes("leader")))}
	return newFrame(), &frame.Elsewhere{Leader: l, ID: "b"}, l, kept
}

// send sends a request and returns status and body.
func send(t *testing.T, h http.Handler, method, path, body string, header ...string) (int, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "/api/v1"+path, strings.NewReader(body))
	r.RemoteAddr = "192.0.2.7:4711"
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, strings.TrimSpace(w.Body.String())
}

func TestElsewhere(t *testing.T) {
	f, e, l, kept := two(t)
	network, socket := e.Over(f.Guarded(routes("follower"))), e.OverTrusted(f.Trusted(routes("follower")))
	text, token := `{"Text":"bbb1"}`, []string{"Authorization", "Bearer right"}
	forged := []string{"Bbbpool-User", `{"uid":0,"name":"root","instance":"a"}`, "Bbbpool-From", "203.0.113.1"}

	if code, body := send(t, network, "POST", "/servers", text, token...); code != 200 || body != `"leader bbb1"` {
		t.Errorf("a change: %d %s", code, body)
	}
	if kept.last.Who != "token admin" || kept.last.From != "192.0.2.7" {
		t.Errorf("the audit log says %q from %q", kept.last.Who, kept.last.From)
	}
	if code, body := send(t, network, "POST", "/servers", text, forged...); code != http.StatusUnauthorized {
		t.Errorf("a caller who says to be a user of another machine: %d %s", code, body)
	}
	send(t, network, "POST", "/servers", text, append(forged, token...)...)
	if kept.last.Who != "token admin" || kept.last.From != "192.0.2.7" {
		t.Errorf("a caller has said to be somebody else, and the audit log says %q from %q", kept.last.Who, kept.last.From)
	}

	if code, body := send(t, socket, "POST", "/servers", text, forged...); code != 200 || body != `"leader bbb1"` {
		t.Errorf("a change on the socket: %d %s", code, body)
	}
	who := kept.last.Who
	if !strings.HasSuffix(who, " at instance b") || !strings.Contains(who, strconv.Itoa(os.Getuid())) {
		t.Errorf("the audit log says %q, want the user and its machine", who)
	}

	if code, body := send(t, network, "GET", "/instances", "", token...); code != 200 || body != `"follower"` {
		t.Errorf("what is about the instance: %d %s", code, body)
	}
	l.leading = true
	if code, body := send(t, network, "POST", "/servers", text, token...); code != 200 || body != `"follower bbb1"` {
		t.Errorf("once it decides itself: %d %s", code, body)
	}
}

// While nobody that decides can be reached, what an instance has last heard can be looked at, marked as that. Nothing is changed.
func TestElsewhere_Heard(t *testing.T) {
	f, e, l, _ := two(t)
	all := routes("follower")
	for _, path := range []string{"/status", "/servers", "/servers/{id}", "/servers/{id}/script", "/audit"} {
		all["GET "+path] = frame.Whole(func(*http.Request) (any, error) { return "heard", nil }, access.Read)
	}
	h := e.Over(f.Guarded(all))
	l.handler = nil
	for _, why := range []string{"", "Redis is away\r\nX: y \u00e4" + strings.Repeat("x", 1000)} {
		e.Why = func() string { return why }
		for _, c := range []struct {
			method, path string
			heard        bool
		}{
			{"GET", "/status", true},
			{"GET", "/servers", true},
			{"GET", "/servers/bbb1", true},
			{"GET", "/servers/bbb1/script", false},
			{"GET", "/audit", false},
			{"POST", "/servers", false},
		} {
			r := httptest.NewRequestWithContext(t.Context(), c.method, "/api/v1"+c.path, strings.NewReader("{}"))
			r.Header.Set("Authorization", "Bearer right")
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			mark := w.Header().Get(v1.HeardHeader)
			if heard := w.Code == http.StatusOK; heard != c.heard || (mark != "") != c.heard || strings.ContainsAny(mark, "\r\n\u00e4") || len(mark) > 400 {
				t.Errorf("%s %s: %d, marked %q", c.method, c.path, w.Code, mark)
			}
		}
	}
	if code, _ := send(t, h, "GET", "/status", ""); code != http.StatusUnauthorized {
		t.Errorf("without a token: %d", code)
	}
}

// Where nobody decides that can be reached, that is said, and nothing is done here.
func TestElsewhere_NoLeader(t *testing.T) {
	f, e, l, kept := two(t)
	network := e.Over(f.Guarded(routes("follower")))
	l.handler = nil
	if code, body := send(t, network, "POST", "/servers", "{}"); code != http.StatusServiceUnavailable || !strings.Contains(body, "no-leader") {
		t.Errorf("without a leader: %d %s", code, body)
	}
	former := (&frame.Elsewhere{Leader: &leader{}}).Here(f.Handed(routes("former")))
	if code, body := send(t, former, "POST", "/servers", "{}", "Bbbpool-User", `{"uid":0,"instance":"b"}`); code != http.StatusServiceUnavailable {
		t.Errorf("an instance that does not decide any more: %d %s", code, body)
	}
	if code, _ := send(t, network, "POST", "/servers", strings.Repeat(" ", 33<<20)); code != http.StatusRequestEntityTooLarge {
		t.Errorf("a body without end: %d", code)
	}
	if kept.last.Who != "" {
		t.Errorf("the audit log has %+v", kept.last)
	}
	var none *frame.Elsewhere
	if code, body := send(t, none.OverTrusted(f.Trusted(routes("only"))), "POST", "/servers", "{}"); code != 200 || body != `"only "` {
		t.Errorf("the only instance: %d %s", code, body)
	}
}
