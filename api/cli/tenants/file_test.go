package tenants_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/cli/tenants"
)

const list = `
tenants:
  physics:
    name: Physics
    hosts: [physics.example.edu, "*.physics.example.edu"]
    url: https://physics.example.edu
    tag: big
    limits: {meetings: 10, duration: 1h30m, recording: false, servers: [big, none], requests: 2.5, statuses: true}
    params:
      - {call: create, op: cap, name: maxParticipants, value: 50}
    secrets:
      first: env:PHYSICS_SECRET
      made: generated
      0123: 0123
      guest: {secret: guest-secret, expires: 2026-04-01T00:00:00Z}
  default:
    enabled: false
  plain: {}
`

// environ is an environment that has one name.
func environ(name string) (string, bool) {
	if name != "PHYSICS_SECRET" {
		return "", false
	}
	return "from-environment", true
}

// A list is read whole; what is left out is what a new tenant has.
func TestRead(t *testing.T) {
	got, err := tenants.Read(strings.NewReader(list), environ)
	if err != nil {
		t.Fatal(err)
	}
	end := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	want := []v1.SyncTenant{
		{ID: "default", Limits: v1.TenantLimits{Recording: true}},
		{
			ID: "physics", Name: "Physics", Enabled: true, Hosts: []string{"physics.example.edu", "*.physics.example.edu"},
			URL: "https://physics.example.edu", Scoped: true, Tag: "big",
			Secrets: []v1.NewTenantSecret{
				{Name: "0123", Secret: "0123"},
				{Name: "first", Secret: "from-environment"},
				{Name: "guest", Secret: "guest-secret", Expires: &end},
				{Name: "made"},
			},
			Params: []v1.ParamRule{{Call: "create", Op: "cap", Name: "maxParticipants", Value: "50"}},
			Limits: v1.TenantLimits{
				Meetings: 10, DurationMinutes: 90, Servers: []string{"big", "none"}, Requests: 2.5, Statuses: true,
			},
		},
		{ID: "plain", Enabled: true, Scoped: true, Limits: v1.TenantLimits{Recording: true}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got, err := tenants.Read(strings.NewReader("tenants: {}"), environ); err != nil || got == nil || len(got) != 0 {
		t.Errorf("none: %v, %v", got, err)
	}
}

// What is wrong with a list is said with its line, and without its secrets.
func TestRead_Wrong(t *testing.T) {
	for text, want := range map[string]string{
		"":                          `there is no "tenants" in it`,
		"tenants:":                  `there is no "tenants" in it`,
		"servers: {}":               `line 1: "servers" is unknown`,
		"tenants: {a: {secret: s}}": `line 1: "secret" is unknown`,
		"tenants:\n  a:\n    secrets: {x: hidden-secret}\n    hidden-secret: 1":      "line 4: this name is unknown",
		"tenants:\n  a:\n    limits: {meetings: hidden-secret}":                      "line 3: cannot unmarshal",
		"tenants:\n  a:\n    secrets: {x: {secret: hidden-secret, until: never}}":    "line 3: a secret has nothing but",
		"tenants:\n  a:\n    secrets: {x: {secret: hidden-secret, expires: hidden}}": "line 3: want a secret by itself",
		"tenants:\n  a:\n    secrets: [hidden-secret]":                               "line 3: cannot unmarshal",
		"tenants:\n  a:\n    secrets: {x: }":                                         `secret "x": missing`,
		"tenants:\n  a:\n    secrets: {x: env:NOWHERE}":                              `"NOWHERE" is not set`,
		"tenants:\n  a:\n    limits: {duration: 90s}":                                "whole minutes",
		"tenants:\n  a: {}\n  a: {}":                                                 "line 3: mapping key",
		"tenants: {}\n---\ntenants: {}":                                              "another document",
		"tenants: [hidden-secret":                                                    "no YAML: ",
		"tenants:\n  a:\n    name: {hidden-secret: 1":                                "no YAML: ",
		"# " + strings.Repeat("x", 16<<20):                                           "larger than 16",
	} {
		_, err := tenants.Read(strings.NewReader(text), environ)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%.60q: %v, want %s", text, err, want)
		}
	}
}

// What is written is read as it was, with the secrets or without.
func TestWrite(t *testing.T) {
	end := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	all := []v1.Tenant{{
		ID: "a", Name: "A \x07", State: v1.Disabled, Hosts: []string{"*.a.example"}, URL: "https://a.example", Scoped: true, Tag: "0123",
		IgnoreHints: true, Params: []v1.ParamRule{{Call: "join", Op: "remove", Name: "x"}},
		Limits: v1.TenantLimits{DurationMinutes: 90, Servers: []string{"yes"}},
		Secrets: []v1.TenantSecret{
			{Name: "x", Secret: "0x1f", Source: "stored"},
			{Name: "y", Secret: "true", Expires: &end, Source: "stored"},
			{Name: "environment", Secret: "elsewhere", Source: "environment"},
		},
	}}
	want := v1.SyncTenant{
		ID: "a", Name: "A \x07", Hosts: []string{"*.a.example"}, URL: "https://a.example", Scoped: true, Tag: "0123", IgnoreHints: true,
		Params: []v1.ParamRule{{Call: "join", Op: "remove", Name: "x"}},
		Limits: v1.TenantLimits{DurationMinutes: 90, Servers: []string{"yes"}},
	}
	for _, secrets := range []bool{false, true} {
		if secrets {
			want.Secrets = []v1.NewTenantSecret{{Name: "x", Secret: "0x1f"}, {Name: "y", Secret: "true", Expires: &end}}
		}
		text, err := tenants.Write(all, secrets)
		if err != nil {
			t.Fatal(err)
		}
		got, err := tenants.Read(strings.NewReader(string(text)), environ)
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		if diff := cmp.Diff([]v1.SyncTenant{want}, got); diff != "" {
			t.Errorf("%s\n%s", text, diff)
		}
	}
}

// Whatever a list has, nothing of it breaks the reader.
func FuzzRead(f *testing.F) {
	f.Add(list)
	f.Add("tenants: {a: &x {secrets: {b: *x}}}")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := tenants.Read(strings.NewReader(text), environ)
		if (err == nil) != (got != nil) {
			t.Errorf("%v, %v", got, err)
		}
	})
}
