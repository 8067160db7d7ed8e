package assembly_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/assembly"
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator"
)

// made is a call that a front end or a browser has made. A join is made twice: to the pool, and to the server that it leads to.
type made struct {
	what     string
	began    time.Time // when it was sent to the pool
	followed bool      // a join was sent on to the server
	ended    time.Time
	failed   string // "" where all went well
}

// rotation is a pool under load, with one server, whose secret is changed.
type rotation struct {
	t       *testing.T
	pool    *assembly.Pool
	server  *simulator.Server
	admin   *v1.Client
	browser *http.Client                // follows no redirects
	key     func(caller int) bbb.Secret // that a caller signs with; the pool's if nil

	mu    sync.Mutex
	calls []made
	joins int
	more  *sync.Cond
}

func newRotation(t *testing.T) *rotation {
	t.Helper()
	sim, err := simulator.New(simulator.Config{})
	if err != nil {
		t.Fatal(err)
	}
	sim.Start()
	t.Cleanup(sim.Close)
	p := open(t, options(t))
	run(t, p)
	ready(t, p)
	r := &rotation{
		t: t, pool: p, server: sim.Servers()[0], admin: v1.NewClient(v1.HandlerTransport(p.Administration()), "http://bbbpool", ""),
		browser: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
	r.more = sync.NewCond(&r.mu)
	if _, err := r.admin.Servers.Add(t.Context(), v1.NewServer{
		URL: r.server.URL(), Secret: v1.Secret(r.server.Secret()), ID: "a", Enable: true,
	}); err != nil {
		t.Fatal(err)
	}
	return r
}

// load makes calls without a pause until stop is called, which returns all of them.
func (r *rotation) load() (stop func() []made) {
	done := make(chan struct{})
	var callers sync.WaitGroup
	for i := range 6 {
		callers.Go(func() {
			room := fmt.Sprint("room-", i)
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				if !r.make(i, "create", "meetingID="+room+"&name=Room&moderatorPW=mp&attendeePW=ap") {
					continue // nobody goes where there is no meeting
				}
				r.make(i, "join", fmt.Sprintf("meetingID=%s&fullName=Anna&password=mp&userID=u%d", room, n%20))
				r.make(i, []string{"getMeetingInfo", "isMeetingRunning", "getMeetings"}[n%3], "meetingID="+room)
				if n%10 == 9 {
					r.make(i, "end", "meetingID="+room+"&password=mp")
				}
			}
		})
	}
	return func() []made {
		close(done)
		callers.Wait()
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.calls
	}
}

// make makes a call, follows where it leads, and notes and tells how that went.
func (r *rotation) make(caller int, call, query string) (well bool) {
	m, key := made{what: call, began: time.Now()}, bbb.Secret(secret)
	if r.key != nil {
		key = r.key(caller)
	}
	status, location, body := r.get("http://" + r.pool.Addr() + "/bigbluebutton/api/" + call + "?" + bbb.SHA256.Sign(call, query, key))
	switch {
	case call == "join" && location == "":
		m.failed = "not sent on: " + body
	case call == "join" && strings.HasPrefix(location, r.server.URL()):
		m.followed = true
		if status, location, body = r.get(location); location == "" || strings.Contains(location, "errors=") {
			m.failed = fmt.Sprint("turned down by the server: ", status, " ", unescaped(location), " ", body)
		}
	case call == "join":
		m.failed = "sent elsewhere: " + unescaped(location)
	case status != http.StatusOK || !strings.Contains(body, "<returncode>SUCCESS</returncode>"):
		m.failed = fmt.Sprint(status, " ", body)
	}
	m.ended = time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.calls = append(r.calls, m); call == "join" {
		r.joins++
	}
	r.more.Broadcast()
	return m.failed == ""
}

func (r *rotation) get(address string) (status int, location, body string) {
	resp, err := r.browser.Get(address)
	if err != nil {
		return 0, "", err.Error()
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, "", err.Error()
	}
	return resp.StatusCode, resp.Header.Get("Location"), string(text)
}

func unescaped(location string) string {
	text, err := url.QueryUnescape(location)
	if err != nil {
		return location
	}
	return text
}

// goOn waits until so many more calls have been made.
func (r *rotation) goOn(calls int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for until := len(r.calls) + calls; len(r.calls) < until; {
		r.more.Wait()
	}
}

// set is bbbpool server set, without force.
func (r *rotation) set(c v1.Change) {
	r.t.Helper()
	result, err := r.admin.Servers.Change(r.t.Context(), "a", c)
	if err != nil || result.Warning != "" {
		r.t.Errorf("set: %v %s", err, result.Warning)
	}
}

// known waits until the pool has found out that the server has its new secret, which nobody tells it.
func (r *rotation) known() {
	for r.pool.Poller.Client("a").OnFormer() {
		r.goOn(1)
	}
}

// over waits until the former secret is forgotten.
func (r *rotation) over() {
	r.t.Helper()
	zero := time.Duration(0)
	r.set(v1.Change{Window: &zero})
	for {
		s, err := r.pool.Stores.State.Server(r.t.Context(), "a")
		if err != nil || s.Former == "" {
			return
		}
		r.goOn(1)
	}
}

// interval is when the server had a secret that the pool did not know, or did not know of.
type interval struct{ from, to time.Time }

// within tells whether a call was under way in one of some intervals.
func (m made) within(list []interval) bool {
	return slices.ContainsFunc(list, func(i interval) bool { return m.ended.After(i.from) && m.began.Before(i.to) })
}

// The secret of a server is changed under load, first here and then there. No call fails, and of the joins only those that
// nobody could save: that the pool has sent on before it had any answer of the server with its new secret, and that came to
// the server when it had no longer the secret that they were signed with. Every join is followed to the server to see that.
func TestServerSecret_HereFirst(t *testing.T) {
	r := newRotation(t)
	stop := r.load()
	r.goOn(200)
	var unknown []interval
	for i := range 8 {
		next := fmt.Sprint("secret-", i)
		secret := v1.Secret(next)
		r.set(v1.Change{Secret: &secret})
		r.goOn(60)
		from := time.Now()
		if err := r.server.SetSecret(bbb.Secret(next), 0); err != nil {
			t.Fatal(err)
		}
		r.known()
		unknown = append(unknown, interval{from, time.Now()})
		r.goOn(60)
		if i%3 == 2 { // and the next one begins before the end of this one
			r.over()
			r.goOn(60)
		}
	}
	excused := 0
	for _, m := range stop() {
		switch {
		case m.failed == "":
		case m.followed && m.within(unknown) && strings.Contains(m.failed, "checksumError"):
			excused++
		default:
			t.Errorf("%s: %s", m.what, m.failed)
		}
	}
	r.expectHealthy()
	t.Logf("%d joins, of which %d could not be saved", r.joins, excused)
}

// A server that restarts with its new secret is away meanwhile, and nothing else: no call fails that begins after its first
// answer.
func TestServerSecret_Restart(t *testing.T) {
	r := newRotation(t)
	stop := r.load()
	r.goOn(200)
	r.set(v1.Change{Secret: new(v1.Secret("another"))})
	from := time.Now()
	if err := r.server.SetSecret("another", 500*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	r.known()
	away := []interval{{from, time.Now()}}
	r.goOn(300)
	for _, m := range stop() {
		if m.failed != "" && !m.within(away) {
			t.Errorf("%s: %s", m.what, m.failed)
		}
	}
}

// expectHealthy checks that the server was well all the time.
func (r *rotation) expectHealthy() {
	r.t.Helper()
	for _, e := range r.pool.Poller.Events("a") {
		if e.Kind == "suspect" || e.Kind == "offline" {
			r.t.Errorf("%s: %s", e.Kind, e.Text)
		}
	}
}

// The secret of a server is changed under load, first there and then here. Calls fail for as long as the pool has no secret
// that the server has, and not one that begins after it was told.
func TestServerSecret_ServerFirst(t *testing.T) {
	r := newRotation(t)
	stop := r.load()
	r.goOn(200)
	var unknown []interval
	for i := range 8 {
		next := fmt.Sprint("secret-", i)
		secret := v1.Secret(next)
		from := time.Now()
		if err := r.server.SetSecret(bbb.Secret(next), 0); err != nil {
			t.Fatal(err)
		}
		r.goOn(5)
		r.set(v1.Change{Secret: &secret})
		unknown = append(unknown, interval{from, time.Now()})
		r.goOn(150)
		if i%3 == 2 {
			r.over()
			r.goOn(60)
		}
	}
	all, excused := stop(), 0
	for _, m := range all {
		switch {
		case m.failed == "":
		case m.within(unknown):
			excused++
		default:
			t.Errorf("%s: %s", m.what, m.failed)
		}
	}
	t.Logf("%d calls, of which %d met a server that nobody knew the secret of", len(all), excused)
}
