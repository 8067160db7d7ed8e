package tenancy_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/admin/tenancy"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/driver"
)

var now = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// pool is a tenancy over a store, with meetings and recordings as a test has them.
type pool struct {
	*tenancy.Tenancy
	t        *testing.T
	meetings []placement.Info
	kept     []store.RecordingCount
	using    sync.Mutex
	used     map[store.Credential]time.Time
	reloaded int
	failing  error // of the next reloads
}

func (p *pool) Meetings() []placement.Info { return p.meetings }

func (p *pool) Tallies() map[string]placement.Tally {
	all := map[string]placement.Tally{}
	for _, m := range p.meetings {
		has := all[m.Tenant]
		has.Meetings++
		has.People += m.People
		if m.Placed.After(now.Add(-time.Hour)) {
			has.LastHour++
		}
		all[m.Tenant] = has
	}
	return all
}

func (p *pool) Last(c store.Credential) time.Time {
	p.using.Lock()
	defer p.using.Unlock()
	return p.used[c]
}

func (p *pool) Forget(_ context.Context, c store.Credential) error {
	p.using.Lock()
	defer p.using.Unlock()
	delete(p.used, c)
	return nil
}

func newPool(t *testing.T) *pool {
	t.Helper()
	stores, err := driver.Open(driver.Config{Data: t.TempDir(), Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stores.Close() })
	p := &pool{t: t, used: map[store.Credential]time.Time{}}
	p.Tenancy = &tenancy.Tenancy{
		Records: stores.State, Ledger: p, Uses: p, Now: func() time.Time { return now },
		Kept:   func(context.Context) ([]store.RecordingCount, error) { return p.kept, nil },
		Reload: func(context.Context) error { p.reloaded++; return p.failing },
	}
	_, err = stores.State.CreateTenant(t.Context(), store.Tenant{
		ID: store.DefaultTenant, Name: "Default", Created: now,
		Secrets: []store.TenantSecret{{Name: store.GeneratedSecret, Secret: "generated-secret", Created: now}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// add adds a tenant with these secrets, or one that is made.
func (p *pool) add(n v1.NewTenant, secrets ...string) store.Tenant {
	p.t.Helper()
	for i, s := range secrets {
		n.Secrets = append(n.Secrets, v1.NewTenantSecret{Name: fmt.Sprintf("s%d", i+1), Secret: v1.Secret(s)})
	}
	t, _, err := p.Add(p.t.Context(), n)
	if err != nil {
		p.t.Fatal(err)
	}
	return t
}

func (p *pool) get(id string) store.Tenant {
	p.t.Helper()
	t, err := p.Get(p.t.Context(), id)
	if err != nil {
		p.t.Fatal(err)
	}
	return t
}

// refused tells whether err is a refusal with that status and these words, none of which is a secret.
func refused(t *testing.T, err error, status int, words ...string) {
	t.Helper()
	e, ok := errors.AsType[*v1.Error](err)
	if !ok || e.Status != status {
		t.Errorf("got %v, want a refusal with status %d", err, status)
		return
	}
	for _, w := range words {
		if !strings.Contains(e.Message, w) {
			t.Errorf("%q has no %q", e.Message, w)
		}
	}
	if strings.Contains(e.Message, "-secret") {
		t.Errorf("%q has a secret", e.Message)
	}
}

// A new tenant has its meetings apart from others, and a secret that nobody could guess, unless somebody wants it otherwise.
func TestAdd(t *testing.T) {
	p := newPool(t)
	a, b := p.add(v1.NewTenant{ID: "a"}), p.add(v1.NewTenant{ID: "b"})
	if !a.Scoped || a.Name != "a" || a.Disabled || len(a.Secrets) != 1 || a.Secrets[0].Name != "first" ||
		len(a.Secrets[0].Secret) != 64 || a.Secrets[0].Secret == b.Secrets[0].Secret || !a.Created.Equal(now) {
		t.Errorf("added %+v", a)
	}
	no, minutes := false, 90
	c := p.add(v1.NewTenant{
		ID: "6f1c1c0e-6b5c-4b0e-9c1e-0123456789ab", Name: " Physics ", Scoped: &no, URL: "HTTPS://Physics.Example.edu:8443/",
		Hosts: []string{"Physics.example.edu", "*.physics.example.edu.", "physics.example.edu"}, Tag: " big ",
		Limits: &v1.LimitChange{DurationMinutes: &minutes, Recording: &no, Servers: &[]string{"big", "big", "none"}},
	}, "its-secret")
	want := store.Tenant{
		ID: c.ID, Name: "Physics", Created: now, Hosts: []string{"physics.example.edu", "*.physics.example.edu"},
		URL: "https://physics.example.edu:8443", Tag: "big", Secrets: []store.TenantSecret{{Name: "s1", Secret: "its-secret", Created: now}},
		Limits: store.Limits{Duration: 90 * time.Minute, NoRecording: true, Tags: []string{"big", "none"}},
	}
	if diff := cmp.Diff(want, p.get(c.ID)); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
	if p.reloaded != 3 {
		t.Errorf("in force after %d reloads", p.reloaded)
	}
}

// What is wrong with a tenant is told, all of it, and nothing is stored.
func TestAdd_Invalid(t *testing.T) {
	p := newPool(t)
	_, _, err := p.Add(t.Context(), v1.NewTenant{
		ID: "A b", Name: "a\x07", Hosts: []string{"a.example:443"}, URL: "https://a.example/b", Tag: strings.Repeat("x", 101),
		Secrets: []v1.NewTenantSecret{{Name: "environment", Secret: "s"}},
	})
	refused(t, err, http.StatusBadRequest, "id: ", "name: ", `hosts: "a.example:443"`, "url: ", "tag: ", "secret: name")
	many := slices.Repeat([]string{"a.example"}, 51)
	below, high := -1, 1e9
	for words, n := range map[string]v1.NewTenant{
		"hosts: 51, more than 50":       {ID: "a", Hosts: many},
		"limits.meetings":               {ID: "a", Limits: &v1.LimitChange{Meetings: &below}},
		"limits.people":                 {ID: "a", Limits: &v1.LimitChange{People: &below}},
		"limits.meeting_people":         {ID: "a", Limits: &v1.LimitChange{MeetingPeople: &below}},
		"limits.per_hour":               {ID: "a", Limits: &v1.LimitChange{PerHour: &below}},
		"limits.duration_minutes":       {ID: "a", Limits: &v1.LimitChange{DurationMinutes: &below}},
		"limits.requests":               {ID: "a", Limits: &v1.LimitChange{Requests: &high}},
		`limits.servers: "a;b"`:         {ID: "a", Limits: &v1.LimitChange{Servers: &[]string{"a;b"}}},
		"id: want":                      {ID: strings.Repeat("a", 64)},
		"neither empty nor what masks":  {ID: "a", Secrets: []v1.NewTenantSecret{{Name: "n", Secret: "***"}}},
		"neither empty nor what masks ": {ID: "a", Secrets: []v1.NewTenantSecret{{Name: "n", Secret: "  "}}},
		"up to 512 bytes":               {ID: "a", Secrets: []v1.NewTenantSecret{{Name: "n", Secret: v1.Secret(strings.Repeat("a", 513))}}},
		"still to come":                 {ID: "a", Secrets: []v1.NewTenantSecret{{Name: "n", Expires: &now}}},
	} {
		_, _, err := p.Add(t.Context(), n)
		refused(t, err, http.StatusBadRequest, strings.TrimSpace(words))
	}
	for _, host := range []string{"", "*", "*.", "a..b", "-a", "a*.b", "a/b", "[::1]", "a b", "*.*.b", strings.Repeat("a", 254)} {
		_, _, err := p.Add(t.Context(), v1.NewTenant{ID: "a", Hosts: []string{host}})
		refused(t, err, http.StatusBadRequest, "hosts: ")
	}
	for _, url := range []string{"a.example", "ftp://a", "https://", "https://u@a", "https://a?b", "https://a#b", "https://a:", "https://*.a"} {
		_, _, err := p.Add(t.Context(), v1.NewTenant{ID: "a", URL: url})
		refused(t, err, http.StatusBadRequest, "url: ")
	}
	if list, err := p.List(t.Context()); err != nil || len(list) != 1 || p.reloaded != 0 {
		t.Errorf("there are %+v, %v, reloaded %d times", list, err, p.reloaded)
	}
}

// A name, a host and a secret are one tenant's alone.
func TestClash(t *testing.T) {
	p := newPool(t)
	p.Environment = []store.Secret{"env-secret"}
	p.add(v1.NewTenant{ID: "a", Name: "Physics", Hosts: []string{"*.example.edu"}}, "a-secret")
	p.add(v1.NewTenant{ID: "b", Hosts: []string{"a.example.edu", "example.edu"}}, "b-secret") // within, and beside
	for words, n := range map[string]v1.NewTenant{
		"there is a tenant a already":    {ID: "a", Name: "other"},
		`name: tenant a has "PHYSICS"`:   {ID: "c", Name: "PHYSICS"},
		"tenant a has *.example.edu":     {ID: "c", Hosts: []string{"*.example.edu"}},
		"tenant b has a.example.edu":     {ID: "c", Hosts: []string{"A.example.edu"}},
		"another tenant has the same":    {ID: "c", Secrets: []v1.NewTenantSecret{{Secret: "a-secret"}}},
		"another tenant has the same ":   {ID: "c", Secrets: []v1.NewTenantSecret{{Secret: "generated-secret"}}},
		"LOADBALANCER_SECRET":            {ID: "c", Secrets: []v1.NewTenantSecret{{Secret: "env-secret"}}},
		"it is the same as the secret x": {ID: "c", Secrets: []v1.NewTenantSecret{{Name: "x", Secret: "t"}, {Name: "y", Secret: "t"}}},
	} {
		_, _, err := p.Add(t.Context(), n)
		if e, ok := errors.AsType[*v1.Error](err); !ok || !strings.Contains(e.Message, strings.TrimSpace(words)) {
			t.Errorf("got %v, want %s", err, words)
		}
	}
	taken := []string{"*.example.edu"}
	_, err := p.Change(t.Context(), "b", v1.TenantChange{Hosts: &taken})
	refused(t, err, http.StatusConflict, "tenant a has *.example.edu")
	_, _, err = p.AddSecret(t.Context(), "b", v1.NewTenantSecret{Secret: "a-secret"})
	refused(t, err, http.StatusConflict, "another tenant")
	_, _, err = p.AddSecret(t.Context(), store.DefaultTenant, v1.NewTenantSecret{Secret: "env-secret"})
	refused(t, err, http.StatusConflict, "LOADBALANCER_SECRET")
	if b := p.get("b"); len(b.Hosts) != 2 || len(b.Secrets) != 1 {
		t.Errorf("b is %+v", b)
	}
}

// What several change at once is all there afterwards, and of those who want the same one has it.
func TestConcurrent(t *testing.T) {
	p := newPool(t)
	p.add(v1.NewTenant{ID: "a"})
	var wait sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for i := range 10 {
		wait.Go(func() {
			if _, _, err := p.AddSecret(t.Context(), "a", v1.NewTenantSecret{Name: fmt.Sprintf("n%d", i)}); err != nil {
				t.Error(err)
			}
		})
		wait.Go(func() {
			id := fmt.Sprintf("t%d", i)
			if _, _, err := p.Add(t.Context(), v1.NewTenant{ID: id, Hosts: []string{"one.example.edu"}}); err == nil {
				mu.Lock()
				defer mu.Unlock()
				won++
			}
		})
	}
	wait.Wait()
	if a := p.get("a"); len(a.Secrets) != 11 || won != 1 {
		t.Errorf("%d secrets, %d tenants at one host", len(a.Secrets), won)
	}
}

// A hundred tenants that are added, changed, and have their secrets rotated at once are all as they were asked for; of those
// who all want the same name, host or secret one has it.
func TestConcurrent_Many(t *testing.T) {
	p := newPool(t)
	p.add(v1.NewTenant{ID: "shared"})
	var wait sync.WaitGroup
	var won [3]atomic.Int32
	for i := range 100 {
		id := fmt.Sprintf("t%02d", i)
		wait.Go(func() {
			name, hosts := "The One", []string{"one.example.edu"}
			if _, _, err := p.Add(t.Context(), v1.NewTenant{ID: id}); err != nil {
				t.Error(err)
			}
			if _, err := p.Change(t.Context(), id, v1.TenantChange{Name: &name}); err == nil {
				won[0].Add(1)
			}
			if _, err := p.Change(t.Context(), id, v1.TenantChange{Hosts: &hosts}); err == nil {
				won[1].Add(1)
			}
			if _, _, err := p.AddSecret(t.Context(), id, v1.NewTenantSecret{Name: "same", Secret: "the-one"}); err == nil {
				won[2].Add(1)
			}
			if _, _, _, err := p.RotateSecret(t.Context(), id, v1.Rotation{Name: "next"}); err != nil {
				t.Error(err)
			}
			if _, _, _, err := p.RotateSecret(t.Context(), "shared", v1.Rotation{Keep: new(time.Duration(0))}); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	for i := range won {
		if n := won[i].Load(); n != 1 {
			t.Errorf("%d have what one may have, the %d.", n, i)
		}
	}
	all, err := p.List(t.Context())
	if err != nil || len(all) != 102 {
		t.Fatalf("%d tenants, %v", len(all), err)
	}
	for _, tenant := range all[1:] {
		if s, ok := tenant.Secret("next"); tenant.ID != "shared" && (!ok || !s.Expires.IsZero()) {
			t.Errorf("%s has %+v", tenant.ID, tenant.Secrets)
		}
	}
	if shared := p.get("shared"); len(shared.Secrets) != 1 {
		t.Errorf("after 100 rotations: %+v", shared.Secrets)
	}
}

// A change leaves alone what it does not name; zero lifts a limit.
func TestChange(t *testing.T) {
	p := newPool(t)
	five, zero, yes := 5, 0, true
	p.add(v1.NewTenant{ID: "a", Tag: "big", Limits: &v1.LimitChange{Meetings: &five, People: &five}})
	c, err := p.Change(t.Context(), "a", v1.TenantChange{IgnoreHints: &yes, Limits: &v1.LimitChange{People: &zero}})
	if err != nil || c.Before.IgnoreHints || !c.After.IgnoreHints || c.After.Tag != "big" || c.After.Limits.Meetings != 5 ||
		c.After.Limits.People != 0 || c.Before.Limits.People != 5 {
		t.Errorf("changed %+v, %v", c, err)
	}
	want := []string{"ignore_hints: false -> true", "limits.people: 5 -> none"}
	if diff := cmp.Diff(want, tenancy.Differences(c.Before, c.After)); diff != "" {
		t.Error(diff)
	}
	_, err = p.Change(t.Context(), "nobody", v1.TenantChange{IgnoreHints: &yes})
	refused(t, err, http.StatusNotFound, "nobody")
	p.failing = errors.New("the store is gone")
	if _, err := p.Change(t.Context(), "a", v1.TenantChange{IgnoreHints: &yes}); !errors.Is(err, p.failing) ||
		!strings.Contains(err.Error(), "not in force yet") {
		t.Errorf("what does not get through is said as %v", err)
	}
}

// What meetings look like is a matter of rules for creates, each once.
func TestChange_Branding(t *testing.T) {
	p := newPool(t)
	logo, other, text, none := "https://a.example/logo.png", "https://b.example/logo.png", "Physics", ""
	p.add(v1.NewTenant{ID: "a", Branding: &v1.Branding{Logo: &logo, BannerText: &text}})
	if _, err := p.Change(t.Context(), "a", v1.TenantChange{Branding: &v1.Branding{Logo: &other}}); err != nil {
		t.Fatal(err)
	}
	want := []store.ParamRule{
		{Call: "create", Op: store.ParamDefault, Name: "bannerText", Value: "Physics"},
		{Call: "create", Op: store.ParamDefault, Name: "logo", Value: other},
	}
	if diff := cmp.Diff(want, p.get("a").Params); diff != "" {
		t.Error(diff)
	}
	c, err := p.Change(t.Context(), "a", v1.TenantChange{Branding: &v1.Branding{Logo: &none, BannerText: &none, BannerColor: &none}})
	if err != nil || len(c.After.Params) != 0 {
		t.Errorf("taken away: %+v, %v", c.After.Params, err)
	}
	p.ReadParams = func([]store.ParamRule) ([]store.ParamRule, error) { return nil, errors.New("no such colour") }
	_, err = p.Change(t.Context(), "a", v1.TenantChange{Branding: &v1.Branding{BannerColor: &text}})
	refused(t, err, http.StatusBadRequest, "params: no such colour")
}

// meet has meetings of a tenant run, with one person each.
func (p *pool) meet(tenant string, n int) {
	for i := range n {
		claim := store.Claim{MeetingKey: store.MeetingKey{Tenant: tenant, MeetingID: fmt.Sprint(i)}, Placed: now.Add(-time.Minute)}
		p.meetings = append(p.meetings, placement.Info{Claim: claim, People: i + 1})
	}
}

// A tenant is removed once no meeting of its runs, or somebody insists; what is left is said.
func TestRemove(t *testing.T) {
	p := newPool(t)
	p.add(v1.NewTenant{ID: "a"}, "s")
	p.meet("a", 2)
	p.kept = []store.RecordingCount{
		{Tenant: "a", State: store.Published, Count: 3}, {Tenant: "a", State: store.Deleted, Count: 9}, {Tenant: "b", Count: 1},
	}
	secret := store.Credential{Kind: store.CredentialSecret, Tenant: "a", Name: "s1"}
	p.used[secret] = now
	_, _, err := p.Remove(t.Context(), "a", false)
	refused(t, err, http.StatusConflict, "2 meetings with 3 people", "--force", "tenant disable a")
	_, left, err := p.Remove(t.Context(), "a", true)
	want := []string{
		"2 meetings with 3 people go on on their servers until they end, and nobody can join them through the pool any more",
		"3 recordings stay in the library under its name, and no front end is shown them: bbbpool recording assign gives them to " +
			"another tenant",
	}
	if diff := cmp.Diff(want, left.Left()); err != nil || diff != "" {
		t.Errorf("removed: %v\n%s", err, diff)
	}
	if _, known := p.used[secret]; known {
		t.Error("the next tenant by that name inherits when its secret was used")
	}
	_, _, err = p.Remove(t.Context(), "a", true)
	refused(t, err, http.StatusNotFound, `"a"`)
	if _, warning, err := p.Add(t.Context(), v1.NewTenant{ID: "a"}); err != nil || !strings.Contains(warning, "before") {
		t.Errorf("added again: %q, %v", warning, err)
	}
	_, _, err = p.Remove(t.Context(), store.DefaultTenant, true)
	refused(t, err, http.StatusConflict, "cannot be removed", "tenant disable")
}

// What a tenant has is shown beside what it may have.
func TestView(t *testing.T) {
	p := newPool(t)
	a := p.add(v1.NewTenant{ID: "a"}, "s")
	p.meet("a", 2)
	p.meetings[0].Placed = now.Add(-2 * time.Hour)
	p.kept = []store.RecordingCount{{Tenant: "a", State: store.Published, Count: 3}}
	p.used[store.Credential{Kind: store.CredentialSecret, Tenant: "a", Name: "s1"}] = now
	v, err := p.View(t.Context(), a)
	want := v1.TenantUse{Meetings: 2, People: 3, MeetingPeople: 2, PerHour: 1, Recordings: 3}
	if diff := cmp.Diff(want, v.Used); err != nil || diff != "" {
		t.Errorf("used: %v\n%s", err, diff)
	}
	if s := v.Secrets[0]; s.Secret.String() != "***" || s.LastUsed == nil || !s.LastUsed.Equal(now) || s.Expires != nil {
		t.Errorf("secret %+v", s)
	}
}

// A disabled tenant keeps all that it has.
func TestSetDisabled(t *testing.T) {
	p := newPool(t)
	p.add(v1.NewTenant{ID: "a"}, "s")
	for _, disabled := range []bool{true, false} {
		if c, err := p.SetDisabled(t.Context(), "a", disabled); err != nil || c.After.Disabled != disabled || len(c.After.Secrets) != 1 {
			t.Errorf("disabled %v: %+v, %v", disabled, c, err)
		}
	}
}
