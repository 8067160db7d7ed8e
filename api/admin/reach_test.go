package admin_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/callbacks/reach"
)

// hiddenBBB answers like a server that keeps its version to itself.
func hiddenBBB(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "<response><returncode>SUCCESS</returncode><bbbVersion></bbbVersion><meetings/></response>")
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// A check names a server whose release lets anybody create, and advises one that is safe; where the release is hidden it says
// so. Neither makes a pool unfit.
func TestClient_Check_Releases(t *testing.T) {
	p := newTestPool(t)
	for id, url := range map[string]string{"hidden": hiddenBBB(t), "open": fakeBBB(t, "s", bbb.SHA256)} {
		if _, err := p.Servers.Add(t.Context(), v1.NewServer{URL: url, Secret: "s", ID: id}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := p.Pool.Check(t.Context())
	if err != nil || !got.OK || len(got.Servers) != 2 {
		t.Fatalf("%+v %v", got, err)
	}
	for i, has := range [][]string{
		{"unknown", "allowRevealOfBBBVersion=true"},
		{"3.0.9 lets anybody", "3.0.37 or later"},
	} {
		for _, text := range has {
			if s := got.Servers[i]; !s.OK || len(s.Notes) != 1 || !strings.Contains(s.Notes[0], text) {
				t.Errorf("%q is not in %+v", text, s)
			}
		}
	}
}

// Whether servers can call us is a part of a check, and of the test of a server: with what is to be set there if they cannot.
func TestClient_Callbacks(t *testing.T) {
	p, s := newTestPool(t), simulate(t, 1)[0]
	if _, err := p.Servers.Add(t.Context(), v1.NewServer{URL: s.URL(), Secret: v1.Secret(s.Secret()), ID: "a"}); err != nil {
		t.Fatal(err)
	}
	tried := func() (found v1.TrialCheck) {
		t.Helper()
		got, err := p.Servers.Test(t.Context(), "a", v1.Trial{}, func(v1.Progress) {})
		if err != nil || !got.Passed {
			t.Fatalf("%+v %v", got, err)
		}
		for _, c := range got.Checks {
			if c.Name == "callbacks" {
				found = c
			}
		}
		return found
	}
	checked := func() string {
		t.Helper()
		got, err := p.Pool.Check(t.Context())
		if err != nil || !got.OK {
			t.Fatalf("%+v %v", got, err)
		}
		return strings.Join(got.Advice, "\n")
	}
	if c := tried(); c.Level != "skipped" || !strings.Contains(c.Detail, "--callback-url") || strings.Contains(checked(), "callback") {
		t.Errorf("no address is known: %+v, %s", c, checked())
	}
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == reach.Ping {
			_, _ = io.WriteString(w, reach.Word)
		}
	}))
	defer receiver.Close()
	site := &reach.Site{Bases: func() []string { return []string{strings.Replace(receiver.URL, "127.0.0.1", "pool.example", 1)} }}
	site.Lookup = func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}
	p.api.Pool.Callbacks, p.api.Servers.Roster.Examiner.Callbacks = site, site
	for _, text := range []string{"fetchUrlAllowedLocalHosts=pool.example", "fetchUrlSupportedProtocols=https,http", "bbb-web.properties"} {
		if c := tried(); c.Level != "warning" || !strings.Contains(c.Detail, text) || !strings.Contains(checked(), text) {
			t.Errorf("%q is not in %+v, or not in %s", text, c, checked())
		}
	}
}
