package relay_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/instances/relay"
	"github.com/bbbpool/bbbpool/store"
)

// leaders is who leads, as a test says.
type leaders struct {
	mu      sync.Mutex
	id      string
	lease   store.Lease
	changed chan struct{}
}

func (l *leaders) Leader() (store.Lease, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lease, l.changed
}

func (l *leaders) Leading() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lease.Holder == l.id
}

func (l *leaders) set(lease store.Lease) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lease = lease
	close(l.changed)
	l.changed = make(chan struct{})
}

// instance is one of several.
type instance struct {
	*relay.Relay

	leaders *leaders
	lease   store.Lease
	server  *httptest.Server
}

// start starts an instance with what answers there while it leads.
func start(t *testing.T, id string, here http.HandlerFunc) *instance {
	t.Helper()
	l := &leaders{id: id, changed: make(chan struct{})}
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	i := &instance{leaders: l, Relay: &relay.Relay{
		ID: id, Leaders: l, Client: transport, Here: here, Wait: 10 * time.Second, Log: zerolog.Nop(),
	}}
	i.server = httptest.NewTLSServer(i)
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		i.server.Close()
	})
	i.lease = store.Lease{Holder: id, Address: i.server.Listener.Addr().String(), Epoch: 1}
	return i
}

// lead makes one the leader for all.
func lead(lease store.Lease, all ...*instance) {
	for _, i := range all {
		i.leaders.set(lease)
	}
}

// handOn has an instance hand on a request, and returns what was answered.
func (i *instance) handOn(t *testing.T, method, uri, body string) (*httptest.ResponseRecorder, bool) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, uri, nil)
	r.RemoteAddr = "192.0.2.7:4711"
	r.Header.Set("X-Forwarded-Proto", "https")
	r.Header.Set("Connection", "close, X-Hop")
	r.Header.Set("X-Hop", "x")
	r.Header.Set("Bbbpool-Uri", "/forged")
	r.Header.Set("Bbbpool-Request", "id")
	w := httptest.NewRecorder()
	return w, i.HandOn(w, r, []byte(body))
}

// The leader sees a request as it came in, and its answer comes back as it was.
func TestHandOn(t *testing.T) {
	a := start(t, "a", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		h := r.Header
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(http.StatusTeapot)
		_, _ = fmt.Fprintln(w, r.Method, r.URL.String(), r.RequestURI, r.Host, r.RemoteAddr, r.TLS != nil, relay.Handed(r), string(body),
			h.Get("X-Forwarded-Proto"), h.Get("X-Hop"), h.Get("Bbbpool-Uri"), h.Get("Bbbpool-Request"), h.Get("User-Agent"))
	})
	b := start(t, "b", nil)
	lead(a.lease, a, b)
	w, ok := b.handOn(t, "POST", "http://pool.example.edu/bigbluebutton/api/create?name=a%2Fb&x=%20", "<modules/>")
	uri := "/bigbluebutton/api/create?name=a%2Fb&x=%20"
	want := "POST " + uri + " " + uri + " pool.example.edu 192.0.2.7:4711 false true <modules/> https   id \n"
	if got := w.Body.String(); !ok || w.Code != http.StatusTeapot || w.Header().Get("Content-Type") != "text/xml" || got != want {
		t.Errorf("%d %v\n%q, want\n%q", w.Code, ok, got, want)
	}
	if n, _, _ := b.Counts(); n != 1 {
		t.Errorf("%d were handed on", n)
	}
}

// An answer comes through in pieces, as it is written.
func TestHandOn_Pieces(t *testing.T) {
	next := make(chan bool)
	a := start(t, "a", func(w http.ResponseWriter, _ *http.Request) {
		for range 3 {
			_, _ = io.WriteString(w, "piece\n")
			_ = http.NewResponseController(w).Flush()
			<-next
		}
		panic(http.ErrAbortHandler)
	})
	b := start(t, "b", nil)
	lead(a.lease, a, b)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { b.HandOn(w, r, nil) }))
	defer front.Close()
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, front.URL+"/api/v1/x", nil)
	resp, err := front.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	piece := make([]byte, 6)
	for range 3 {
		if _, err := io.ReadFull(resp.Body, piece); err != nil {
			t.Fatal(err)
		}
		next <- true
	}
	if _, err := io.ReadAll(resp.Body); err == nil {
		t.Error("an answer that broke off has an end")
	}
}

// dying has a leader hang in the middle of a request until the test lets it go.
func dying(t *testing.T) (a *instance, got chan string) {
	got = make(chan string, 10)
	hang, done := context.WithCancel(context.WithoutCancel(t.Context()))
	a = start(t, "a", func(_ http.ResponseWriter, r *http.Request) {
		got <- r.URL.Path
		select {
		case <-hang.Done():
		case <-r.Context().Done():
		}
	})
	t.Cleanup(done)
	return a, got
}

// What may be repeated goes to the next leader when the one that it was sent to hangs or dies; what may not does not.
func TestHandOn_LeaderGone(t *testing.T) {
	for _, c := range []struct {
		method, uri string
		again       bool
	}{
		{"GET", "/bigbluebutton/api/create?x=1", true},
		{"POST", "/bigbluebutton/api/create", true},
		{"POST", "/bigbluebutton/api/end", true},
		{"GET", "/api/v1/servers", true},
		{"GET", "/bigbluebutton/api/getMeetings", true},
		{"GET", "/bigbluebutton/api/sendChatMessage", false},
		{"POST", "/api/v1/servers", false},
		{"DELETE", "/api/v1/servers/a", false},
		{"POST", "/api/v1/x/create", false},
	} {
		for _, way := range []string{"hangs", "dies"} {
			a, got := dying(t)
			second := start(t, "c", func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.WriteString(w, "second "+r.Header.Get("Bbbpool-Request"))
			})
			b := start(t, "b", nil)
			lead(a.lease, a, b)
			go func() {
				<-got
				if way == "dies" {
					a.server.CloseClientConnections()
				}
				lead(second.lease, second, b)
			}()
			w, ok := b.handOn(t, c.method, c.uri, "")
			if ok != c.again || c.again && w.Body.String() != "second id" {
				t.Errorf("%s %s, the leader %s: %v %d %q", c.method, c.uri, way, ok, w.Code, w.Body)
			}
		}
	}
}

// A leader that cannot be reached has got nothing: anything may go to the next one. So may what one refuses that does not lead.
func TestHandOn_Refused(t *testing.T) {
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := store.Lease{Holder: "x", Address: l.Addr().String(), Epoch: 1}
	_ = l.Close()
	former := start(t, "a", func(http.ResponseWriter, *http.Request) { t.Error("it answers and does not lead") })
	for _, first := range []store.Lease{nobody, former.lease} {
		c := start(t, "c", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "second") })
		b := start(t, "b", nil)
		lead(first, b)
		b.Client = &succession{RoundTripper: b.Client, succeed: func() { lead(c.lease, c, b) }}
		if w, ok := b.handOn(t, "POST", "/api/v1/servers", "{}"); !ok || w.Body.String() != "second" {
			t.Errorf("%v %q", ok, w.Body)
		}
	}
}

// succession has another leader come once the first request is over, and not while that is under way: then it would not be
// known whether the one before had it.
type succession struct {
	http.RoundTripper

	once    sync.Once
	succeed func()
}

func (s *succession) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := s.RoundTripper.RoundTrip(r)
	if err != nil {
		s.once.Do(s.succeed) // nothing was sent
		return nil, err
	}
	resp.Body = &over{ReadCloser: resp.Body, succession: s}
	return resp, nil
}

// over is the body of an answer: it is over when that is closed.
type over struct {
	io.ReadCloser

	succession *succession
}

func (o *over) Close() error {
	o.succession.once.Do(o.succession.succeed)
	return o.ReadCloser.Close()
}

// One that loses the lead in the middle of a call says so, and the next leader is asked, and told that it may be done.
func TestHandOn_CeasedToLead(t *testing.T) {
	b := start(t, "b", nil)
	c := start(t, "c", func(w http.ResponseWriter, r *http.Request) {
		if since, err := time.ParseDuration(r.Header.Get("Bbbpool-Again")); err == nil && since > 0 {
			_, _ = io.WriteString(w, "second")
		}
	})
	var status int
	a := start(t, "a", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Bbbpool-Again") == "" { // it is the first to be asked
			time.AfterFunc(20*time.Millisecond, func() { lead(c.lease, b, c) })
		}
		w.Header().Set("Bbbpool-Message-Key", "poolUnavailable")
		w.Header().Set("Bbbpool-Again", "perhaps")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "FAILED")
	})
	for _, status = range []int{http.StatusOK, relay.NotLeader} {
		lead(a.lease, a, b)
		if w, ok := b.handOn(t, "GET", "/bigbluebutton/api/create", ""); !ok || w.Body.String() != "second" {
			t.Errorf("%d: %v %q", status, ok, w.Body)
		}
	}
}

// Without a leader a request waits, and then was not answered. One that has come to lead itself meanwhile answers it.
func TestHandOn_NoLeader(t *testing.T) {
	b := start(t, "b", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = fmt.Fprintf(w, "own %s %v", body, relay.Handed(r))
	})
	b.Wait = 20 * time.Millisecond
	if w, ok := b.handOn(t, "GET", "/bigbluebutton/api/create", ""); ok || w.Body.Len() > 0 {
		t.Errorf("%v %q", ok, w.Body)
	}
	if _, _, n := b.Counts(); n != 1 {
		t.Errorf("%d found no leader", n)
	}
	b.Wait = 10 * time.Second
	time.AfterFunc(20*time.Millisecond, func() { lead(b.lease, b) })
	if w, ok := b.handOn(t, "GET", "/bigbluebutton/api/create", "body"); !ok || w.Body.String() != "own body true" {
		t.Errorf("%v %q", ok, w.Body)
	}
}

// What was handed on is not handed on again, and what no instance sends is not taken.
func TestServeHTTP(t *testing.T) {
	var a *instance
	a = start(t, "a", func(w http.ResponseWriter, r *http.Request) {
		lead(store.Lease{Holder: "b", Address: "127.0.0.1:1"}, a)
		a.HandOn(w, r, nil)
	})
	b := start(t, "b", nil)
	b.Wait = 100 * time.Millisecond
	lead(a.lease, a, b)
	if _, ok := b.handOn(t, "GET", "/x", ""); ok {
		t.Error("somebody has answered")
	}
	lead(a.lease, a)
	for _, uri := range []string{"", "x", "http://x/y", "*"} {
		w, r := httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), "GET", relay.Path, strings.NewReader(""))
		r.Header.Set("Bbbpool-Uri", uri)
		if a.ServeHTTP(w, r); w.Code != http.StatusBadRequest {
			t.Errorf("%q: %d", uri, w.Code)
		}
	}
}

// What who hands it on may have done itself is marked for the first leader already, with the time since that one got it, and it goes
// to one leader less.
func TestHandOn_TriedBefore(t *testing.T) {
	got := make(chan time.Duration, 1)
	a := start(t, "a", func(_ http.ResponseWriter, r *http.Request) {
		since, _ := time.ParseDuration(r.Header.Get("Bbbpool-Again"))
		got <- since
	})
	b := start(t, "b", nil)
	lead(a.lease, a, b)
	for said, least := range map[string]time.Duration{"": 0, "-1h": 0, "1h": time.Hour, "soon": 0} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://pool.example.edu/bigbluebutton/api/end", nil)
		r.Header.Set("Bbbpool-Again", said)
		if !b.HandOn(httptest.NewRecorder(), r, nil) {
			t.Fatal("it is not handed on")
		}
		if since := <-got; since < least || (least == 0) != (since == 0) {
			t.Errorf("%q: said to be asked for since %s", said, since)
		}
	}
}
