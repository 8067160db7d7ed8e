package gateway_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

// An announcement is read whatever the case of its name; what cannot be one is none.
func TestCreate_Hint(t *testing.T) {
	p := start(t, settings{servers: 1})
	for i, c := range []struct {
		query string
		want  int
	}{
		{"meta_bbb-meeting-size-hint=40", 40},
		{"meta_BBB-Meeting-Size-Hint=40", 40},
		{"META_bbb-meeting-size-hint=40", 40},
		{"meta_bbb-meeting-size-hint=100000", 100_000},
		{"meta_bbb-meeting-size-hint=100001", 0},
		{"meta_bbb-meeting-size-hint=99999999999999999999", 0},
		{"meta_bbb-meeting-size-hint=-3", 0},
		{"meta_bbb-meeting-size-hint=many", 0},
		{"meta_bbb-meeting-size-hint=4.5", 0},
		{"meta_bbb-meeting-size-hint=", 0},
		{"bbb-meeting-size-hint=40", 0},
	} {
		id := fmt.Sprintf("room-%d", i)
		if a := p.call("create", createQuery(id)+"&"+c.query); a.Returncode != "SUCCESS" {
			t.Fatal(a.body)
		}
		found, err := p.ledger.Peek(key(id))
		if err != nil {
			t.Fatal(err)
		}
		want := placement.FromHint
		if c.want == 0 {
			want = placement.FromDefault
		}
		if found.Claim.Hint != c.want || found.Claim.Why.Basis != string(want) {
			t.Errorf("%s: %d by %s, want %d", c.query, found.Claim.Hint, found.Claim.Why.Basis, c.want)
		}
	}
}

// Which tag counts: overrides before the request before the tenant's before the defaults, as in Scalelite.
func TestCreate_TagOrder(t *testing.T) {
	for _, c := range []struct{ request, tenant, defaults, override, want string }{
		{},
		{defaults: "d", want: "d"},
		{tenant: "t", defaults: "d", want: "t"},
		{request: "meta_server-tag=r", tenant: "t", defaults: "d", want: "r"},
		{request: "meta_Server-Tag=r", tenant: "t", defaults: "d", want: "r"},
		{request: "meta_server-tag=none", tenant: "t", want: ""},
		{request: "meta_server-tag=r", tenant: "t", defaults: "d", override: "o", want: "o"},
		{request: "meta_Server-Tag=r", override: "o", want: "o"},
		{tenant: "t;d!", want: "t"},
		{tenant: "missing", want: ""},
	} {
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			tags := []string{"", "d", "t", "r", "o"}
			p := start(t, settings{
				servers: len(tags), server: func(s *store.Server) { s.Tag = tags[s.ID[3]-'1'] },
				change: func(_ *poller.Config, g *gatewayConfig) {
					if c.defaults != "" {
						g.Params.DefaultCreate = "meta_server-tag=" + c.defaults
					}
					if c.override != "" {
						g.Params.OverrideCreate = "meta_server-tag=" + c.override
					}
				},
			})
			if c.want == "t" {
				p.poller.SetServer(p.as("sim2", store.Disabled)) // "t;d" may take either
			}
			p.gateway.SetTenants([]store.Tenant{{ID: store.DefaultTenant, Secrets: []store.TenantSecret{{Name: "n1", Secret: secret}}, Tag: c.tenant}})
			if a := p.call("create", createQuery("room")+"&"+c.request); a.Returncode != "SUCCESS" {
				t.Fatal(a.body)
			}
			if status, _ := p.poller.Server(p.server("room")); status.Tag != c.want {
				t.Errorf("created on a server with tag %q, want %q", status.Tag, c.want)
			}
		})
	}
}

// A tag that is required and nowhere to be had is refused, and counted.
func TestCreate_NoTag(t *testing.T) {
	p := start(t, settings{servers: 2})
	p.gateway.SetTenants([]store.Tenant{{ID: store.DefaultTenant, Secrets: []store.TenantSecret{{Name: "n1", Secret: secret}}, Tag: "gpu!"}})
	if a := p.call("create", createQuery("room")); a.Key != "serverTagUnavailable" {
		t.Errorf("create: %s", a.body)
	}
	if n := p.metric(`bbbpool_placement_refusals_total{cause="tag"}`); n != "1" {
		t.Errorf("%s refusals are counted, want 1", n)
	}
}

// What is stored of tenants holds as soon as they are loaded again: secrets, new and retired, and what is believed.
func TestGateway_LoadTenantsAgain(t *testing.T) {
	p := start(t, settings{servers: 1})
	ctx := t.Context()
	hint := func(id, secret string) (string, int) {
		t.Helper()
		query := createQuery(id) + "&meta_bbb-meeting-size-hint=40"
		resp, err := p.client.Get(p.http.URL + "/bigbluebutton/api/create?" + bbb.SHA256.Sign("create", query, bbb.Secret(secret)))
		if err != nil {
			t.Fatal(err)
		}
		a, err := read(resp)
		if err != nil {
			t.Fatal(err)
		}
		found, _ := p.ledger.Peek(store.MeetingKey{Tenant: "school", MeetingID: id})
		return a.Returncode + a.Key, found.Claim.Hint
	}
	if _, err := p.stores.State.CreateTenant(ctx, store.Tenant{ID: "school", Secrets: []store.TenantSecret{{Name: "n1", Secret: "first"}}}); err != nil {
		t.Fatal(err)
	}
	if got, _ := hint("room-1", "first"); got != "FAILEDchecksumError" {
		t.Errorf("before it is loaded: %s", got)
	}
	load := func() {
		t.Helper()
		if err := p.gateway.LoadTenants(ctx, p.stores.State, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	load()
	if got, n := hint("room-1", "first"); got != "SUCCESS" || n != 40 {
		t.Errorf("once it is loaded: %s with %d people announced, want 40", got, n)
	}
	_, err := p.stores.State.UpdateTenant(ctx, "school", func(s *store.Tenant) error {
		s.Secrets, s.IgnoreHints = []store.TenantSecret{{Name: "n1", Secret: "second"}}, true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	load()
	if got, _ := hint("room-2", "first"); got != "FAILEDchecksumError" {
		t.Errorf("with the secret that was retired: %s", got)
	}
	if got, n := hint("room-2", "second"); got != "SUCCESS" || n != 0 {
		t.Errorf("%s with %d people announced, want none believed", got, n)
	}
	if a := p.create("mine"); a.Returncode != "SUCCESS" {
		t.Errorf("the default tenant: %s", a.body)
	}
}

// A server that takes three seconds for everything, longer than a connection may take, is slow and not dead once that is
// known: a create is waited for there.
func TestCreate_SlowServerIsNotDead(t *testing.T) {
	t.Parallel()
	p := start(t, settings{servers: 1})
	slow := p.sims[0]
	if err := slow.Fault(simulator.Fault{Kind: simulator.Slow, Delay: 3 * time.Second}); err != nil {
		t.Fatal(err)
	}
	p.waitFor("its pace to be known", func() bool {
		return p.poller.Patience(slow.ID()) > 3*time.Second && p.health(slow.ID()) == poller.Online
	})
	for i := range 2 {
		p.create(fmt.Sprintf("room-%d", i))
	}
	if n := slow.Calls("create"); n != 2 {
		t.Errorf("the server saw %d creates, want 2", n)
	}
	if h := p.health(slow.ID()); h != poller.Online {
		t.Errorf("it is %s", h)
	}
}

// The server gets the tag of its own that was wished for, as it does from Scalelite, and none where it has none.
func TestCreate_TagThatWasChosen(t *testing.T) {
	p := start(t, settings{servers: 2, server: func(s *store.Server) {
		if s.ID == "sim2" {
			s.Tag = "gpu"
		}
	}})
	for i, c := range []struct{ asked, tag string }{
		{"meta_server-tag=gpu", "gpu"},
		{"meta_server-tag=gpu!", "gpu"},
		{"meta_server-tag=cpu%3Bgpu%21", "gpu"},
		{"meta_Server-TAG=gpu!", "gpu"},
		{"meta_Server-TAG=gpu!&META_SERVER-TAG=cpu&meta_server-tag=none", "gpu"},
		{"meta_server-tag=cpu", ""},
		{"meta_server-tag=none", ""},
		{"meta_server-tag=", ""},
		{"welcome=a+b%20c", ""},
	} {
		id := fmt.Sprintf("room-%d", i)
		for range 2 { // the repeat, too
			if a := p.call("create", createQuery(id)+"&"+c.asked); a.Returncode != "SUCCESS" {
				t.Fatalf("%s: %s", c.asked, a.body)
			}
		}
		m, ok := p.sim(p.server(id)).Meeting(id)
		if !ok {
			t.Fatalf("%s: no meeting", c.asked)
		}
		got := map[string]string{}
		for name, value := range m.Params {
			if strings.EqualFold(name, "meta_server-tag") {
				got[name] = value
			}
		}
		want := map[string]string{}
		if c.tag != "" {
			want["meta_server-tag"] = c.tag
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.asked, diff)
		}
	}
}
