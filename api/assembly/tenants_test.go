package assembly_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/assembly"
	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/store"
)

// multitenant is a running pool as a site of Scalelite with tenants sets it up, with a server and two tenants.
func multitenant(t *testing.T, proxies ...string) (*assembly.Pool, *simulator.Server) {
	t.Helper()
	o := options(t)
	o.Settings.HTTP.TrustedProxies = proxies
	o.Settings.HTTP.Multitenancy, o.Settings.HTTP.PoolHost = "true", "pool.example.edu"
	p := open(t, o)
	for id, name := range map[string]string{"0b6-arts": "arts", "1c7-bio": "bio"} {
		_, err := p.Stores.State.CreateTenant(t.Context(), store.Tenant{
			ID: id, Name: name, Secrets: []store.TenantSecret{{Name: "first", Secret: store.Secret("secret-of-" + name)}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	sim, err := simulator.New(simulator.Config{Servers: 1})
	if err != nil {
		t.Fatal(err)
	}
	run(t, p, sim)
	s := sim.Servers()[0]
	record := store.Server{ID: s.ID(), URL: s.URL(), Secret: store.Secret(s.Secret()), State: store.Enabled, Weight: 1}
	if err := p.Stores.State.CreateServer(t.Context(), record); err != nil {
		t.Fatal(err)
	}
	p.Poller.SetServer(record)
	ready(t, p)
	return p, s
}

// at makes a call to a host, with headers in the form "name: value".
func at(t *testing.T, p *assembly.Pool, host string, secret bbb.Secret, call, query string, headers ...string) string {
	t.Helper()
	target := "http://" + p.Addr() + "/bigbluebutton/api/" + call + "?" + bbb.SHA256.Sign(call, query, secret)
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = host
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// A site of Scalelite with tenants goes on: the first label of the host says whose a call is, also behind a proxy and
// whatever --public-url says, links begin with it, and servers are told what Scalelite tells them.
func TestPool_Multitenancy(t *testing.T) {
	p, server := multitenant(t)
	const create = "name=Room&meetingID=room-1"
	if body := at(t, p, "arts.pool.example.edu", "secret-of-arts", "create", create); !strings.Contains(body, "SUCCESS") {
		t.Fatalf("create: %s", body)
	}
	told := "/getMeetingInfo?" + bbb.SHA256.Sign("getMeetingInfo", "meetingID=room-1", server.Secret())
	resp, err := http.Get(server.URL() + told)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	for _, want := range []string{"<tenant-id>0b6-arts<", "<tenant-name>arts<", "<bbbpool-tenant>0b6-arts<"} {
		if err != nil || !strings.Contains(string(body), want) {
			t.Errorf("%v, no %s on the server: %s", err, want, body)
		}
	}
	for name, c := range map[string]struct{ body, want string }{
		"its own":           {at(t, p, "arts.pool.example.edu", "secret-of-arts", "getMeetings", ""), "room-1"},
		"behind a proxy":    {at(t, p, "inner", "secret-of-arts", "getMeetings", "", "X-Forwarded-Host: arts.pool.example.edu"), "room-1"},
		"another's":         {at(t, p, "bio.pool.example.edu", "secret-of-bio", "getMeetings", ""), "noMeetings"},
		"another's ID":      {at(t, p, "bio.pool.example.edu", "secret-of-bio", "getMeetingInfo", "meetingID=room-1"), "notFound"},
		"another's create":  {at(t, p, "bio.pool.example.edu", "secret-of-bio", "create", create), "notFound"},
		"another's secret":  {at(t, p, "bio.pool.example.edu", "secret-of-arts", "getMeetings", ""), "checksumError"},
		"proxied secret":    {at(t, p, "inner", "secret-of-arts", "getMeetings", "", "X-Forwarded-Host: bio.pool.example.edu"), "checksumError"},
		"nobody's host":     {at(t, p, "x.pool.example.edu", "secret-of-arts", "getMeetings", ""), "checksumError"},
		"the pool's secret": {at(t, p, "pool.example.edu", secret, "getMeetings", ""), "noMeetings"},
		"by secret":         {at(t, p, "pool.example.edu", "secret-of-arts", "getMeetings", ""), "room-1"},
	} {
		if !strings.Contains(c.body, c.want) {
			t.Errorf("%s: no %s in %s", name, c.want, c.body)
		}
	}
	links(t, p)
}

// What a proxy says of the host that was called counts from proxies alone that are trusted.
func TestPool_Multitenancy_UntrustedProxy(t *testing.T) {
	p, _ := multitenant(t, "192.0.2.1")
	for host, want := range map[string]string{"inner": "SUCCESS", "bio.pool.example.edu": "checksumError"} {
		body := at(t, p, host, "secret-of-arts", "getMeetings", "", "X-Forwarded-Host: arts.pool.example.edu")
		if !strings.Contains(body, want) {
			t.Errorf("%s: %s", host, body)
		}
	}
}

// links checks what the links of a tenant's recordings begin with.
func links(t *testing.T, p *assembly.Pool) {
	t.Helper()
	for _, tenant := range []string{"0b6-arts", store.DefaultTenant} {
		err := p.Stores.Index.CreateRecording(t.Context(), store.Recording{
			RecordID: tenant + "-1", Tenant: tenant, MeetingID: "past", State: store.Published, Start: time.Now(), End: time.Now(),
			Formats: []store.Format{{Type: "video", Path: "/video/" + tenant + "-1/"}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if body := at(t, p, "pool.example.edu", "secret-of-arts", "getRecordings", ""); !strings.Contains(body, "<url>https://arts.pool.example.edu/video/") {
		t.Errorf("a tenant's: %s", body)
	}
	if body := at(t, p, "pool.example.edu", secret, "getRecordings", ""); !strings.Contains(body, "<url>https://pool.test/video/") {
		t.Errorf("the default tenant's: %s", body)
	}
}

// Whoever has tenants and no host for them is told, and served.
func TestPool_MultitenancyWithoutHost(t *testing.T) {
	o := options(t)
	o.Settings.HTTP.Multitenancy = "true"
	p := open(t, o)
	run(t, p)
	if body := at(t, p, "x.example.edu", secret, "getMeetings", ""); !strings.Contains(body, "SUCCESS") {
		t.Errorf("getMeetings: %s", body)
	}
	if list := texts(p.Problems.List(t.Context())); !strings.Contains(strings.Join(list, "\n"), "without URL_HOST") {
		t.Errorf("problems: %v", list)
	}
}
