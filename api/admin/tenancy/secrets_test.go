package tenancy_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/store"
)

// names are those of a tenant's secrets, with when they expire, in days from now.
func names(t store.Tenant) string {
	var list []string
	for _, s := range t.Secrets {
		name := s.Name
		if !s.Expires.IsZero() {
			name += fmt.Sprintf(" %gd", s.Expires.Sub(now).Hours()/24)
		}
		list = append(list, name)
	}
	return strings.Join(list, ", ")
}

// Secrets stand beside each other until somebody retires them, or they expire.
func TestAddSecret(t *testing.T) {
	p := newPool(t)
	p.add(v1.NewTenant{ID: "a"}, "old-secret")
	end := now.Add(30 * 24 * time.Hour)
	for _, n := range []v1.NewTenantSecret{{}, {}, {Name: "guest", Secret: " guest-secret ", Expires: &end}} {
		if _, _, err := p.AddSecret(t.Context(), "a", n); err != nil {
			t.Fatal(err)
		}
	}
	a := p.get("a")
	if got := names(a); got != "s1, 2026-03-01, 2026-03-01-2, guest 30d" || a.Secrets[3].Secret != "guest-secret" {
		t.Errorf("secrets %s, %s", got, a.Secrets[3].Secret.Reveal())
	}
	_, _, err := p.AddSecret(t.Context(), "a", v1.NewTenantSecret{Name: "guest"})
	refused(t, err, http.StatusConflict, "has a secret guest already")
	for i := range 16 {
		if _, _, err := p.AddSecret(t.Context(), "a", v1.NewTenantSecret{Name: fmt.Sprintf("n%d", i)}); err != nil {
			t.Fatal(err)
		}
	}
	_, _, err = p.AddSecret(t.Context(), "a", v1.NewTenantSecret{Name: "more"})
	refused(t, err, http.StatusConflict, "has 20 secrets")
	p.Now = func() time.Time { return end }
	if _, _, err = p.AddSecret(t.Context(), "a", v1.NewTenantSecret{Name: "more"}); err != nil {
		t.Errorf("in the place of one that has expired: %v", err)
	}
	if _, stays := p.get("a").Secret("guest"); stays {
		t.Error("the one that has expired is there still")
	}
}

// The last secret that verifies is not retired, unless somebody insists; one of the environment never is here.
func TestRetireSecret(t *testing.T) {
	p := newPool(t)
	p.Environment = []store.Secret{"env-secret"}
	p.add(v1.NewTenant{ID: "a"}, "one-secret", "two-secret")
	used := store.Credential{Kind: store.CredentialSecret, Tenant: "a", Name: "s1"}
	p.used[used] = now
	if _, err := p.RetireSecret(t.Context(), "a", "s1", false); err != nil {
		t.Fatal(err)
	}
	if _, known := p.used[used]; known {
		t.Error("when it was used is known still")
	}
	_, err := p.RetireSecret(t.Context(), "a", "s1", false)
	refused(t, err, http.StatusNotFound, `no secret "s1"`)
	_, err = p.RetireSecret(t.Context(), "a", "s2", false)
	refused(t, err, http.StatusConflict, "would have no secret", "rotate a", "--force")
	if c, err := p.RetireSecret(t.Context(), "a", "s2", true); err != nil || len(c.After.Secrets) != 0 {
		t.Errorf("forced: %+v, %v", c, err)
	}
	_, err = p.RetireSecret(t.Context(), store.DefaultTenant, "environment", true)
	refused(t, err, http.StatusConflict, "LOADBALANCER_SECRET", "restart")
	if _, err := p.RetireSecret(t.Context(), store.DefaultTenant, store.GeneratedSecret, false); err != nil {
		t.Errorf("one that is not in use: %v", err)
	}
}

// A rotation adds a secret and lets the others expire, those earlier that were to expire earlier anyway.
func TestRotateSecret(t *testing.T) {
	p := newPool(t)
	p.add(v1.NewTenant{ID: "a"}, "one-secret")
	soon := now.Add(24 * time.Hour)
	if _, _, err := p.AddSecret(t.Context(), "a", v1.NewTenantSecret{Name: "guest", Expires: &soon}); err != nil {
		t.Fatal(err)
	}
	c, name, warning, err := p.RotateSecret(t.Context(), "a", v1.Rotation{})
	if got := names(c.After); err != nil || name != "2026-03-01" || warning != "" || got != "s1 7d, guest 1d, 2026-03-01" {
		t.Errorf("rotated: %s, %q, %v", got, warning, err)
	}
	none, most := time.Duration(0), 400*24*time.Hour
	c, _, _, err = p.RotateSecret(t.Context(), "a", v1.Rotation{Name: "now", Secret: "now-secret", Keep: &none})
	if got := names(c.After); err != nil || got != "now" {
		t.Errorf("at once: %s, %v", got, err)
	}
	_, _, _, err = p.RotateSecret(t.Context(), "a", v1.Rotation{Keep: &most})
	refused(t, err, http.StatusBadRequest, "365 days")
	_, _, _, err = p.RotateSecret(t.Context(), "a", v1.Rotation{Name: "now", Secret: "another-secret"})
	refused(t, err, http.StatusConflict, "has a secret now already")
	if got := names(p.get("a")); got != "now" {
		t.Errorf("after a refusal there are %s", got)
	}
	p.Environment = []store.Secret{"env-secret"}
	_, _, warning, err = p.RotateSecret(t.Context(), store.DefaultTenant, v1.Rotation{})
	if err != nil || !strings.Contains(warning, "LOADBALANCER_SECRET") {
		t.Errorf("beside the environment's: %q, %v", warning, err)
	}
}

// The secret to give to a front end is one that lasts.
func TestPresent(t *testing.T) {
	p := newPool(t)
	present := func(id, name string) string {
		s, err := p.Present(p.get(id), name)
		if err != nil {
			return err.Error()
		}
		return s.Name
	}
	p.add(v1.NewTenant{ID: "a"}, "one-secret")
	if got := present("a", ""); got != "s1" {
		t.Errorf("the only one: %s", got)
	}
	later := now.Add(time.Hour)
	p.Now = func() time.Time { return later }
	if _, _, _, err := p.RotateSecret(t.Context(), "a", v1.Rotation{Name: "next"}); err != nil {
		t.Fatal(err)
	}
	if present("a", "") != "next" || present("a", "s1") != "s1" {
		t.Errorf("after a rotation: %s", present("a", ""))
	}
	if got := present(store.DefaultTenant, ""); got != store.GeneratedSecret {
		t.Errorf("of the first start: %s", got)
	}
	p.Environment = []store.Secret{"env-secret", "old-env-secret"}
	if _, _, err := p.AddSecret(t.Context(), store.DefaultTenant, v1.NewTenantSecret{Name: "own"}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"": "environment", "own": "own", "environment-2": "environment-2", "generated": "generated"} {
		if got := present(store.DefaultTenant, name); got != want {
			t.Errorf("%q of the default tenant is %s, want %s", name, got, want)
		}
	}
	var inUse []string
	for _, s := range p.InUse(p.get(store.DefaultTenant)) {
		inUse = append(inUse, s.Name)
	}
	if got := strings.Join(inUse, ", "); got != "environment, environment-2, own" {
		t.Errorf("in use are %s", got)
	}
	if _, err := p.RetireSecret(t.Context(), "a", "next", false); err != nil {
		t.Fatal(err)
	}
	p.Now = func() time.Time { return now.Add(30 * 24 * time.Hour) }
	if got := present("a", ""); !strings.Contains(got, "has no secret") {
		t.Errorf("with nothing but one that has expired: %s", got)
	}
}

// The secret of the first start goes once there is another, of the environment or of the tenant's own.
func TestDropGenerated(t *testing.T) {
	p := newPool(t)
	drop := v1.TenantChange{DropGenerated: true}
	_, err := p.Change(t.Context(), store.DefaultTenant, drop)
	refused(t, err, http.StatusConflict, "would have no secret")
	_, _, err = p.AddSecret(t.Context(), store.DefaultTenant, v1.NewTenantSecret{Name: store.GeneratedSecret})
	refused(t, err, http.StatusBadRequest, "first start")
	if _, _, err := p.AddSecret(t.Context(), store.DefaultTenant, v1.NewTenantSecret{Name: "own"}); err != nil {
		t.Fatal(err)
	}
	if c, err := p.Change(t.Context(), store.DefaultTenant, drop); err != nil || names(c.After) != "own" {
		t.Errorf("dropped: %+v, %v", c, err)
	}
}
