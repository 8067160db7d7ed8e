package admin_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/store"
)

// Secrets of tenants are shown to those that ask for one tenant's, and to nobody else.
func TestClient_Tenants(t *testing.T) {
	p := newTestPool(t)
	_, err := p.stores.State.CreateTenant(t.Context(), store.Tenant{
		ID: store.DefaultTenant, Name: "First", Secrets: []store.TenantSecret{{Name: "n1", Secret: "old-secret"}, {Name: "n2", Secret: ""}, {Name: "n3", Secret: "new-secret"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/tenants", "/tenants/default", "/tenants/default?reveal=false"} {
		status, body := p.request(t, "GET", path, "")
		if status != http.StatusOK || strings.Contains(body, "-secret") || !strings.Contains(body, `["***","***"]`) {
			t.Errorf("%s answered %d %s", path, status, body)
		}
	}
	got, err := p.Tenants.Reveal(t.Context(), store.DefaultTenant)
	if err != nil || got.Source != "stored" || got.Name != "First" {
		t.Errorf("tenant %+v, %v", got, err)
	}
	if diff := cmp.Diff([]string{"old-secret", "new-secret"}, got.Secrets); diff != "" {
		t.Errorf("secrets (-want +got):\n%s", diff)
	}
	if strings.Contains(p.log.String(), "-secret") || !strings.Contains(p.log.String(), "shown") {
		t.Errorf("logged %s", p.log)
	}
	_, err = p.Tenants.Reveal(t.Context(), "nobody")
	refused(t, err, http.StatusNotFound, "nobody")
}

// The secret of the first start can be retired once there is another, and is not forgotten before.
func TestClient_DropGenerated(t *testing.T) {
	p := newTestPool(t)
	for _, id := range []string{store.DefaultTenant, "other"} {
		tenant := store.Tenant{ID: id, Secrets: []store.TenantSecret{{Name: "n1", Secret: "generated"}}}
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
	if got, err := p.Tenants.Reveal(t.Context(), store.DefaultTenant); err != nil || !got.Generated || reloaded != 0 {
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
			tenant := store.Tenant{ID: store.DefaultTenant, Secrets: []store.TenantSecret{{Name: "n1", Secret: "stored"}}}
			if _, err := p.stores.State.CreateTenant(t.Context(), tenant); err != nil {
				t.Fatal(err)
			}
		}
		got, err := p.Tenants.Reveal(t.Context(), store.DefaultTenant)
		if err != nil || got.Source != "environment" || !cmp.Equal(got.Secrets, []string{"from-env"}) {
			t.Errorf("stored %v: tenant %+v, %v", stored, got, err)
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
