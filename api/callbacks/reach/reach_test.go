package reach_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/callbacks/reach"
)

// Which addresses a server refuses is BigBlueButton's own rule, to the edges of each network.
func TestRefused(t *testing.T) {
	for addr, want := range map[string]bool{
		"0.0.0.0": true, "127.0.0.1": true, "127.255.255.255": true, "126.255.255.255": false, "128.0.0.0": false,
		"9.255.255.255": false, "10.0.0.0": true, "10.255.255.255": true, "11.0.0.0": false,
		"172.15.255.255": false, "172.16.0.0": true, "172.31.255.255": true, "172.32.0.0": false,
		"192.167.255.255": false, "192.168.0.0": true, "192.168.255.255": true, "192.169.0.0": false,
		"169.253.255.255": false, "169.254.0.0": true, "169.254.169.254": true, "169.255.0.0": false,
		"100.64.0.1": false, "198.51.100.7": false, "0.0.0.1": false,
		"::": true, "::1": true, "fe80::1": true, "fe80::1%eth0": true, "fc00::1": true, "fd12::1": true, "64:ff9b::a00:1": true,
		"1fff::1": true, "2000::1": false, "2001:db8::1": false, "2002:a00:1::": true, "2001:ffff::1": false, "2003::1": false,
		"3fff::1": false, "4000::1": true, "ff02::1": true,
		"::ffff:10.0.0.1": true, "::ffff:198.51.100.7": false,
	} {
		if got := reach.Refused(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: %t", addr, got)
		}
	}
	if !reach.Refused(netip.Addr{}) {
		t.Error("none at all passes")
	}
}

// site is a pool behind a name, as everybody finds it who asks for that.
type site struct {
	*httptest.Server

	lookup []netip.Addr
	fails  error
	mu     sync.Mutex
	dialed []string
}

// serve answers at https://pool.example with a certificate for the names; with none over http.
func serve(t *testing.T, answer http.HandlerFunc, certificate *tls.Certificate) *site {
	t.Helper()
	s := &site{Server: httptest.NewUnstartedServer(answer), lookup: addresses("198.51.100.7")}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	if certificate == nil {
		s.Start()
	} else {
		s.TLS = &tls.Config{Certificates: []tls.Certificate{*certificate}, MinVersion: tls.VersionTLS12}
		s.StartTLS()
	}
	t.Cleanup(s.Close)
	return s
}

func addresses(texts ...string) (list []netip.Addr) {
	for _, text := range texts {
		list = append(list, netip.MustParseAddr(text))
	}
	return list
}

// prober finds the site, wherever its name leads.
func (s *site) prober(roots *x509.CertPool) *reach.Prober {
	return &reach.Prober{
		Roots:  roots,
		Lookup: func(context.Context, string) ([]netip.Addr, error) { return s.lookup, s.fails },
		Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			s.mu.Lock()
			s.dialed = append(s.dialed, addr)
			s.mu.Unlock()
			if strings.HasPrefix(addr, "203.0.113.") {
				return nil, &net.OpError{Op: "dial", Err: errors.New("refused")}
			}
			return (&net.Dialer{}).DialContext(ctx, network, s.Listener.Addr().String())
		},
	}
}

// pong answers as whoever receives callbacks does.
func pong(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet || r.URL.RequestURI() != reach.Ping {
		http.NotFound(w, r)
		return
	}
	_, _ = io.WriteString(w, reach.Word+"\n")
}

// signed makes a certificate: by an authority, or by itself if that is nil.
func signed(t *testing.T, name string, until time.Time, by *tls.Certificate) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: until, IsCA: by == nil, BasicConstraintsValid: true,
	}
	parent, signer := template, any(key)
	if by != nil {
		parent, signer = by.Leaf, by.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// Each reason why a server would not call is found, with what is to be set there where that helps; an address that is fit
// has none.
func TestProbe(t *testing.T) {
	later := time.Now().Add(24 * time.Hour)
	authority := signed(t, "Authority", later, nil)
	roots := x509.NewCertPool()
	roots.AddCert(authority.Leaf)
	good := signed(t, "pool.example", later, &authority)
	self := signed(t, "pool.example", later, nil)
	other := signed(t, "other.example", later, &authority)
	expired := signed(t, "pool.example", time.Now().Add(-time.Hour), &authority)
	stranger := signed(t, "Stranger", later, nil)
	foreign := signed(t, "pool.example", later, &stranger)
	const allowed = "fetchUrlAllowedLocalHosts=pool.example"
	for name, test := range map[string]struct {
		base        string // https://pool.example
		certificate *tls.Certificate
		answer      http.HandlerFunc // pong
		lookup      []netip.Addr     // a public one
		fails       error
		has         []string // what is said; nothing if nothing is wrong
		settings    string
	}{
		"fit":          {certificate: &good},
		"with a port":  {certificate: &good, base: "https://pool.example:8443/"},
		"second":       {certificate: &good, lookup: addresses("203.0.113.1", "198.51.100.7")},
		"shared":       {certificate: &good, lookup: addresses("100.64.0.1")},
		"http":         {base: "http://pool.example", has: []string{"https alone"}, settings: "fetchUrlSupportedProtocols=https,http"},
		"private":      {certificate: &good, lookup: addresses("10.1.2.3"), has: []string{"10.1.2.3 as seen from here"}, settings: allowed},
		"one of two":   {certificate: &good, lookup: addresses("198.51.100.7", "fd00::1"), has: []string{"fd00::1"}, settings: allowed},
		"mapped":       {certificate: &good, lookup: addresses("::ffff:127.0.0.1"), has: []string{"127.0.0.1"}, settings: allowed},
		"literal":      {base: "http://[fd00::1]", has: []string{"fd00::1", "https alone"}, settings: "fetchUrlSupportedProtocols=https,http fetchUrlAllowedLocalHosts=[fd00::1]"},
		"port and low": {certificate: &good, base: "https://pool.example:8443", lookup: addresses("192.168.1.1"), has: []string{"192.168.1.1"}, settings: allowed},
		"unresolved":   {certificate: &good, fails: errors.New("no such host"), has: []string{"cannot be resolved"}},
		"no address":   {certificate: &good, lookup: []netip.Addr{}, has: []string{"cannot be resolved"}},
		"self":         {certificate: &self, has: []string{"signed by itself"}},
		"foreign":      {certificate: &foreign, has: []string{"not known here"}},
		"other name":   {certificate: &other, has: []string{"another name"}},
		"expired":      {certificate: &expired, has: []string{"expired"}},
		"refused":      {certificate: &good, lookup: addresses("203.0.113.1"), has: []string{"cannot be reached"}},
		"no TLS":       {base: "https://pool.example", has: []string{"web server"}},
		"redirect": {
			certificate: &good, answer: http.RedirectHandler("https://else.example/", http.StatusFound).ServeHTTP,
			has: []string{"follow no redirect"},
		},
		"another":   {certificate: &good, answer: func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "It works!") }, has: []string{"no bbbpool"}},
		"not there": {certificate: &good, answer: http.NotFound, has: []string{"says 404"}},
		"huge": {certificate: &good, answer: func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, reach.Word+strings.Repeat(" ", 1<<20)+"x")
		}},
		"ftp":     {base: "ftp://pool.example", certificate: &good, has: []string{"no address"}},
		"nothing": {base: "https://", certificate: &good, has: []string{"no address"}},
		"words":   {base: "pool.example", certificate: &good, has: []string{"no address"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.answer == nil {
				test.answer = pong
			}
			if test.base == "" {
				test.base = "https://pool.example"
			}
			s := serve(t, test.answer, test.certificate)
			if s.fails = test.fails; test.lookup != nil {
				s.lookup = test.lookup
			}
			got := s.prober(roots).Probe(t.Context(), test.base)
			if got.Come() != (test.has == nil) {
				t.Errorf("%+v", got)
			}
			var settings []string
			for _, f := range got.Findings {
				if f.Setting != "" {
					settings = append(settings, f.Setting)
				}
			}
			if strings.Join(settings, " ") != test.settings {
				t.Errorf("to be set: %q", settings)
			}
			for _, text := range append(test.has, strings.Fields(test.settings)...) {
				if !strings.Contains(got.String(), text) {
					t.Errorf("%q is not in: %s", text, got)
				}
			}
		})
	}
}

// Only what was looked at is dialled, and no password of an address is ever said.
func TestProbe_Secrets(t *testing.T) {
	s := serve(t, pong, nil)
	s.lookup = addresses("203.0.113.1", "198.51.100.7")
	got := s.prober(nil).Probe(t.Context(), "http://user:hush@pool.example:81/?token=hush#hush")
	if strings.Contains(got.String(), "hush") || got.Base != "http://pool.example:81" || len(got.Findings) != 1 {
		t.Errorf("%+v", got)
	}
	if strings.Join(s.dialed, " ") != "203.0.113.1:81 198.51.100.7:81" {
		t.Error(s.dialed)
	}
	if got := s.prober(nil).Probe(t.Context(), "https://user:hush@pool.example\x7f"); strings.Contains(got.String(), "hush") {
		t.Error(got)
	}
}

// Whoever hangs up waits for nothing.
func TestProbe_Canceled(t *testing.T) {
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got := s.prober(nil).Probe(ctx, "http://pool.example"); got.Come() {
		t.Errorf("%+v", got)
	}
}

// What is to be set on servers that do not call can be said without asking anybody.
func TestAdvice(t *testing.T) {
	for base, want := range map[string]string{
		"https://pool.example:8443/x": "fetchUrlAllowedLocalHosts=pool.example ",
		"http://pool.example":         "fetchUrlAllowedLocalHosts=pool.example and fetchUrlSupportedProtocols=https,http ",
		"https://[2001:db8::1]":       "fetchUrlAllowedLocalHosts=[2001:db8::1] ",
	} {
		got := reach.Advice(base)
		if !strings.Contains(got, ": "+want) || !strings.Contains(got, "/etc/bigbluebutton/bbb-web.properties") {
			t.Errorf("%s: %q", base, got)
		}
	}
	if got := reach.Advice("ftp://x"); got != "" {
		t.Error(got)
	}
}

// Several addresses are looked at together, each once, and what is to be set for all of them is one line of each kind.
func TestAll(t *testing.T) {
	s := serve(t, pong, nil)
	s.lookup = addresses("10.0.0.1")
	list := s.prober(nil).All(t.Context(), []string{"http://b.example", "http://a.example", "http://b.example"})
	if len(list) != 2 || list[0].Base != "http://a.example" || len(s.dialed) != 2 {
		t.Fatalf("%+v, %v", list, s.dialed)
	}
	got := reach.Merge(list).String()
	for _, text := range []string{
		"2 callback addresses: add to ", "; http://a.example: it is http", "http://b.example: it is http",
		": fetchUrlSupportedProtocols=https,http and fetchUrlAllowedLocalHosts=a.example,b.example (",
	} {
		if !strings.Contains(got, text) {
			t.Errorf("%q is not in: %s", text, got)
		}
	}
	if got := reach.Merge([]reach.Outcome{{Base: "https://a"}, {Base: "https://b"}}); !got.Come() || !strings.HasSuffix(got.String(), "https://a, https://b") {
		t.Error(got)
	}
	if many := make([]string, 100); len(s.prober(nil).All(t.Context(), many)) != 1 {
		t.Error("each is looked at more than once")
	}
}
