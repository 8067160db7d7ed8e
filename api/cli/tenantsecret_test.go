package cli_test

import (
	"encoding/json"
	"strings"
	"testing"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
)

// The secret of the first start is off for good once it is dropped: no later start has it, or makes another.
func TestTenantSetCmd_DropGenerated(t *testing.T) {
	data, path := t.TempDir(), build(t)
	// start serves with a secret from the environment, or without one, and returns what the tenant has then.
	start := func(t *testing.T, secret string) (*program, v1.Tenant) {
		t.Helper()
		p := &program{path: path, data: data, env: []string{"LOADBALANCER_SECRET=" + secret}}
		p.serve(t)
		var tenant v1.Tenant
		if err := json.Unmarshal([]byte(p.do(t, "tenant", "show", "default", "--json")), &tenant); err != nil {
			t.Fatal(err)
		}
		return p, tenant
	}
	t.Run("generated", func(t *testing.T) {
		p, tenant := start(t, "")
		if len(tenant.Secrets) != 1 || !tenant.Generated || tenant.Source != "stored" {
			t.Errorf("tenant %+v", tenant)
		}
		if said, err := p.try("tenant", "set", "default", "--drop-generated"); err == nil || !strings.Contains(said, "would have no secret") {
			t.Errorf("dropped the only one: %v %s", err, said)
		}
	})
	t.Run("another is given", func(t *testing.T) {
		p, tenant := start(t, "given")
		if len(tenant.Secrets) != 1 || tenant.Secrets[0].Source != "environment" || !tenant.Generated {
			t.Errorf("tenant %+v", tenant)
		}
		if said := p.do(t, "tenant", "secret", "show", "default"); said != "given\n" {
			t.Errorf("the secret is %q", said)
		}
		if said := p.do(t, "tenant", "set", "default", "--drop-generated"); said != "tenant default: changed\n" {
			t.Errorf("it says %q", said)
		}
	})
	t.Run("none is given any more", func(t *testing.T) {
		p, tenant := start(t, "")
		if len(tenant.Secrets) != 0 || tenant.Generated {
			t.Errorf("tenant %+v", tenant)
		}
		if said := p.do(t, "status"); !strings.Contains(said, "tenant default has no secret") {
			t.Errorf("status says %s", said)
		}
	})
}
