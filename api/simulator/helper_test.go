package simulator_test

import (
	"flag"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// clock is a time that stands still until a test moves it.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.UnixMilli(1_760_000_000_123)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// start runs a simulator whose time only passes through the clock and Tick.
func start(t testing.TB, cfg simulator.Config) (*simulator.Simulator, *clock) {
	t.Helper()
	c := newClock()
	cfg.Now = c.Now
	sim, err := simulator.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.Close)
	sim.Start()
	return sim, c
}

// one runs a single server.
func one(t testing.TB) *simulator.Server {
	t.Helper()
	sim, _ := start(t, simulator.Config{})
	return sim.Servers()[0]
}

// signed is the URL of a call.
func signed(s *simulator.Server, call, query string) string {
	return s.URL() + "/" + call + "?" + bbb.SHA256.Sign(call, query, s.Secret())
}

// answer is what came back from a server.
type answer struct {
	status int
	header http.Header
	body   string
}

// field returns the text of the first element of a name.
func (a answer) field(name string) string {
	_, rest, _ := strings.Cut(a.body, "<"+name+">")
	text, _, _ := strings.Cut(rest, "</"+name+">")
	return text
}

// browser follows no redirects and keeps no connections.
var browser = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func send(t testing.TB, method, target, contentType, body string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := browser.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(b)}
}

// call makes a signed GET.
func call(t testing.TB, s *simulator.Server, name, query string) answer {
	t.Helper()
	return send(t, http.MethodGet, signed(s, name, query), "", "")
}

// mustCreate creates a meeting with known passwords and voice bridge.
func mustCreate(t testing.TB, s *simulator.Server, id, more string) answer {
	t.Helper()
	a := call(t, s, "create", "name=Room+"+id+"&meetingID="+id+"&attendeePW=ap&moderatorPW=mp"+more)
	if a.field("returncode") != "SUCCESS" {
		t.Fatalf("create %s: %s", id, a.body)
	}
	return a
}

// mustJoin joins and returns the answer in XML.
func mustJoin(t testing.TB, s *simulator.Server, id, name, role, more string) answer {
	t.Helper()
	a := call(t, s, "join", "meetingID="+id+"&fullName="+name+"&role="+role+"&redirect=false"+more)
	if a.field("returncode") != "SUCCESS" {
		t.Fatalf("join %s: %d %s", id, a.status, a.body)
	}
	return a
}

// joinErrors returns the errors in the query of a redirect.
func joinErrors(t testing.TB, a answer) string {
	t.Helper()
	u, err := url.Parse(a.header.Get("Location"))
	if err != nil || a.status != http.StatusFound {
		t.Fatalf("status %d, location %q: want a redirect", a.status, a.header.Get("Location"))
	}
	return u.Query().Get("errors")
}

// What differs from run to run.
var (
	userID  = regexp.MustCompile(`w_[a-z0-9]{12}`)
	session = regexp.MustCompile(`(sessionToken=|<session_token>)[a-z0-9]{16}`)
	auth    = regexp.MustCompile(`<auth_token>[a-z0-9]{12}`)
	size    = regexp.MustCompile(`<size>[0-9]+`) // depends on how well Go compresses
)

// golden compares an answer with a file, after replacing what differs from run to run.
func golden(t *testing.T, s *simulator.Server, name, got string) {
	t.Helper()
	u, err := url.Parse(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	got = strings.ReplaceAll(got, u.Host, "HOST")
	got = userID.ReplaceAllString(got, "w_USER")
	got = session.ReplaceAllString(got, "${1}SESSION")
	got = auth.ReplaceAllString(got, "<auth_token>AUTH")
	got = size.ReplaceAllString(got, "<size>SIZE")
	got = strings.TrimSpace(strings.ReplaceAll(got, "><", ">\n<")) + "\n"
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (run with -update if that is meant):\n%s", name, diff)
	}
}
