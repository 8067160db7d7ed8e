package cli_test

import (
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/store"
)

// A record store is set by flags, its secrets come from wherever they lie, and none is shown by anything.
func TestTenantSetCmd_LRS(t *testing.T) {
	p := newPool(t)
	p.typical(t)
	t.Setenv("KEYCLOAK", "hidden-client")
	set := func(in, line string) string {
		t.Helper()
		o := p.in(t, in, false, append([]string{"tenant", "set", "default"}, strings.Fields(line)...)...)
		if o.failed != nil {
			return o.failed.Error()
		}
		return o.out
	}
	if said := set("hidden-typed\n", "--lrs-endpoint https://lrs.example.edu --lrs-user u --lrs-password -"); said != "tenant default: changed\n" {
		t.Error(said)
	}
	said := set("", "--lrs-token-url https://kc.example.edu --lrs-client-id c --lrs-client-secret env:KEYCLOAK --lrs-token-user tu "+
		"--lrs-token-password hidden-given")
	if said != "tenant default: changed\n" {
		t.Error(said)
	}
	for line, want := range map[string]string{
		"--lrs-password - --lrs-client-secret -": "the standard input is read for --lrs-password already",
		"--lrs-password env:NOBODY_HAS_SET_THIS": "is not set in the environment",
		"--lrs-endpoint ftp://x":                 "lrs.endpoint: want https://HOST/",
	} {
		if said := set("x\n", line); !strings.Contains(said, want) {
			t.Errorf("%s: %s", line, said)
		}
	}
	tenant, err := p.stores.State.Tenant(t.Context(), store.DefaultTenant)
	want := store.LRS{
		Endpoint: "https://lrs.example.edu", User: "u", Password: "hidden-typed", TokenURL: "https://kc.example.edu", ClientID: "c",
		ClientSecret: "hidden-client", TokenUser: "tu", TokenPassword: "hidden-given",
	}
	if err != nil || tenant.LRS != want {
		t.Errorf("stored %+v, %v", tenant.LRS, err)
	}
	for _, line := range []string{
		"tenant show default", "tenant show default --json", "tenant export --secrets", "audit", "audit --json",
	} {
		o := p.run(t, "", strings.Fields(line)...)
		if o.failed != nil || strings.Contains(o.out+o.err, "hidden-") {
			t.Errorf("%s: %+v", line, o)
		}
		if line == "tenant show default" && !strings.Contains(o.out, "token client secret    ***") {
			t.Error(o.out)
		}
	}
	if said := set("", "--lrs-endpoint="); said != "tenant default: changed\n" {
		t.Error(said)
	}
}
