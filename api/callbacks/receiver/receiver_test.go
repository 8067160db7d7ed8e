package receiver_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/callbacks"
	"github.com/bbbpool/bbbpool/api/callbacks/address"
	"github.com/bbbpool/bbbpool/api/callbacks/analysis"
	"github.com/bbbpool/bbbpool/api/callbacks/receiver"
	"github.com/bbbpool/bbbpool/api/callbacks/signing"
	"github.com/bbbpool/bbbpool/store"
)

var monday = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

// world is all that a receiver asks and tells. It notes what it is told.
type world struct {
	mu      sync.Mutex
	said    []string
	stands  bool  // the meeting stands
	waits   bool  // an end waits for its marks
	err     error // of everything
	now     time.Time
	hold    chan struct{} // whoever comes waits for it, if there is one
	leading bool
	handOn  bool
}

func (w *world) say(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.said = append(w.said, fmt.Sprintf(format, args...))
}

func (w *world) heard() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	said := w.said
	w.said = nil
	return said
}

func (w *world) CalledBack(ctx context.Context, key store.MeetingKey, server string, _ time.Time) (bool, error) {
	w.say("ended %s %s on %s", key.Tenant, key.MeetingID, server)
	if w.hold != nil {
		select {
		case <-w.hold:
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
	return w.stands, w.err
}

func (w *world) Marked(_ context.Context, key store.MeetingKey, _ string, _ time.Time, marks bool) (bool, error) {
	w.say("marks of %s %t", key.MeetingID, marks)
	return w.stands, w.err
}

func (w *world) Complete(_ context.Context, p address.Place, marks bool) (bool, error) {
	w.say("late marks of %s %t", p.MeetingID, marks)
	return w.waits, w.err
}

func (w *world) Analytics(_ context.Context, p address.Place, body []byte) error {
	w.say("analytics of %s: %d bytes", p.MeetingID, len(body))
	return w.err
}

func (w *world) Server(_ context.Context, id string) (store.Server, error) {
	if id == "gone" {
		return store.Server{}, store.ErrNotFound
	}
	return store.Server{ID: id, Secret: "secret of " + store.Secret(id), Former: "former of " + store.Secret(id)}, nil
}

func (w *world) Leading() bool { return w.leading }

func (w *world) HandOn(rw http.ResponseWriter, r *http.Request, _ []byte) bool {
	w.say("handed on %s", r.Method)
	if w.handOn {
		_, _ = io.WriteString(rw, "by the leader")
	}
	return w.handOn
}

// called is a receiver in its world.
type called struct {
	*receiver.Receiver
	*world

	mux     *http.ServeMux
	metrics *metrics.Set
}

func open(t *testing.T) *called {
	t.Helper()
	seal, err := address.New(bytes.Repeat([]byte{7}, address.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{stands: true, now: monday}
	c := &called{world: w, mux: http.NewServeMux(), metrics: metrics.NewSet()}
	c.Receiver = &receiver.Receiver{
		Seal: seal, Ledger: w, Believer: w, Servers: w, Look: func(server string) { w.say("look at %s", server) },
		Verify: signing.VerifyBearer, Refused: func(err error) bool { return errors.Is(err, store.ErrFenced) },
		Now: func() time.Time { return w.now }, Log: zerolog.Nop(), Metrics: c.metrics,
	}
	c.Mount(c.mux)
	return c
}

// at is the address of a kind for a meeting on a server.
func (c *called) at(kind address.Kind, server string) string {
	return c.Seal.URL("", address.Place{
		Kind: kind, Server: server, MeetingKey: store.MeetingKey{Tenant: "a", MeetingID: "room"}, Placed: monday,
	})
}

// call makes a request and returns the status.
func (c *called) call(method, url string, body io.Reader, header ...string) int {
	r := httptest.NewRequest(method, url, body)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	c.mux.ServeHTTP(w, r)
	return w.Code
}

// outcomes are how calls went, as the metrics have it.
func (c *called) outcomes() string {
	var b bytes.Buffer
	c.metrics.WritePrometheus(&b)
	return b.String()
}

// want compares what came of a call.
func (c *called) want(t *testing.T, what string, got, status int, said ...string) {
	t.Helper()
	if heard := c.heard(); got != status || !slices.Equal(heard, said) {
		t.Errorf("%s: %d %q, want %d %q", what, got, heard, status, said)
	}
}

// An end that is the meeting's closes it. Every other is a reason to look, and no more.
func TestEnded(t *testing.T) {
	c := open(t)
	url := c.at(address.Ended, "bbb1")
	for _, method := range []string{"GET", "POST"} {
		c.want(t, method, c.call(method, url, nil), 200, "ended a room on bbb1")
	}
	c.want(t, "HEAD", c.call("HEAD", url, nil), 200)
	c.want(t, "PUT", c.call("PUT", url, nil), 405)
	c.stands = false
	c.want(t, "stale", c.call("GET", url+"?recordingmarks=true", nil), 200, "ended a room on bbb1", "look at bbb1")
	c.err = errors.New("the disk is full")
	c.want(t, "not written", c.call("GET", url, nil), 503, "ended a room on bbb1", "look at bbb1")
}

// What is no address of ours, or one of another kind, is told nothing, and counted.
func TestForeign(t *testing.T) {
	c := open(t)
	good := c.at(address.Ended, "bbb1")
	token := good[strings.LastIndexByte(good, '/')+1:]
	for _, path := range []string{
		"/callbacks/ended/x", "/callbacks/ended/" + token[:len(token)-2] + "AA", "/callbacks/end/" + token, "/callbacks/made-up/" + token,
		"/callbacks/ended/" + strings.Repeat("A", 8<<10), "/callbacks/analytics/" + token,
	} {
		c.want(t, path, c.call("GET", path, nil), 404)
	}
	c.want(t, "an event", c.call("POST", c.at(address.Event, "bbb1"), nil), 404)
	if text := c.outcomes(); !strings.Contains(text, `{kind="ended",outcome="unknown"} 3`) ||
		!strings.Contains(text, `{kind="other",outcome="unknown"} 1`) {
		t.Error(text)
	}
}

// The address that people can read tells of marks, and of nothing else, and not too often.
func TestMarks(t *testing.T) {
	c := open(t)
	url := c.at(address.Marks, "bbb1")
	c.want(t, "goes on", c.call("GET", url+"?recordingmarks=true&meetingID=x", nil), 200, "marks of room true")
	for _, query := range []string{"", "?recordingmarks=", "?recordingmarks=True", "?recordingmarks=1", "?x=%zz"} {
		c.want(t, query, c.call("GET", url+query, nil), 200)
	}
	c.want(t, "too often", c.call("GET", url+"?recordingmarks=true", nil), 429)
	c.stands = false
	c.now = monday.Add(time.Minute)
	c.want(t, "over", c.call("GET", url+"?recordingmarks=false", nil), 200, "marks of room false", "late marks of room false")
	c.err = store.ErrAway
	c.want(t, "away", c.call("GET", url+"?recordingmarks=false", nil), 503, "marks of room false")
}

// Whoever is in the meeting and calls its address all the time does not keep its server from being heard; many together are
// bounded, too.
func TestMarks_Flood(t *testing.T) {
	c := open(t)
	url := c.at(address.Marks, "bbb1") + "?recordingmarks=false"
	from := func(address string) int {
		r := httptest.NewRequest(http.MethodGet, url, nil)
		r.RemoteAddr = address
		w := httptest.NewRecorder()
		c.mux.ServeHTTP(w, r)
		return w.Code
	}
	for n := range 300 { // with all addresses of one network
		from(fmt.Sprintf("[2001:db8::%x]:4000", n+1))
		from("198.51.100.7:4000")
	}
	heard := len(c.heard())
	if status := from("192.0.2.1:9000"); heard != 12 || status != 200 {
		t.Errorf("heard %d of a flood, and the server is answered %d", heard, status)
	}
	for n := range 300 {
		from(fmt.Sprintf("203.0.113.%d:4000", n%250))
	}
	if heard := len(c.heard()); heard > 60 {
		t.Errorf("heard %d of many", heard)
	}
}

// What a server says of a recording is swallowed.
func TestReady(t *testing.T) {
	c := open(t)
	c.want(t, "ready", c.call("POST", c.at(address.Ready, "bbb1"), strings.NewReader("signed_parameters=x")), 200)
	c.want(t, "large", c.call("POST", c.at(address.Ready, "bbb1"), bytes.NewReader(make([]byte, 1<<20))), 200)
}

// bearer signs as a server does.
func bearer(t *testing.T, secret store.Secret, now time.Time) string {
	t.Helper()
	token, err := signing.Bearer(secret, "HS512", now)
	if err != nil {
		t.Fatal(err)
	}
	return "Bearer " + token
}

// Analytics are taken with the signature of the server of the address, by its present secret or the former one; all others are
// refused before their body is read, and the problem names the server.
func TestAnalytics(t *testing.T) {
	c := open(t)
	send := func(server, authorization string, body io.Reader) int {
		return c.call("POST", c.at(address.Analytics, server), body, "Authorization", authorization)
	}
	for _, secret := range []store.Secret{"secret of bbb1", "former of bbb1"} {
		c.want(t, secret.Reveal(), send("bbb1", bearer(t, secret, monday), strings.NewReader("{}")), 200, "analytics of room: 2 bytes")
	}
	for what, authorization := range map[string]string{
		"another server": bearer(t, "secret of bbb2", monday), "none": "", "no bearer": "Basic eDp5",
		"too old": bearer(t, "secret of bbb1", monday.Add(-48*time.Hour)), "the secret itself": "Bearer secret of bbb1",
	} {
		c.want(t, what, send("bbb1", authorization, unread{t}), 401)
	}
	c.want(t, "a server that has left", send("gone", bearer(t, "secret of gone", monday), unread{t}), 401)
	if list := c.Problems(t.Context()); len(list) != 2 || !strings.Contains(list[0].Text, "bbb1") || list[1].Subject.ID != "gone" {
		t.Errorf("%+v", list)
	}
	good := bearer(t, "secret of bbb1", monday)
	large := io.MultiReader(bytes.NewReader(make([]byte, 20<<20)), strings.NewReader("!"))
	c.want(t, "too large", send("bbb1", good, large), 413)
	c.want(t, "just not", send("bbb1", good, io.MultiReader(bytes.NewReader(make([]byte, 20<<20)))), 200, "analytics of room: 20971520 bytes")
	for err, status := range map[error]int{
		analysis.ErrMalformed: 400, callbacks.ErrUnknown: 404, callbacks.ErrForeign: 404, store.ErrAway: 503,
	} {
		c.err = err
		c.want(t, err.Error(), send("bbb1", good, strings.NewReader("{}")), status, "analytics of room: 2 bytes")
	}
	if list := c.Problems(t.Context()); len(list) != 1 {
		t.Errorf("%+v", list)
	}
	c.now = monday.Add(25 * time.Hour)
	if list := c.Problems(t.Context()); len(list) != 0 {
		t.Errorf("%+v", list)
	}
}

// unread is a body that must not be read.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body is read")
	return 0, io.EOF
}

// What the leader decides it is asked for, and where there is none the server may call again.
func TestElsewhere(t *testing.T) {
	c := open(t)
	c.Elsewhere = c.world
	for _, url := range []string{c.at(address.Ended, "bbb1"), c.at(address.Marks, "bbb1") + "?recordingmarks=true"} {
		c.handOn = true
		c.want(t, url, c.call("GET", url, nil), 200, "handed on GET")
		c.handOn = false
		c.want(t, url, c.call("GET", url, nil), 503, "handed on GET")
	}
	good := bearer(t, "secret of bbb1", monday)
	c.want(t, "analytics", c.call("POST", c.at(address.Analytics, "bbb1"), strings.NewReader("{}"), "Authorization", good), 200,
		"analytics of room: 2 bytes")
	c.leading = true
	c.want(t, "leading", c.call("GET", c.at(address.Ended, "bbb1"), nil), 200, "ended a room on bbb1")
}

// A server that fills its lane keeps no other waiting.
func TestLanes(t *testing.T) {
	c := open(t)
	c.hold = make(chan struct{})
	var group sync.WaitGroup
	for range 40 {
		group.Go(func() { c.call("GET", c.at(address.Ended, "bbb1"), nil) })
	}
	group.Go(func() {
		if status := c.call("GET", c.at(address.Ended, "bbb2"), nil); status != http.StatusOK {
			t.Errorf("status %d", status)
		}
	})
	for !slices.Contains(c.copied(), "ended a room on bbb2") {
		if t.Context().Err() != nil {
			t.Fatal("it never comes")
		}
		time.Sleep(time.Millisecond)
	}
	if n := len(c.copied()); n > 9 {
		t.Errorf("%d at once", n)
	}
	close(c.hold)
	group.Wait()
}

// A server whose analytics come slowly, however many it begins, leaves room for those of others.
func TestAnalytics_Slow(t *testing.T) {
	c := open(t)
	var group sync.WaitGroup
	var writers []*io.PipeWriter
	read := make(chan struct{}, 10)
	for range 10 {
		body, w := io.Pipe()
		writers = append(writers, w)
		group.Go(func() {
			c.call("POST", c.at(address.Analytics, "bbb1"), body, "Authorization", bearer(t, "secret of bbb1", monday))
		})
		go func() {
			_, _ = w.Write([]byte("{"))
			read <- struct{}{}
		}()
	}
	<-read
	<-read // two are at it
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	r := httptest.NewRequestWithContext(ctx, "POST", c.at(address.Analytics, "bbb2"), io.MultiReader(strings.NewReader("{}")))
	r.Header.Set("Authorization", bearer(t, "secret of bbb2", monday))
	w := httptest.NewRecorder()
	c.mux.ServeHTTP(w, r)
	if n := len(read); w.Code != http.StatusOK || n > 0 {
		t.Errorf("status %d, and %d more bodies of the other are read", w.Code, n)
	}
	for _, w := range writers {
		_ = w.Close()
	}
	group.Wait()
}

func (w *world) copied() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.said)
}

// Whoever wants to know whether servers reach us is told that this is us.
func TestPing(t *testing.T) {
	c := open(t)
	w := httptest.NewRecorder()
	c.mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, receiver.PingPath, nil))
	if w.Code != http.StatusOK || w.Body.String() != "bbbpool\n" || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") {
		t.Errorf("%d %q %v", w.Code, w.Body, w.Header())
	}
}
