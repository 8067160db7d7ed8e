package admin_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/store"
)

// Secrets of tenants are shown to those that ask for one tenant's, and to nobody else.
func TestClient_Tenants(t *testing.T) {
	p := newTestPool(t)
	_, err := p.stores.State.CreateTenant(t.Context(), store.Tenant{
		ID: store.DefaultTenant, Name: "First", Secrets: []store.Secret{"old-secret", "", "new-secret"},
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
	got, err := p.Tenant(t.Context(), store.DefaultTenant)
	if err != nil || got.Source != "stored" || got.Name != "First" {
		t.Errorf("tenant %+v, %v", got, err)
	}
	if diff := cmp.Diff([]string{"old-secret", "new-secret"}, got.Secrets); diff != "" {
		t.Errorf("secrets (-want +got):\n%s", diff)
	}
	if strings.Contains(p.log.String(), "-secret") || !strings.Contains(p.log.String(), "shown") {
		t.Errorf("logged %s", p.log)
	}
	_, err = p.Tenant(t.Context(), "nobody")
	refused(t, err, http.StatusNotFound, "nobody")
}

// Secrets from the environment are those of the default tenant, stored or not.
func TestClient_Tenants_Environment(t *testing.T) {
	p := newTestPool(t)
	p.api.EnvSecrets = []store.Secret{"from-env"}
	for _, stored := range []bool{false, true} {
		if stored {
			tenant := store.Tenant{ID: store.DefaultTenant, Secrets: []store.Secret{"stored"}}
			if _, err := p.stores.State.CreateTenant(t.Context(), tenant); err != nil {
				t.Fatal(err)
			}
		}
		got, err := p.Tenant(t.Context(), store.DefaultTenant)
		if err != nil || got.Source != "environment" || !cmp.Equal(got.Secrets, []string{"from-env"}) {
			t.Errorf("stored %v: tenant %+v, %v", stored, got, err)
		}
		if list, err := p.Tenants(t.Context()); err != nil || len(list) != 1 || list[0].Source != "environment" {
			t.Errorf("stored %v: tenants %+v, %v", stored, list, err)
		}
	}
}
