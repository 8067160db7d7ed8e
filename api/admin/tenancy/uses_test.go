package tenancy_test

import (
	"context"
	"testing"
	"time"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/store"
)

// When a secret was used is forgotten before the tenants are read again: whoever notes uses from then on gets a place to note
// them in that counts, also where another secret has the name of one that is gone.
func TestForget_BeforeReload(t *testing.T) {
	const name = "arts-1"
	used := store.Credential{Kind: store.CredentialSecret, Tenant: "arts", Name: name}
	first := func(int) string { return name }
	for what, change := range map[string]func(p *pool) error{
		"replaced": func(p *pool) error {
			_, err := p.Replace(p.t.Context(), "arts", v1.TenantChange{}, []v1.Secret{"second-secret"}, first)
			return err
		},
		"rotated at once": func(p *pool) error {
			_, _, _, err := p.RotateSecret(p.t.Context(), "arts", v1.Rotation{Name: name, Keep: new(time.Duration(0))})
			return err
		},
		"retired": func(p *pool) error {
			_, err := p.RetireSecret(p.t.Context(), "arts", name, true)
			return err
		},
		"removed with its tenant": func(p *pool) error {
			_, _, err := p.Remove(p.t.Context(), "arts", false)
			return err
		},
	} {
		p := newPool(t)
		p.add(v1.NewTenant{ID: "arts", Secrets: []v1.NewTenantSecret{{Name: name, Secret: "first-secret"}}})
		p.used[used] = now
		p.Reload = func(context.Context) error {
			if _, there := p.used[used]; there {
				t.Errorf("%s: the tenants are read again, and the use is not forgotten", what)
			}
			return nil
		}
		if err := change(p); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}
