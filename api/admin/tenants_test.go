package admin_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/store"
)

// Secrets of tenants are masked wherever they are not asked for, and the log says who has asked.
func TestClient_Tenants(t *testing.T) {
	p := newTestPool(t)
	_, err := p.stores.State.CreateTenant(t.Context(), store.Tenant{
		ID: store.DefaultTenant, Name: "First",
		Secrets: []store.TenantSecret{{Name: "n1", Secret: "old-secret"}, {Name: "n2"}, {Name: "n3", Secret: "new-secret"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/tenants", "/tenants/default", "/tenants?reveal=false", "/tenants/default/secrets"} {
		status, body := p.request(t, "GET", path, "")
		if status != http.StatusOK || strings.Contains(body, "-secret") || strings.Count(body, `"secret":"***"`) != 2 {
			t.Errorf("%s answered %d %s", path, status, body)
		}
	}
	if strings.Contains(p.log.String(), "shown") {
		t.Errorf("logged %s", p.log)
	}
	got, err := p.Tenants.Show(t.Context(), store.DefaultTenant)
	if err != nil || got.Source != "stored" || got.Name != "First" || got.State != v1.Enabled || got.Generated {
		t.Errorf("tenant %+v, %v", got, err)
	}
	for name, want := range map[string]v1.Secret{"n1": "old-secret", "n3": "new-secret"} {
		if s, err := p.Tenants.Reveal(t.Context(), store.DefaultTenant, name); err != nil || s.Secret != want || s.Name != name {
			t.Errorf("%s: %#v, %v", name, s, err)
		}
	}
	if all, err := p.Tenants.RevealAll(t.Context()); err != nil || len(all) != 1 || all[0].Secrets[1].Secret != "new-secret" {
		t.Errorf("all: %v, %v", all, err)
	}
	if strings.Contains(p.log.String(), "-secret") || strings.Count(p.log.String(), "shown") != 3 {
		t.Errorf("logged %s", p.log)
	}
	_, err = p.Tenants.Show(t.Context(), "nobody")
	refused(t, err, http.StatusNotFound, "nobody")
	_, err = p.Tenants.Reveal(t.Context(), "nobody", "")
	refused(t, err, http.StatusNotFound, "nobody")
	_, err = p.Tenants.Reveal(t.Context(), store.DefaultTenant, "n9")
	refused(t, err, http.StatusNotFound, "n9")
}

// A tenant is added, changed, shut out, let in and removed, and each of that is in force at once.
func TestClient_Tenants_Life(t *testing.T) {
	p := newTestPool(t)
	reloaded := 0
	p.api.Tenants.Reload = reload(&reloaded)
	meetings, none := 5, 0
	added, err := p.Tenants.Add(t.Context(), v1.NewTenant{
		ID: "physics", Hosts: []string{"Physics.Example.edu."}, Limits: &v1.LimitChange{Meetings: &meetings},
	})
	if err != nil || !added.Scoped || added.Name != "physics" || len(added.Secrets) != 1 || added.Secrets[0].Name != "first" ||
		!cmp.Equal(added.Hosts, []string{"physics.example.edu"}) || added.Limits.Meetings != 5 || !added.Limits.Recording {
		t.Fatalf("added %+v, %v", added, err)
	}
	changed, err := p.Tenants.Change(t.Context(), "physics", v1.TenantChange{Limits: &v1.LimitChange{Meetings: &none}})
	if err != nil || changed.Limits.Meetings != 0 || len(changed.Hosts) != 1 {
		t.Errorf("changed into %+v, %v", changed, err)
	}
	if got, err := p.Tenants.Disable(t.Context(), "physics"); err != nil || got.State != v1.Disabled {
		t.Errorf("disabled %+v, %v", got, err)
	}
	if got, err := p.Tenants.Enable(t.Context(), "physics"); err != nil || got.State != v1.Enabled {
		t.Errorf("enabled %+v, %v", got, err)
	}
	if got, err := p.Tenants.Remove(t.Context(), "physics", false); err != nil || got.ID != "physics" || got.Left == nil {
		t.Errorf("removed %+v, %v", got, err)
	}
	if reloaded != 5 {
		t.Errorf("reloaded %d times", reloaded)
	}
	_, err = p.Tenants.Show(t.Context(), "physics")
	refused(t, err, http.StatusNotFound, "physics")
}

// Secrets are added, rotated and retired; answers and log never have one in clear.
func TestClient_TenantSecrets(t *testing.T) {
	p := newTestPool(t)
	if _, err := p.Tenants.Add(t.Context(), v1.NewTenant{ID: "a"}); err != nil {
		t.Fatal(err)
	}
	given, err := p.Tenants.AddSecret(t.Context(), "a", v1.NewTenantSecret{Name: "given", Secret: "one-secret"})
	if err != nil || given.Name != "given" || len(given.Secrets) != 2 {
		t.Fatalf("added %+v, %v", given, err)
	}
	keep := time.Hour
	rotated, err := p.Tenants.RotateSecret(t.Context(), "a", v1.Rotation{Name: "next", Secret: "two-secret", Keep: &keep})
	if err != nil || len(rotated.Secrets) != 3 || rotated.Secrets[0].Expires == nil || rotated.Secrets[1].Expires == nil ||
		rotated.Secrets[2].Expires != nil {
		t.Fatalf("rotated %+v, %v", rotated, err)
	}
	if s, err := p.Tenants.Reveal(t.Context(), "a", ""); err != nil || s.Secret != "two-secret" {
		t.Errorf("the one to give is %#v, %v", s, err)
	}
	if _, err := p.Tenants.RetireSecret(t.Context(), "a", "given", false); err != nil {
		t.Error(err)
	}
	status, body := p.request(t, "POST", "/tenants/a/secrets", `{"secret":"three-secret"}`)
	if status != http.StatusCreated || strings.Contains(body+p.log.String(), "-secret") {
		t.Errorf("answered %d %s, logged %s", status, body, p.log)
	}
}

// A list is compared, performed, and compared again: then there is nothing to do.
func TestClient_TenantSync(t *testing.T) {
	p := newTestPool(t)
	list := v1.TenantSync{Tenants: []v1.SyncTenant{{ID: "a", Enabled: true, Scoped: true, Limits: v1.TenantLimits{Recording: true}}}}
	for i, want := range []int{1, 0} {
		got, err := p.Tenants.Sync(t.Context(), list, ignore)
		if err != nil || len(got.Changes) != want || want == 1 && got.Changes[0].Action != "created" {
			t.Errorf("sync %d: %+v, %v", i+1, got, err)
		}
	}
	_, err := p.Tenants.Sync(t.Context(), v1.TenantSync{}, ignore)
	if err != nil {
		t.Errorf("an empty list: %v", err)
	}
	_, err = p.Tenants.Sync(t.Context(), v1.TenantSync{Mode: "force"}, ignore)
	refused(t, err, http.StatusBadRequest, "mode")
	list.Tenants[0].Params = []v1.ParamRule{{Call: "create", Op: "cap", Name: "record", Value: "5"}}
	_, err = p.Tenants.Sync(t.Context(), list, ignore)
	refused(t, err, http.StatusBadRequest, "params: record: cap is for numbers")
}

// The secret of the first start can be retired once there is another, and is not forgotten before.
func TestClient_DropGenerated(t *testing.T) {
	p := newTestPool(t)
	for _, id := range []string{store.DefaultTenant, "other"} {
		tenant := store.Tenant{ID: id, Secrets: []store.TenantSecret{{Name: "generated", Secret: "generated"}}}
		if _, err := p.stores.State.CreateTenant(t.Context(), tenant); err != nil {
			t.Fatal(err)
		}
	}
	reloaded := 0
	p.api.Tenants.Reload = reload(&reloaded)
	drop := v1.TenantChange{DropGenerated: true}
	_, err := p.Tenants.Change(t.Context(), store.DefaultTenant, drop)
	refused(t, err, http.StatusConflict, "LOADBALANCER_SECRET")
	p.api.Tenants.Environment = []store.Secret{"new", "generated"}
	_, err = p.Tenants.Change(t.Context(), store.DefaultTenant, drop)
	refused(t, err, http.StatusConflict, "still has the generated secret")
	p.api.Tenants.Environment = []store.Secret{"new"}
	_, err = p.Tenants.Change(t.Context(), "other", drop)
	refused(t, err, http.StatusBadRequest, "other")
	if got, err := p.Tenants.Show(t.Context(), store.DefaultTenant); err != nil || !got.Generated || reloaded != 0 {
		t.Errorf("before: %+v, %v", got, err)
	}
	for range 2 {
		got, err := p.Tenants.Change(t.Context(), store.DefaultTenant, drop)
		if err != nil || got.Generated || got.Source != "environment" || len(got.Secrets) != 1 {
			t.Errorf("dropped: %+v, %v", got, err)
		}
	}
	if kept, err := p.stores.State.Tenant(t.Context(), store.DefaultTenant); err != nil || len(kept.Secrets) != 0 {
		t.Errorf("stored %+v, %v", kept, err)
	}
	p.api.Tenants.Environment = nil
	st, err := p.Pool.Status(t.Context())
	if err != nil || len(st.Problems) != 1 || !strings.HasPrefix(st.Problems[0], "tenant default has no secret") {
		t.Errorf("without any: %q, %v", st.Problems, err)
	}
}

// Secrets from the environment are those of the default tenant, stored or not.
func TestClient_Tenants_Environment(t *testing.T) {
	p := newTestPool(t)
	p.api.Tenants.Environment = []store.Secret{"from-env"}
	for _, stored := range []bool{false, true} {
		if stored {
			tenant := store.Tenant{ID: store.DefaultTenant, Secrets: []store.TenantSecret{{Name: "generated", Secret: "stored"}}}
			if _, err := p.stores.State.CreateTenant(t.Context(), tenant); err != nil {
				t.Fatal(err)
			}
		}
		got, err := p.Tenants.Show(t.Context(), store.DefaultTenant)
		if err != nil || got.Source != "environment" || len(got.Secrets) != 1 || got.Secrets[0].Source != "environment" {
			t.Errorf("stored %v: tenant %+v, %v", stored, got, err)
		}
		if s, err := p.Tenants.Reveal(t.Context(), store.DefaultTenant, ""); err != nil || s.Secret != "from-env" {
			t.Errorf("stored %v: secret %#v, %v", stored, s, err)
		}
		if list, err := p.Tenants.List(t.Context()); err != nil || len(list) != 1 || list[0].Source != "environment" {
			t.Errorf("stored %v: tenants %+v, %v", stored, list, err)
		}
	}
}

// A default tenant that nothing lets in is a problem of its own until it has a secret, wherever that comes from.
func TestTenants_Problems(t *testing.T) {
	p := newTestPool(t)
	if list := p.api.Tenants.Problems(t.Context()); list != nil {
		t.Errorf("before the first start: %+v", list)
	}
	if _, err := p.stores.State.CreateTenant(t.Context(), store.Tenant{ID: "default"}); err != nil {
		t.Fatal(err)
	}
	list := p.api.Tenants.Problems(t.Context())
	if len(list) != 1 || list[0].Severity != problems.Refusing || list[0].Subject.ID != "default" || list[0].Name != "no-secret" ||
		list[0].String() != "tenant default has no secret, every call of its front ends is refused: set LOADBALANCER_SECRET for "+
			"bbbpool serve, and restart it" {
		t.Errorf("without a secret: %+v", list)
	}
	p.api.Tenants.Environment = []store.Secret{"given"}
	if list := p.api.Tenants.Problems(t.Context()); list != nil {
		t.Errorf("with one from the environment: %+v", list)
	}
}
