package guard_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/bbbpool/bbbpool/api/callbacks/guard"
)

// names are what the resolver of the tests says.
var names = map[string][]string{
	"moodle.example.edu": {"10.1.2.3"}, "public.example.org": {"8.8.8.8"}, "lo.example.org": {"127.0.0.1"},
	"lo6.example.org": {"::1"}, "meta.example.org": {"169.254.169.254"}, "mixed.example.org": {"10.0.0.1", "127.0.0.1"},
	"half.example.org": {"127.0.0.1", "8.8.4.4"}, "mapped.example.org": {"::ffff:127.0.0.1"}, "zero.example.org": {"0.0.0.0"},
	"nat64.example.org": {"64:ff9b::7f00:1"}, "ula.example.org": {"fd12::1"}, "localhost": {"127.0.0.1", "::1"},
	"nat64public.example.org": {"64:ff9b::808:808"}, "meta.example.edu": {"169.254.169.254"}, "lo.example.edu": {"127.0.0.1"},
	"deep.campus.example.edu": {"192.168.7.7"}, "example.edu": {"10.9.9.9"}, "notexample.edu": {"10.9.9.8"},
	"pool.example.edu": {"8.8.8.9"}, "empty.example.org": {},
}

func lookup(_ context.Context, host string) (list []netip.Addr, err error) {
	found, ok := names[strings.TrimSuffix(strings.ToLower(host), ".")]
	if !ok {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	for _, text := range found {
		list = append(list, netip.MustParseAddr(text))
	}
	return list, nil
}

// errDialled is that a connection would have been made.
var errDialled = errors.New("dialled")

// guarded has no network: it notes where it would have gone.
func guarded(t *testing.T, dialled *[]string, allow ...string) *guard.Guard {
	t.Helper()
	allowed, err := guard.Allow(allow)
	if err != nil {
		t.Fatal(err)
	}
	return &guard.Guard{
		Allowed: allowed, Lookup: lookup, Bases: []string{"https://pool.example.edu/bbb"},
		Own: func() []netip.AddrPort { return []netip.AddrPort{netip.MustParseAddrPort("[::]:3000")} },
		Dial: func(_ context.Context, _, addr string) (net.Conn, error) {
			*dialled = append(*dialled, addr)
			return nil, errDialled
		},
	}
}

// send makes a request as the outbox does.
func send(t *testing.T, g *guard.Guard, address string) error {
	t.Helper()
	u, err := g.Parse(address)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return err
	}
	_, err = g.Do(req, false)
	return err
}

// Nothing of this reaches anybody, each for the reason that stands beside it.
func TestGuard_Refuses(t *testing.T) {
	for address, rule := range hostile {
		var dialled []string
		err := send(t, guarded(t, &dialled), address)
		if rule == "" {
			if !errors.Is(err, errDialled) {
				t.Errorf("%q: %v", address, err)
			}
			continue
		}
		refusal, ok := errors.AsType[*guard.Refusal](err)
		if !ok || !strings.Contains(refusal.Rule, rule) || !strings.Contains(err.Error(), rule) || len(dialled) > 0 {
			t.Errorf("%q: %v, dialled %q; want %q", address, err, dialled, rule)
		}
		if ok && !refusal.Final && refusal.Rule != guard.RuleNowhere && !strings.Contains(err.Error(), guard.Setting) {
			t.Errorf("%q: %v does not name the setting", address, err)
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: the error has what is secret: %v", address, err)
		}
	}
}

var longer = strings.Repeat("x", 9<<10)

// What an operator allows is called, and no more than that.
func TestGuard_Allows(t *testing.T) {
	for _, c := range []struct{ allow, address, want string }{
		{"", "https://public.example.org/x", "8.8.8.8:443"},
		{"", "http://public.example.org:8080/x", "8.8.8.8:8080"},
		{"", "http://public.example.org./x#y", "8.8.8.8:80"},
		{"", "http://half.example.org/", "8.8.4.4:80"}, // the address that is not refused, alone
		{"", "http://[2606:4700::1111]/", "[2606:4700::1111]:80"},
		{"moodle.example.edu", "https://moodle.example.edu/mod", "10.1.2.3:443"},
		{"MOODLE.example.edu.", "https://Moodle.Example.edu/mod", "10.1.2.3:443"},
		{"*.example.edu", "https://moodle.example.edu/mod", "10.1.2.3:443"},
		{"*.example.edu", "https://deep.campus.example.edu/", "192.168.7.7:443"},
		{"*.example.edu", "https://example.edu/", "private"},
		{"*.example.edu", "https://notexample.edu/", "private"},
		{"*.example.edu", "https://lo.example.edu/", "loopback"}, // whoever has a name there is no reason
		{"lo.example.edu", "https://lo.example.edu/", "127.0.0.1:443"},
		{"meta.example.edu", "http://meta.example.edu/", "metadata"},
		{"10.1.2.3", "https://moodle.example.edu/mod", "10.1.2.3:443"},
		{"10.1.0.0/16", "https://moodle.example.edu/mod", "10.1.2.3:443"},
		{"10.1.0.0/16", "https://example.edu/mod", "private"},
		{"127.0.0.0/8", "http://127.0.0.1:8080/", "127.0.0.1:8080"},
		{"127.0.0.0/8", "http://[::ffff:127.0.0.1]:8080/", "127.0.0.1:8080"},
		{"127.0.0.0/8", "http://127.0.0.1:3000/", "pool itself"}, // our own listener
		{"127.0.0.0/8", "http://mapped.example.org:3000/", "pool itself"},
		{"[::1]", "http://[::1]:8080/", "[::1]:8080"},
		{"169.254.169.254", "http://169.254.169.254/", "169.254.169.254:80"},
		{"0.0.0.0/0", "http://0.0.0.0/", "nobody"},
		{"::/0", "http://[ff02::1]/", "nobody"},
		{"0.0.0.0/0", "http://mixed.example.org/", "10.0.0.1:80,127.0.0.1:80"},
		{"64:ff9b::/96", "http://nat64public.example.org/", "[64:ff9b::808:808]:80"},
		{"64:ff9b::/96", "http://nat64.example.org/", "stands for"}, // a loopback address, which is not allowed
		{"64:ff9b::/96,127.0.0.1", "http://nat64.example.org/", "[64:ff9b::7f00:1]:80"},
		{"pool.example.edu", "https://pool.example.edu/moodle/x", "8.8.8.9:443"},
		{"pool.example.edu", "https://pool.example.edu/bbb/callbacks/end/AB", "pool itself"},
		{"", "https://pool.example.edu:8443/x", "8.8.8.9:8443"},
		{"", "https://nobody.example.org/", "no such host"},
		{"", "https://empty.example.org/", "no addresses"},
	} {
		var dialled []string
		var allow []string
		if c.allow != "" {
			allow = strings.Split(c.allow, ",")
		}
		err := send(t, guarded(t, &dialled, allow...), c.address)
		if got := strings.Join(dialled, ","); got != c.want && (got != "" || err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s, allowed %q: %v, dialled %s; want %s", c.address, c.allow, err, got, c.want)
		}
	}
}

// What cannot be meant is told, with all that is wrong.
func TestAllow_Wrong(t *testing.T) {
	_, err := guard.Allow([]string{"moodle.example.edu", "*", "*.", "", "https://x.org", "10.0.0.0/99", "::ffff:10.0.0.0/104", "127.1", "a b"})
	if err == nil {
		t.Fatal("accepted")
	}
	if n := strings.Count(err.Error(), guard.Setting); n != 8 {
		t.Errorf("%d errors: %v", n, err)
	}
}

// A name that says one address to whoever checks and another to whoever calls is called where it was checked: what is dialled is
// what was looked at.
func TestGuard_Rebinding(t *testing.T) {
	answers := []string{"8.8.8.8", "127.0.0.1", "169.254.169.254", "8.8.8.8"}
	var dialled []string
	g := guarded(t, &dialled)
	var asked int
	g.Lookup = func(context.Context, string) ([]netip.Addr, error) {
		ip := netip.MustParseAddr(answers[asked%len(answers)])
		asked++
		return []netip.Addr{ip}, nil
	}
	for range 8 {
		_ = send(t, g, "http://rebind.example.org/")
	}
	if asked != 8 || len(dialled) != 4 {
		t.Errorf("asked %d times, dialled %q", asked, dialled)
	}
	for _, addr := range dialled {
		if addr != "8.8.8.8:80" {
			t.Errorf("dialled %s", addr)
		}
	}
}

// local is a guard over the real network, in which loopback is allowed.
func local(t *testing.T) *guard.Guard {
	t.Helper()
	allowed, err := guard.Allow([]string{"127.0.0.0/8"})
	if err != nil {
		t.Fatal(err)
	}
	g := &guard.Guard{Allowed: allowed}
	t.Cleanup(g.Close)
	return g
}

func do(t *testing.T, g *guard.Guard, method, address, body string) (guard.Answer, error) {
	t.Helper()
	u, err := g.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, u.String(), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return g.Do(req, false)
}

// A redirect is an answer like others: nobody follows it, wherever it leads.
func TestGuard_Redirects(t *testing.T) {
	var hits atomic.Int32
	secret := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	defer secret.Close()
	var to atomic.Value
	redirecting := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		code, _ := strconv.Atoi(r.URL.Query().Get("code"))
		location, _ := to.Load().(string)
		w.Header().Set("Location", location)
		w.Header().Set("Set-Cookie", "a=b")
		if r.Header.Get("Cookie") != "" || r.Header.Get("Authorization") != "" || r.Header.Get("Referer") != "" {
			t.Errorf("sent along: %v", r.Header)
		}
		w.WriteHeader(code)
	}))
	defer redirecting.Close()
	g := local(t)
	for _, target := range []string{secret.URL, "http://169.254.169.254/", "file:///etc/passwd", "//127.0.0.1/", "/again", "", "\\\\x"} {
		to.Store(target)
		for _, code := range []int{301, 302, 303, 307, 308, 300, 304} {
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				a, err := do(t, g, method, redirecting.URL+"/?code="+strconv.Itoa(code), "")
				if err != nil || a.Status != code {
					t.Errorf("%s %d to %s: %+v, %v", method, code, target, a, err)
				}
			}
		}
	}
	if hits.Load() != 0 {
		t.Errorf("%d redirects were followed", hits.Load())
	}
}

// What the environment says of proxies is not obeyed.
func TestGuard_Proxies(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the proxy was asked") }))
	defer proxy.Close()
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"} {
		t.Setenv(name, proxy.URL)
	}
	var dialled []string // of a host that a proxy would be asked for, which one on this machine is not
	if err := send(t, guarded(t, &dialled), "http://public.example.org/"); !errors.Is(err, errDialled) || dialled[0] != "8.8.8.8:80" {
		t.Errorf("dialled %q: %v", dialled, err)
	}
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer receiver.Close()
	if a, err := do(t, local(t), http.MethodGet, receiver.URL, ""); err != nil || a.Status != 503 || a.After != "7" {
		t.Errorf("%+v, %v", a, err)
	}
}

// Certificates are verified, but for who does not want that; and a connection of those serves nobody else.
func TestGuard_TLS(t *testing.T) {
	receiver := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	receiver.Config.ErrorLog = log.New(io.Discard, "", 0)
	receiver.StartTLS()
	defer receiver.Close()
	g := local(t)
	for _, trusting := range []bool{false, true, false} {
		u, err := g.Parse(receiver.URL)
		if err != nil {
			t.Fatal(err)
		}
		req := &http.Request{Method: http.MethodGet, URL: u, Header: http.Header{}}
		if _, err := g.Do(req.WithContext(t.Context()), trusting); (err == nil) != trusting {
			t.Errorf("trusting %t: %v", trusting, err)
		}
	}
}

// Of an answer no more is read than is bounded, and what is no HTTP, or too much of a header, is an error.
func TestGuard_Bounds(t *testing.T) {
	for what, answer := range map[string]string{
		"no HTTP":     "SSH-2.0-OpenSSH_9.6\r\n",
		"many heads":  "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 64<<10) + "\r\n\r\n",
		"odd lines":   "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
		"closed":      "",
		"odd status":  "HTTP/1.1 2xx OK\r\n\r\n",
		"two lengths": "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
	} {
		if a, err := do(t, local(t), http.MethodGet, answering(t, answer), ""); err == nil {
			t.Errorf("%s: %+v", what, a)
		}
	}
	endless := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil { // until the connection is closed on us
			if _, err := w.Write(make([]byte, 32<<10)); err != nil {
				return
			}
		}
	}))
	defer endless.Close()
	if a, err := do(t, local(t), http.MethodGet, endless.URL, ""); err != nil || a.Status != 200 {
		t.Errorf("endless: %+v, %v", a, err)
	}
}

// answering is the address of something that says a text to everybody.
func answering(t *testing.T, text string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 1<<10))
			_, _ = io.WriteString(c, text)
			_ = c.Close()
		}
	}()
	return "http://" + l.Addr().String() + "/"
}

// A request whose header has lines of its own is not sent.
func TestGuard_Injection(t *testing.T) {
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s arrived: %v", r.Method, r.URL, r.Header)
	}))
	defer receiver.Close()
	at, err := url.Parse(receiver.URL)
	if err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(*http.Request){
		"a value":         func(r *http.Request) { r.Header.Set("Bbbpool-Reason", "x\r\nX-Evil: 1") },
		"a name":          func(r *http.Request) { r.Header["X: y\r\nZ"] = []string{"1"} },
		"a method":        func(r *http.Request) { r.Method = "GET / HTTP/1.1\r\nX:" },
		"a host of URL":   func(r *http.Request) { r.URL.Host += "\r\nX-Evil: 1" },
		"a zero byte":     func(r *http.Request) { r.Header.Set("X", "a\x00b") },
		"a scheme":        func(r *http.Request) { r.URL.Scheme = "file" },
		"another address": func(r *http.Request) { r.URL.Host = "169.254.169.254" },
	} {
		u := *at
		req := (&http.Request{Method: http.MethodGet, URL: &u, Header: http.Header{}}).WithContext(t.Context())
		change(req)
		if _, err := local(t).Do(req, false); err == nil {
			t.Errorf("%s: sent", what)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"http://127.0.0.1/", "https://a@b:0/#c", "http://[::ffff:1.2.3.4%25x]:80", "http://0x7f.1", "//x"} {
		f.Add(seed)
	}
	g := &guard.Guard{}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := g.Parse(text)
		if err != nil {
			return
		}
		if u.User != nil || u.Host == "" || u.Fragment != "" || strings.ContainsAny(u.Host, "\r\n @/\\") {
			t.Errorf("%q is %#v", text, u)
		}
	})
}
