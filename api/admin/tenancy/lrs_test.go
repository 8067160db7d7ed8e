package tenancy_test

import (
	"strings"
	"testing"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/store"
)

// A learning record store is what was set for it, its secrets are shown to nobody, and without an endpoint nothing stays of it.
func TestChange_LRS(t *testing.T) {
	p := newPool(t)
	p.add(v1.NewTenant{ID: "a"})
	change := func(c v1.LRSChange) store.LRS {
		t.Helper()
		if _, err := p.Change(t.Context(), "a", v1.TenantChange{LRS: &c}); err != nil {
			t.Fatal(err)
		}
		return p.get("a").LRS
	}
	if shown := p.Record(p.get("a")).LRS; shown != nil {
		t.Errorf("of a tenant without one: %+v", shown)
	}
	endpoint, user, password := "https://lrs.example.edu/xapi", "u", v1.Secret("p-secret ")
	got := change(v1.LRSChange{Endpoint: &endpoint, User: &user, Password: &password})
	if want := (store.LRS{Endpoint: endpoint, User: user, Password: "p-secret "}); got != want {
		t.Errorf("set %+v", got)
	}
	token, client, other, none := "http://kc.example.edu/token", "c", v1.Secret("c-secret"), v1.Secret("")
	got = change(v1.LRSChange{TokenURL: &token, ClientID: &client, ClientSecret: &other, TokenUser: &user, Password: &none})
	if want := (store.LRS{
		Endpoint: endpoint, User: user, TokenURL: token, ClientID: client, ClientSecret: "c-secret", TokenUser: user,
	}); got != want {
		t.Errorf("set %+v", got)
	}
	if shown := p.Record(p.get("a")).LRS; shown.ClientSecret.String() != "***" || shown.Password.String() != "" {
		t.Errorf("shown %+v", shown)
	}
	empty := ""
	if got = change(v1.LRSChange{Endpoint: &empty}); got != (store.LRS{}) {
		t.Errorf("left %+v", got)
	}
}

// What cannot be a record store is refused, in words that repeat no secret.
func TestChange_LRSMistakes(t *testing.T) {
	p := newPool(t)
	p.add(v1.NewTenant{ID: "a"})
	text := func(s string) *string { return &s }
	secret := func(s v1.Secret) *v1.Secret { return &s }
	endpoint := text("https://lrs.example.edu")
	for want, c := range map[string]v1.LRSChange{
		"lrs.endpoint: missing":            {Password: secret("p-secret")},
		"lrs.endpoint: want https://HOST/": {Endpoint: text("https://u:p-secret@lrs")},
		"lrs.endpoint: want https://":      {Endpoint: text("file:///p-secret")},
		"up to 1000 bytes, without":        {Endpoint: text("https://lrs/" + strings.Repeat("x", 1000))},
		"lrs.token_url: want https://":     {Endpoint: endpoint, TokenURL: text("kc/p-secret")},
		"want a client_id and":             {Endpoint: endpoint, TokenURL: text("https://kc"), TokenUser: text("u")},
		"lrs.user: want up to":             {Endpoint: endpoint, User: text("u\r\nX: p-secret")},
		"lrs.password: want up to":         {Endpoint: endpoint, Password: secret("***")},
		"lrs.client_secret: want":          {Endpoint: endpoint, ClientSecret: secret(v1.Secret(strings.Repeat("x", 1001)))},
		"lrs.token_password: want":         {Endpoint: endpoint, TokenPassword: secret("p-secret\n")},
	} {
		_, err := p.Change(t.Context(), "a", v1.TenantChange{LRS: &c})
		refused(t, err, 400, want)
	}
	if got := p.get("a").LRS; got != (store.LRS{}) {
		t.Errorf("stored %+v", got)
	}
}

// A list of tenants says nothing of record stores, and takes none away.
func TestSync_LRS(t *testing.T) {
	p := newPool(t)
	p.add(v1.NewTenant{ID: "a"})
	endpoint, password := "https://lrs.example.edu", v1.Secret("p-secret")
	done, err := p.Change(t.Context(), "a", v1.TenantChange{LRS: &v1.LRSChange{Endpoint: &endpoint, Password: &password}})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := p.Compare(t.Context(), v1.TenantSync{Tenants: []v1.SyncTenant{{
		ID: "a", Enabled: true, Scoped: true, Limits: v1.TenantLimits{Recording: true},
	}}})
	if err != nil || plan.Changes() != 0 {
		t.Errorf("%d changes, %v", plan.Changes(), err)
	}
	if got := p.get("a").LRS; got != done.After.LRS {
		t.Errorf("left %+v", got)
	}
}
