package callback_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator/callback"
	"github.com/bbbpool/bbbpool/api/simulator/recorded"
	"github.com/bbbpool/bbbpool/api/simulator/rooms"
)

const secret = bbb.Secret("the server's secret")

var start = time.UnixMilli(1_760_000_000_000)

// front is a front end that keeps what it is told, and answers by path.
type front struct {
	*httptest.Server

	mu   sync.Mutex
	got  []told
	code map[string]int // by path; 200 where there is none

	hold func(path string) // blocks where a receiver hangs
	came chan string       // told of what is answered, where it is made
}

// nowhere is a client that reaches nobody.
func nowhere() *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("nobody is there")
	}}}
}

// told is a request to a front end.
type told struct {
	line, agent, kind, auth string
	body                    []byte
}

func newFront(t *testing.T) *front {
	f := &front{code: map[string]int{}}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if f.hold != nil {
			f.hold(r.URL.Path)
		}
		if f.came != nil {
			f.came <- r.Method + " " + r.URL.String()
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		h := r.Header
		f.got = append(f.got, told{r.Method + " " + r.URL.String(), h.Get("User-Agent"), h.Get("Content-Type"), h.Get("Authorization"), body})
		to := r.URL.Query().Get("to")
		if r.URL.Path == "/circle" {
			to = "/circle"
		}
		if to != "" {
			http.Redirect(w, r, to, http.StatusFound)
			return
		}
		if code := f.code[r.URL.Path]; code != 0 {
			w.WriteHeader(code)
		}
	}))
	t.Cleanup(f.Close)
	return f
}

// lines returns what was asked for since the last time.
func (f *front) lines() (lines []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, g := range f.got {
		lines = append(lines, g.line)
	}
	f.got = nil
	return lines
}

// over returns a meeting that has gone on for a minute and a half.
func over(t *testing.T, want rooms.Wanted) *rooms.Meeting {
	t.Helper()
	r := rooms.New(0, rooms.Hooks{Over: func(*rooms.Meeting, time.Time) {}, Taken: func(string) bool { return false }})
	if want.Room.Breakout {
		if _, _, failed := r.Admit(rooms.Wanted{ID: want.Room.Parent}, start); failed != nil {
			t.Fatal(failed)
		}
	}
	m, _, failed := r.Admit(want, start)
	if failed != nil {
		t.Fatal(failed)
	}
	r.End(m, start.Add(90*time.Second))
	return m
}

// outbox calls back by what time it is for a test.
func outbox(f *front, now func() time.Time, report func(error)) *callback.Outbox {
	return callback.New(callback.Options{
		Client: f.Client(), Now: now, Report: report, Faults: &callback.Faults{}, Traces: &callback.Traces{},
	})
}

// deliver sends callbacks at once, and returns what is wrong with them.
func deliver(t *testing.T, f *front, way callback.Way, list []callback.Callback) (problems []string) {
	t.Helper()
	var mu sync.Mutex
	out := outbox(f, func() time.Time { return start.Add(time.Hour) }, func(err error) {
		mu.Lock()
		defer mu.Unlock()
		problems = append(problems, err.Error())
	})
	out.SetWay(way)
	out.Add(list...)
	out.Deliver(t.Context())
	return problems
}

// An end is told in two ways, by old releases each twice; the metadata's address gets what the meeting was, behind what is in it. Nobody is
// told of a breakout room, or at an address that is none.
func TestEnded(t *testing.T) {
	f := newFront(t)
	for name, c := range map[string]struct {
		want  rooms.Wanted
		lines []string
	}{
		"both": {
			rooms.Wanted{ID: "a b&c", EndedURL: f.URL + "/ended?x=1", Metadata: rooms.Pairs{{Name: "endcallbackurl", Value: f.URL + "/end?y=2"}}},
			[]string{"GET /end?y=2&recordingmarks=false&meetingID=a+b%26c", "GET /ended?x=1"},
		},
		"recorded": {
			rooms.Wanted{ID: "room", Record: true, Metadata: rooms.Pairs{{Name: "endcallbackurl", Value: f.URL + "/end"}}},
			[]string{"GET /end?recordingmarks=true&meetingID=room"},
		},
		"breakout": {
			rooms.Wanted{ID: "x-1", EndedURL: f.URL + "/ended", Room: rooms.Room{Breakout: true, Parent: "parent", Sequence: 1}}, nil,
		},
		"no address":    {rooms.Wanted{ID: "room", EndedURL: "ftp://x", Metadata: rooms.Pairs{{Name: "endcallbackurl", Value: "::bad"}}}, nil},
		"not asked for": {rooms.Wanted{ID: "room"}, nil},
	} {
		for way, times := range map[callback.Way]int{callback.Single: 1, callback.Double: 2} {
			if problems := deliver(t, f, way, callback.Ended(over(t, c.want), start)); problems != nil {
				t.Errorf("%s: %v", name, problems)
			}
			var want []string
			for _, line := range c.lines {
				want = append(want, slices.Repeat([]string{line}, times)...)
			}
			if got := f.lines(); !slices.Equal(got, want) {
				t.Errorf("%s: told %v, want %v", name, got, want)
			}
		}
	}
}

// token takes a JSON Web Token apart and checks who has signed it.
func token(t *testing.T, text string, hash func() hash.Hash) (header, payload map[string]any) {
	t.Helper()
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		t.Fatalf("%q is no token", text)
	}
	mac := hmac.New(hash, []byte(secret))
	_, _ = io.WriteString(mac, parts[0]+"."+parts[1])
	if sum := base64.RawURLEncoding.EncodeToString(mac.Sum(nil)); sum != parts[2] {
		t.Errorf("signed %s, want %s", parts[2], sum)
	}
	for i, v := range []*map[string]any{&header, &payload} {
		b, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err == nil {
			err = json.Unmarshal(b, v)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return header, payload
}

// A recording that is ready is told once for each format, at the first address that its metadata has, signed.
func TestReady(t *testing.T) {
	f := newFront(t)
	m := over(t, rooms.Wanted{ID: "room", Record: true, Metadata: rooms.Pairs{
		{Name: "canvas-recording-ready-url", Value: f.URL + "/canvas"}, {Name: "bn-recording-ready-url", Value: f.URL + "/ready"},
	}})
	shelf := recorded.NewShelf([]string{"presentation", "video"}, 0)
	shelf.Add(m, start)
	r := shelf.Process(start)[0]
	if problems := deliver(t, f, callback.Single, callback.Ready(&r, secret, start)); problems != nil {
		t.Error(problems)
	}
	if len(f.got) != 2 {
		t.Fatalf("told %d times", len(f.got))
	}
	for _, g := range f.got {
		form, ok := bytes.CutPrefix(g.body, []byte("signed_parameters="))
		if g.line != "POST /ready" || g.kind != "application/x-www-form-urlencoded" || g.agent != "Mozilla" || !ok {
			t.Errorf("told %+v", g)
		}
		header, payload := token(t, string(form), sha256.New)
		if header["alg"] != "HS256" || fmt.Sprint(payload) != fmt.Sprint(map[string]any{"meeting_id": "room", "record_id": r.ID}) {
			t.Errorf("%v, %v", header, payload)
		}
	}
	r.Meta = rooms.Pairs{{Name: "bbb-recording-ready-url", Value: "mailto:x"}, {Name: "bn-recording-ready-url", Value: f.URL}}
	if list := callback.Ready(&r, secret, start); list != nil {
		t.Errorf("an address that is none: %v", list)
	}
}

// Who was there is told once, of meetings whose events were kept, with a token that expires.
func TestAnalytics(t *testing.T) {
	f := newFront(t)
	link := rooms.Pairs{{Name: "analytics-callback-url", Value: f.URL + "/who"}, {Name: "bbb-origin", Value: "Moodle"}}
	m := over(t, rooms.Wanted{ID: "room", Name: "Maths & <more>", KeepEvents: true, Metadata: link})
	if problems := deliver(t, f, callback.Single, callback.Analytics(m, secret, start)); problems != nil {
		t.Error(problems)
	}
	if len(f.got) != 1 {
		t.Fatalf("told %d times", len(f.got))
	}
	g := f.got[0]
	if g.line != "POST /who" || g.kind != "application/json" || g.agent != "BigBlueButton Analytics Callback" {
		t.Errorf("told %+v", g)
	}
	bearer, ok := strings.CutPrefix(g.auth, "Bearer ")
	header, payload := token(t, bearer, sha512.New)
	if !ok || header["alg"] != "HS512" || payload["exp"] != float64(start.Unix()+24*60*60) {
		t.Errorf("signed with %v, %v", header, payload)
	}
	var body struct {
		MeetingID string `json:"meeting_id"`
		Internal  string `json:"internal_meeting_id"`
		Data      struct {
			Metadata      map[string]string
			Duration      int
			Start, Finish string
		}
	}
	if err := json.Unmarshal(g.body, &body); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"is_breakout": "false", "meeting_name": "Maths & <more>", "bbb_origin": "Moodle", "analytics_callback_url": f.URL + "/who",
	}
	if body.MeetingID != "room" || body.Internal != m.Internal || fmt.Sprint(body.Data.Metadata) != fmt.Sprint(want) ||
		body.Data.Duration != 90 || body.Data.Start != "2025-10-09 08:53:20 +0000" || body.Data.Finish != "2025-10-09 08:54:50 +0000" {
		t.Errorf("told %s", g.body)
	}
	for name, want := range map[string]rooms.Wanted{
		"no events":  {ID: "room", Metadata: link},
		"no address": {ID: "room", KeepEvents: true},
	} {
		if list := callback.Analytics(over(t, want), secret, start); list != nil {
			t.Errorf("%s: %v", name, list)
		}
	}
}

// An end that cannot be told is tried again four times, ever later; what is posted is tried once. Errors say nothing of the
// address, which may hold secrets.
func TestOutbox_Retries(t *testing.T) {
	f := newFront(t)
	f.code["/end"], f.code["/ready"] = 500, 502
	now := start
	var problems []string
	out := outbox(f, func() time.Time { return now }, func(err error) { problems = append(problems, err.Error()) })
	out.Add(callback.Ended(over(t, rooms.Wanted{ID: "room", EndedURL: f.URL + "/end?key=hidden"}), now)...)
	var tries []time.Duration
	for ; now.Before(start.Add(time.Hour)); now = now.Add(10 * time.Second) {
		out.Deliver(t.Context())
		if len(f.lines()) > 0 {
			tries = append(tries, now.Sub(start))
		}
	}
	want := []time.Duration{0, 30 * time.Second, 90 * time.Second, 210 * time.Second, 510 * time.Second}
	if !slices.Equal(tries, want) || len(problems) != len(want) || out.Waiting() != 0 {
		t.Errorf("tried after %v, %d wait; %q", tries, out.Waiting(), problems)
	}
	if problems[0] != "callback: the receiver answered with 500" {
		t.Errorf("%q", problems[0])
	}

	problems = nil
	r := recorded.Recording{Formats: []recorded.Format{{Name: "video"}}, Meta: rooms.Pairs{{Name: "bbb-recording-ready-url", Value: f.URL + "/ready"}}}
	out.Add(callback.Ready(&r, secret, now)...)
	out.Deliver(t.Context())
	if len(f.lines()) != 1 || out.Waiting() != 0 || len(problems) != 1 {
		t.Errorf("what is posted waits: %d, %q", out.Waiting(), problems)
	}

	problems = nil
	f.Close()
	out.Add(callback.Ended(over(t, rooms.Wanted{ID: "room", EndedURL: f.URL + "/end?key=hidden"}), now)...)
	out.Deliver(t.Context())
	if len(problems) != 1 || strings.Contains(problems[0], "hidden") || out.Waiting() != 1 {
		t.Errorf("%q, %d wait", problems, out.Waiting())
	}
}

// Where an end leads old releases find out first and call then; only status 200 leads there. Others take any 2xx, and follow
// nobody. What is posted follows nobody either.
func TestOutbox_Redirects(t *testing.T) {
	f := newFront(t)
	f.code["/odd"] = 204
	for name, c := range map[string]struct {
		way   callback.Way
		path  string
		lines []string
		says  string
	}{
		"led on":      {callback.Double, "/a?to=/b", []string{"GET /a?to=/b", "GET /b", "GET /b"}, ""},
		"another 2xx": {callback.Double, "/odd", []string{"GET /odd"}, "callback: the receiver answered with 204"},
		"in a circle": {
			callback.Double, "/circle", slices.Repeat([]string{"GET /circle"}, 6), "callback: the receiver answered with 302",
		},
		"led on now":      {callback.Single, "/a?to=/b", []string{"GET /a?to=/b"}, "callback: the receiver answered with 302"},
		"another 2xx now": {callback.Single, "/odd", []string{"GET /odd"}, ""},
	} {
		problems := deliver(t, f, c.way, callback.Ended(over(t, rooms.Wanted{ID: "room", EndedURL: f.URL + c.path}), start))
		if got := f.lines(); !slices.Equal(got, c.lines) || strings.Join(problems, "; ") != c.says {
			t.Errorf("%s: told %v, %q", name, got, problems)
		}
	}
	r := recorded.Recording{Formats: []recorded.Format{{Name: "video"}}, Meta: rooms.Pairs{{Name: "bbb-recording-ready-url", Value: f.URL + "/a?to=/b"}}}
	problems := deliver(t, f, callback.Single, callback.Ready(&r, secret, start))
	if got := f.lines(); !slices.Equal(got, []string{"POST /a?to=/b"}) || len(problems) != 1 {
		t.Errorf("posted %v, %q", got, problems)
	}
}
