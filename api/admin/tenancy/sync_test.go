package tenancy_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/store"
)

// sync brings the tenants in line with a list, and returns what has become of them, a line each.
func (p *pool) sync(list v1.TenantSync) (lines []string) {
	p.t.Helper()
	nop := zerolog.Nop()
	s, err := p.Compare(p.t.Context(), list)
	if err != nil {
		p.t.Fatal(err)
	}
	report, err := p.Perform(p.t.Context(), s, &nop, error.Error, func(v1.Progress) {})
	if err != nil {
		p.t.Fatal(err)
	}
	for _, c := range report.Changes {
		line := c.ID + " " + c.Action
		if len(c.Fields) > 0 && c.Action != "created" {
			line += ": " + strings.Join(c.Fields, ", ")
		}
		if c.Error+c.Warning != "" {
			line += "; " + c.Error + c.Warning
		}
		lines = append(lines, line)
	}
	return lines
}

var all = v1.TenantLimits{Recording: true}

func listed(id string) v1.SyncTenant {
	return v1.SyncTenant{ID: id, Enabled: true, Scoped: true, Limits: all}
}

// A list makes tenants what it says, a second time it has nothing to do, and a dry run does nothing.
func TestSync(t *testing.T) {
	p := newPool(t)
	a, b := listed("a"), listed("b")
	a.Hosts, a.Secrets = []string{"A.example.edu"}, []v1.NewTenantSecret{{Name: "given", Secret: "a-secret"}, {Name: "made"}}
	a.Params = []v1.ParamRule{{Call: "create", Op: "override", Name: "record", Value: "true"}}
	b.Limits.Meetings, b.Enabled = 5, false
	list := v1.TenantSync{Tenants: []v1.SyncTenant{b, a}}
	list.DryRun = true
	if diff := cmp.Diff([]string{"a created", "b created"}, p.sync(list)); diff != "" || p.reloaded != 0 {
		t.Errorf("dry, reloaded %d times:\n%s", p.reloaded, diff)
	}
	list.DryRun = false
	if diff := cmp.Diff([]string{"a created", "b created"}, p.sync(list)); diff != "" {
		t.Error(diff)
	}
	made := p.get("a")
	if names(made) != "given, made" || names(p.get("b")) != "first" || !p.get("b").Disabled || len(made.Params) != 1 {
		t.Errorf("made %+v", made)
	}
	if got := p.sync(list); got != nil {
		t.Errorf("again: %v", got)
	}
	list.Tenants[0].Enabled, list.Tenants[1].Hosts = true, nil
	list.Tenants[1].Secrets = []v1.NewTenantSecret{{Name: "given", Secret: "b-secret"}}
	want := []string{"a updated: hosts: a.example.edu -> none, secret given: *** -> ***, secret made: retired", "b enabled: state: disabled -> enabled"}
	if diff := cmp.Diff(want, p.sync(list)); diff != "" {
		t.Error(diff)
	}
	list.Tenants[1].Secrets = nil // they stay
	if got := p.sync(list); got != nil || names(p.get("a")) != "given" {
		t.Errorf("without secrets: %v", got)
	}
	end := now.Add(24 * time.Hour)
	list.Tenants[1].Secrets = []v1.NewTenantSecret{{Name: "given", Expires: &end}}
	want = []string{"a updated: secret given: expires never -> 2026-03-02T09:00:00Z"}
	if diff := cmp.Diff(want, p.sync(list)); diff != "" {
		t.Error(diff)
	}
}

// Tenants that are not listed stay, are disabled, or are removed as far as nobody is there.
func TestSync_Absent(t *testing.T) {
	p := newPool(t)
	p.add(v1.NewTenant{ID: "busy"})
	p.add(v1.NewTenant{ID: "idle"})
	p.add(v1.NewTenant{ID: "old"})
	if _, err := p.SetDisabled(t.Context(), "old", true); err != nil {
		t.Fatal(err)
	}
	p.meet("busy", 1)
	p.kept = []store.RecordingCount{{Tenant: "idle", State: store.Published, Count: 2}}
	none := v1.TenantSync{Tenants: []v1.SyncTenant{}}
	if got := p.sync(none); got != nil {
		t.Errorf("keep: %v", got)
	}
	none.Mode = v1.DisableTenants
	if diff := cmp.Diff([]string{"busy disabled", "idle disabled"}, p.sync(none)); diff != "" {
		t.Error(diff)
	}
	none.Mode = v1.RemoveTenants
	got := p.sync(none)
	if len(got) != 2 || !strings.HasPrefix(got[0], "idle removed; 2 recordings stay") || got[1] != "old removed" {
		t.Errorf("remove: %v", got)
	}
	p.meetings = nil
	if diff := cmp.Diff([]string{"busy removed"}, p.sync(none)); diff != "" {
		t.Error(diff)
	}
	if list, err := p.List(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("left: %+v, %v", list, err)
	}
}

// A host, or a secret, can go from one tenant to another in one list.
func TestSync_Handover(t *testing.T) {
	p := newPool(t)
	p.add(v1.NewTenant{ID: "a"}, "a-secret", "moving-secret")
	p.add(v1.NewTenant{ID: "b", Hosts: []string{"moving.example.edu"}}, "b-secret")
	a, b := listed("a"), listed("b")
	a.Hosts, a.Secrets = []string{"moving.example.edu"}, []v1.NewTenantSecret{{Name: "s1"}, {Name: "s2", Secret: "moving-secret"}}
	for _, line := range p.sync(v1.TenantSync{Tenants: []v1.SyncTenant{a, b}}) {
		if !strings.Contains(line, " updated: ") {
			t.Error(line)
		}
	}
	if a, b := p.get("a"), p.get("b"); len(a.Hosts) != 1 || len(b.Hosts) != 0 {
		t.Errorf("%+v, %+v", a, b)
	}
}

// A list with a mistake changes nothing, and all of them are told.
func TestSync_Invalid(t *testing.T) {
	p := newPool(t)
	p.add(v1.NewTenant{ID: "there", Name: "Taken"}, "there-secret")
	a, b := listed("a"), listed("b")
	a.Secrets = []v1.NewTenantSecret{{Name: "x", Secret: "one-secret"}}
	b.Secrets = []v1.NewTenantSecret{{Name: "x", Secret: "one-secret"}, {Name: "y", Secret: "there-secret"}}
	a.Hosts, b.Hosts = []string{"h.example.edu"}, []string{"h.example.edu"}
	b.Name = "taken"
	c := listed("C")
	c.Params = []v1.ParamRule{{Call: "end", Op: "cap", Name: "x"}, {Call: "join", Op: "gone", Name: "x"}, {Call: "join", Op: "cap"}}
	_, err := p.Compare(t.Context(), v1.TenantSync{Tenants: []v1.SyncTenant{a, b, c, a}})
	refused(t, err, http.StatusBadRequest, `"b": hosts: tenant a has "h.example.edu"`, `"b": secret x: tenant a has the same`,
		`"C": id: want`, "rule 1: call", "rule 2: op", "rule 3: want the name", `"a": id: it is in the list twice`,
		`tenant b has "taken" as well`, `"there": secret s1: tenant b has the same`)
	_, err = p.Compare(t.Context(), v1.TenantSync{})
	refused(t, err, http.StatusBadRequest, "tenants: missing")
	_, err = p.Compare(t.Context(), v1.TenantSync{Mode: "force", Tenants: []v1.SyncTenant{}})
	refused(t, err, http.StatusBadRequest, "mode: ")
	if list, err := p.List(t.Context()); err != nil || len(list) != 2 {
		t.Errorf("there are %+v, %v", list, err)
	}
}

// What somebody changes between the comparison and the change is not undone.
func TestSync_ChangedMeanwhile(t *testing.T) {
	p := newPool(t)
	p.add(v1.NewTenant{ID: "a"})
	want := listed("a")
	want.Tag = "big"
	s, err := p.Compare(t.Context(), v1.TenantSync{Tenants: []v1.SyncTenant{want}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.SetDisabled(t.Context(), "a", true); err != nil {
		t.Fatal(err)
	}
	nop := zerolog.Nop()
	report, err := p.Perform(t.Context(), s, &nop, error.Error, func(v1.Progress) {})
	if err != nil || len(report.Changes) != 1 || report.Changes[0].Action != "failed" ||
		!strings.Contains(report.Changes[0].Error, "changed meanwhile") || !p.get("a").Disabled {
		t.Errorf("got %+v, %v", report, err)
	}
}

// Whoever hangs up ends a sync after the step that is under way, and what was done by then is in force.
func TestSync_HungUp(t *testing.T) {
	p := newPool(t)
	s, err := p.Compare(t.Context(), v1.TenantSync{Tenants: []v1.SyncTenant{listed("a"), listed("b")}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, hangUp := context.WithCancel(t.Context())
	nop := zerolog.Nop()
	_, err = p.Perform(ctx, s, &nop, error.Error, func(v1.Progress) { hangUp() })
	if list, wrong := p.List(t.Context()); !errors.Is(err, context.Canceled) || wrong != nil || len(list) != 2 || p.reloaded != 1 {
		t.Errorf("%v, %v: %d tenants, reloaded %d times", err, wrong, len(list), p.reloaded)
	}
}
