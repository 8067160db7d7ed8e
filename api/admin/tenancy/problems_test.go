package tenancy_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/store"
)

// told are the problems in lines.
func (p *pool) told() (lines []string) {
	for _, one := range p.Problems(p.t.Context()) {
		lines = append(lines, fmt.Sprintf("%s %s %s: %s", one.Severity, one.Subject.ID, one.Name, one))
	}
	return lines
}

// A tenant whose front ends nothing lets in is told of, and one of which that is to be soon: when its last secret expires, and
// when a front end goes on with one that does. What nobody uses may expire, and whom nobody lets in anyway is well.
func TestProblems(t *testing.T) {
	p := newPool(t)
	soon, late := now.Add(2*24*time.Hour), now.Add(7*24*time.Hour)
	p.add(v1.NewTenant{ID: "fine"})
	p.add(v1.NewTenant{ID: "last", Secrets: []v1.NewTenantSecret{{Name: "a", Secret: "last-a", Expires: &soon}}})
	both := func(id string, end *time.Time) {
		p.add(v1.NewTenant{ID: id, Secrets: []v1.NewTenantSecret{
			{Name: "old", Secret: v1.Secret(id + "-old"), Expires: end}, {Name: "new", Secret: v1.Secret(id + "-new")},
		}})
	}
	both("clings", &soon)
	both("hurries", &late)
	both("done", &soon)
	p.used[store.Credential{Kind: store.CredentialSecret, Tenant: "clings", Name: "old"}] = now.Add(-time.Hour)
	p.used[store.Credential{Kind: store.CredentialSecret, Tenant: "hurries", Name: "old"}] = now.Add(-time.Hour)
	p.used[store.Credential{Kind: store.CredentialSecret, Tenant: "done", Name: "old"}] = now.Add(-3 * 24 * time.Hour)
	p.add(v1.NewTenant{ID: "none"})
	p.add(v1.NewTenant{ID: "off", Disabled: true})
	for _, id := range []string{"none", "off"} {
		if _, err := p.RetireSecret(t.Context(), id, "first", true); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		"advised clings secret-expires: a front end of tenant clings uses secret old still, which expires at 2026-03-03T09:00:00Z; " +
			"give it the one that stays: bbbpool tenant secret show clings",
		"advised last secret-expires: tenant last has no secret after 2026-03-03T09:00:00Z, every call of its front ends is refused " +
			"then: bbbpool tenant secret rotate last",
		"advised none no-secret: tenant none has no secret, every call of its front ends is refused: bbbpool tenant secret add none",
	}
	if diff := cmp.Diff(want, p.told()); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	if _, err := p.RetireSecret(t.Context(), store.DefaultTenant, store.GeneratedSecret, true); err != nil {
		t.Fatal(err)
	}
	if list := p.Problems(t.Context()); len(list) != 4 || list[1].Severity != problems.Refusing || list[1].Subject.ID != "default" {
		t.Errorf("with a default tenant that has none: %v", p.told())
	}
}

// Whoever has many tenants without a secret is told that once.
func TestProblems_Many(t *testing.T) {
	p := newPool(t)
	for i := range 53 {
		p.add(v1.NewTenant{ID: fmt.Sprintf("t%02d", i), Secrets: []v1.NewTenantSecret{{
			Name: "a", Secret: v1.Secret(fmt.Sprintf("secret-%d", i)), Expires: new(now.Add(time.Hour)),
		}}})
	}
	if list := p.told(); len(list) != 51 || list[50] !=
		"advised  more-secrets: 3 more tenants have no secret, or one that expires soon and is in use: bbbpool tenant list" {
		t.Errorf("%d problems, the last %s", len(list), list[len(list)-1])
	}
}
