package tenancy_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/gateway/tenancy"
	"github.com/bbbpool/bbbpool/api/lastuse"
	"github.com/bbbpool/bbbpool/store"
)

// now is when calls of these tests come.
var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// secrets makes a tenant's, named as they are.
func secrets(names ...string) (list []store.TenantSecret) {
	for _, name := range names {
		list = append(list, store.TenantSecret{Name: name, Secret: store.Secret(name)})
	}
	return list
}

// campus is the tenants of these tests.
var campus = []store.Tenant{
	{ID: "default", Name: "Default", Secrets: secrets("d1", "generated")},
	{ID: "arts", Name: "Faculty of Arts", Hosts: []string{"arts.example.edu", "*.arts.example.edu"}, Secrets: secrets("a1", "a2", "")},
	{ID: "bio", Name: "life", Hosts: []string{"*.example.edu", "arts.example.edu"}, Secrets: secrets("b1", "shared")},
	{ID: "chem", Name: "shut", Disabled: true, Secrets: secrets("c1", "a1")},
	{ID: "dance", Name: "Dance", Secrets: []store.TenantSecret{
		{Name: "d2", Secret: "d2", Expires: now}, {Name: "shared", Secret: "shared"}, {Name: "soon", Secret: "soon", Expires: now.Add(1)},
	}},
	{ID: "empty", Hosts: []string{"Empty.Example.Org:443"}},
}

// signed is a call with that secret.
func signed(t *testing.T, secret string) *bbb.Request {
	t.Helper()
	query := bbb.SHA256.Sign("join", "meetingID=room", bbb.Secret(secret))
	q, err := bbb.NewRequest(httptest.NewRequest(http.MethodGet, "/bigbluebutton/api/join?"+query, nil), "join")
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// caller is "tenant secret" of who has signed a call, or the key of the error.
func caller(t *testing.T, tenants *tenancy.Tenants, path, host, secret string) string {
	t.Helper()
	who, err := tenants.Verify(signed(t, secret), tenancy.Named{Tenant: path, Host: host}, now)
	if err != nil {
		if who.Tenant != nil {
			t.Errorf("%s at %s %s: %v, and a tenant", secret, path, host, err)
		}
		return err.Error()
	}
	return who.ID + " " + who.Signer
}

const refused = "checksumError: Checksums do not match"

// A call is the tenant's that its path and its host name, and nobody's if its secret is another's.
func TestTenants_Verify(t *testing.T) {
	tenants := &tenancy.Tenants{Config: tenancy.Config{Multitenancy: true, Host: "Pool.Example.Net"}}
	tenants.Serve(campus)
	for _, c := range []struct{ name, path, host, secret, want string }{
		{"by secret", "", "192.0.2.1", "b1", "bio b1"},
		{"by the second secret", "", "", "a2", "arts a2"},
		{"nobody's secret", "", "", "x", refused},
		{"an empty secret", "", "", "", refused},
		{"the first of two by ID", "", "", "shared", "bio shared"},
		{"of a disabled one, and another's", "", "", "a1", "arts a1"},
		{"of a disabled one", "", "", "c1", refused},
		{"expired just now", "", "", "d2", refused},
		{"about to expire", "", "", "soon", "dance soon"},

		{"by path", "arts", "", "a1", "arts a1"},
		{"the second of two by path", "dance", "", "shared", "dance shared"},
		{"another's secret by path", "arts", "", "b1", refused},
		{"no such path", "nobody", "", "a1", refused},
		{"disabled, by path", "chem", "", "c1", refused},
		{"expired, by path", "dance", "", "d2", refused},
		{"without a secret, by path", "empty", "", "", refused},

		{"by host", "", "arts.example.edu", "a1", "arts a1"},
		{"with port and in capitals", "", "ARTS.Example.edu:8443", "a1", "arts a1"},
		{"with a dot at the end", "", "arts.example.edu.", "a1", "arts a1"},
		{"the host is the first's by ID", "", "arts.example.edu", "b1", refused},
		{"by the longest wildcard", "", "x.arts.example.edu", "a1", "arts a1"},
		{"by a deep wildcard", "", "x.y.arts.example.edu", "a1", "arts a1"},
		{"by the shorter wildcard", "", "x.example.edu", "b1", "bio b1"},
		{"not what the wildcard stands on", "", "example.edu", "a1", "arts a1"},
		{"another's secret by wildcard", "", "x.example.edu", "a1", refused},
		{"of a tenant without secrets", "", "empty.example.org", "a1", refused},

		{"by path and host", "arts", "arts.example.edu", "a1", "arts a1"},
		{"path and host of two", "arts", "x.example.edu", "a1", refused},
		{"path and host of two, the other's secret", "arts", "x.example.edu", "b1", refused},

		{"by the first label, a name", "", "life.pool.example.net", "b1", "bio b1"},
		{"in capitals", "", "LIFE.pool.example.net:443", "b1", "bio b1"},
		{"by the first label, an ID", "", "arts.pool.example.net", "a1", "arts a1"},
		{"by the first label, the default tenant", "", "default.pool.example.net", "d1", "default d1"},
		{"no such label", "", "nobody.pool.example.net", "a1", refused},
		{"no such label, with a path", "arts", "nobody.pool.example.net", "a1", refused},
		{"another's label", "", "dance.pool.example.net", "b1", refused},
		{"a disabled one's label", "", "shut.pool.example.net", "c1", refused},
		{"two labels", "", "x.life.pool.example.net", "b1", refused},
		{"the pool's host is nobody's", "", "pool.example.net", "b1", "bio b1"},
		{"not below the pool's host", "", "xpool.example.net", "b1", "bio b1"},
	} {
		if got := caller(t, tenants, c.path, c.host, c.secret); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// Without Scalelite's rule no label means anything, and before anything is loaded nobody is served.
func TestTenants_Verify_WithoutTheRule(t *testing.T) {
	tenants := &tenancy.Tenants{Config: tenancy.Config{Host: "pool.example.net"}}
	if got := caller(t, tenants, "", "", "d1"); got != refused {
		t.Errorf("before anything is loaded: %s", got)
	}
	tenants.Serve(campus)
	if got := caller(t, tenants, "", "nobody.pool.example.net", "a1"); got != "arts a1" {
		t.Errorf("got %s", got)
	}
}

// The environment's secrets stand before those that are stored, and instead of the one that was made for want of any.
func TestTenants_Verify_Environment(t *testing.T) {
	tenants := &tenancy.Tenants{Config: tenancy.Config{Environment: []store.Secret{"e1", "e2"}}}
	tenants.Serve(campus)
	for secret, want := range map[string]string{
		"e1": "default environment", "e2": "default environment-2", "d1": "default d1", "generated": refused,
	} {
		if got := caller(t, tenants, "", "", secret); got != want {
			t.Errorf("%s: got %s, want %s", secret, got, want)
		}
	}
}

// A tenant's links begin with its own address; under Scalelite's rule everybody has one.
func TestTenant_URL(t *testing.T) {
	for _, c := range []struct {
		name   string
		config tenancy.Config
		tenant store.Tenant
		want   string
	}{
		{"none", tenancy.Config{Host: "pool.test"}, store.Tenant{ID: "arts"}, ""},
		{"its own", tenancy.Config{}, store.Tenant{ID: "arts", URL: "https://arts.test/"}, "https://arts.test"},
		{"its own before the rule's", tenancy.Config{Multitenancy: true, Host: "pool.test"}, store.Tenant{ID: "arts", URL: "https://arts.test"}, "https://arts.test"},
		{"the rule's", tenancy.Config{Multitenancy: true, Host: "pool.test"}, store.Tenant{ID: "a-1", Name: "Arts"}, "https://arts.pool.test"},
		{"a name that is no label", tenancy.Config{Multitenancy: true, Host: "pool.test"}, store.Tenant{ID: "a-1", Name: "Fine Arts"}, "https://a-1.pool.test"},
		{"the default tenant's", tenancy.Config{Multitenancy: true, Host: "pool.test"}, store.Tenant{ID: "default", Name: "d"}, ""},
	} {
		tenants := &tenancy.Tenants{Config: c.config}
		c.tenant.Secrets = secrets("s")
		tenants.Serve([]store.Tenant{c.tenant})
		who, err := tenants.Verify(signed(t, "s"), tenancy.Named{}, now)
		if err != nil || who.URL != c.want {
			t.Errorf("%s: got %q, %v, want %q", c.name, who.URL, err, c.want)
		}
	}
}

// Calls are bounded a second, tenant by tenant, and reading the tenants again gives nobody more.
func TestTenant_Allow(t *testing.T) {
	tenants := &tenancy.Tenants{}
	list := []store.Tenant{
		{ID: "a", Secrets: secrets("a"), Limits: store.Limits{Requests: 2}},
		{ID: "b", Secrets: secrets("b")},
		{ID: "c", Secrets: secrets("c"), Limits: store.Limits{Requests: 0.5}},
	}
	tenants.Serve(list)
	allowed := func(secret string, at time.Time) (n int) {
		for range 5 {
			who, err := tenants.Verify(signed(t, secret), tenancy.Named{}, now)
			if err != nil {
				t.Fatal(err)
			}
			if who.Allow(at) {
				n++
			}
		}
		return n
	}
	if a, b, c := allowed("a", now), allowed("b", now), allowed("c", now); a != 2 || b != 5 || c != 1 {
		t.Errorf("at once: %d, %d, %d", a, b, c)
	}
	tenants.Serve(list)
	if a := allowed("a", now.Add(500*time.Millisecond)); a != 1 {
		t.Errorf("half a second later: %d", a)
	}
	list[0].Limits.Requests = 4
	tenants.Serve(list)
	if a := allowed("a", now.Add(500*time.Millisecond)); a != 4 {
		t.Errorf("with another limit: %d", a)
	}
}

// What verifies is noted as used, and nothing else is.
func TestTenants_Verify_NotesUses(t *testing.T) {
	uses := &lastuse.Uses{}
	tenants := &tenancy.Tenants{Config: tenancy.Config{Uses: uses}}
	tenants.Serve(campus)
	for _, secret := range []string{"a2", "c1", "d2", "x"} {
		_, _ = tenants.Verify(signed(t, secret), tenancy.Named{}, now)
	}
	tenants.Serve(campus)
	last := func(tenant, name string) time.Time {
		return uses.Last(store.Credential{Kind: store.CredentialSecret, Tenant: tenant, Name: name})
	}
	if got := last("arts", "a2"); !got.Equal(now) {
		t.Errorf("used: %s", got)
	}
	for _, c := range [][2]string{{"arts", "a1"}, {"chem", "c1"}, {"dance", "d2"}, {"bio", "b1"}} {
		if got := last(c[0], c[1]); !got.IsZero() {
			t.Errorf("%v: used at %s", c, got)
		}
	}
}

// Whoever asks for it hears from HTTP, too, that a call was refused, if the call has named it.
func TestTenants_Verify_Status(t *testing.T) {
	tenants := &tenancy.Tenants{}
	tenants.Serve([]store.Tenant{{ID: "a", Secrets: secrets("a"), Limits: store.Limits{Statuses: true}}, {ID: "b", Secrets: secrets("b")}})
	for path, want := range map[string]bool{"a": true, "b": false, "": false, "nobody": false} {
		who, err := tenants.Verify(signed(t, "wrong"), tenancy.Named{Tenant: path}, now)
		if err == nil || who.Status != want {
			t.Errorf("%q: got %t, %v", path, who.Status, err)
		}
	}
}

// Two tenants never have one alias, or one ID of a breakout room, and whoever is not scoped has no alias but for what servers
// would take for an internal ID. Who is alone has his own IDs.
func TestTenant_Alias(t *testing.T) {
	tenants := &tenancy.Tenants{}
	tenants.Serve([]store.Tenant{{ID: "a", Secrets: secrets("a"), Scoped: true}, {ID: "b", Secrets: secrets("b"), Scoped: true}, {ID: "c", Secrets: secrets("c")}})
	seen := map[string]bool{}
	for _, secret := range []string{"a", "b", "a"} {
		who, err := tenants.Verify(signed(t, secret), tenancy.Named{}, now)
		if err != nil {
			t.Fatal(err)
		}
		alias, spare := who.Alias("room-1")
		if again, other := who.Alias("room-1"); again != alias || other == spare || spare == alias {
			t.Errorf("%s: %q, %q and %q, %q", secret, alias, spare, again, other)
		}
		seen[alias], seen[who.Room("x-1700000000000")], seen[who.Room("x")] = true, true, true
	}
	if len(seen) != 6 {
		t.Errorf("%v", seen)
	}
	who, err := tenants.Verify(signed(t, "c"), tenancy.Named{}, now)
	if alias, spare := who.Alias("room-1"); err != nil || alias+spare != "" || seen[who.Room("x-1700000000000")] || who.Room("x-1") == "x-1" {
		t.Errorf("not scoped: %q, %q, %q, %v", alias, spare, who.Room("x-1"), err)
	}
	if alias, spare := who.Alias("42"); alias != "c_42" || spare == "" {
		t.Errorf("what may be internal: %q, %q", alias, spare)
	}
	tenants.Serve([]store.Tenant{{ID: "c", Secrets: secrets("c")}})
	who, err = tenants.Verify(signed(t, "c"), tenancy.Named{}, now)
	if alias, spare := who.Alias("42"); err != nil || alias+spare != "" || who.Room("x-1") != "x-1" {
		t.Errorf("alone: %q, %q, %q, %v", alias, spare, who.Room("x-1"), err)
	}
}
