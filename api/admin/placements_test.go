package admin_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// The capacity counts what takes new meetings, tells what is left without the largest, and without any one.
func TestClient_Capacity(t *testing.T) {
	p, _ := withServers(t, 3)
	weight := 2.0
	if _, err := p.Servers.Change(t.Context(), "b", v1.Change{Weight: &weight}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Servers.Cordon(t.Context(), "c"); err != nil {
		t.Fatal(err)
	}
	id := p.create(t, class).Server
	p.people(class, 5)
	got, err := p.Pool.Capacity(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	now := v1.Fullness{At: got.Now.At, People: 15, Meetings: 1, Free: 585, FreeN1: 185}
	if diff := cmp.Diff(now, got.Now); diff != "" || got.Carries != 600 || got.Largest != "b" || got.Tightest != nil ||
		got.Drain != nil || time.Since(got.Now.At) > time.Minute {
		t.Errorf("capacity %+v (-want +got):\n%s", got, diff)
	}
	shares := []v1.ServerShare{
		{ID: "a", State: "enabled", Health: "online", Carries: 200},
		{ID: "b", State: "enabled", Health: "online", Carries: 400},
		{ID: "c", State: "cordoned", Health: "online", Carries: 200},
	}
	for i := range shares {
		if shares[i].ID == id {
			shares[i].People, shares[i].Expected, shares[i].Meetings = 5, 10, 1
		}
	}
	if diff := cmp.Diff(shares, got.Servers); diff != "" {
		t.Errorf("shares (-want +got):\n%s", diff)
	}
	if got, err := p.Pool.Capacity(t.Context(), "b"); err != nil ||
		*got.Drain != (v1.Room{Server: "b", Carries: 200, Now: 185, Tightest: 200}) {
		t.Errorf("without b: %+v, %v", got.Drain, err)
	}
	_, err = p.Pool.Capacity(t.Context(), "nope")
	refused(t, err, http.StatusNotFound, "nope")
}

// A dry run says where a create would go and why, and places nothing. It goes by what is set for the tenant.
func TestClient_DryRun(t *testing.T) {
	p, _ := withServers(t, 3)
	tag := "big"
	if _, err := p.Servers.Change(t.Context(), "b", v1.Change{Tag: &tag}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Servers.Cordon(t.Context(), "c"); err != nil {
		t.Fatal(err)
	}
	got, err := p.Pool.DryRun(t.Context(), v1.DryRun{MeetingID: "new", Hint: 120})
	if err != nil || got.Server != "a" || got.Known || got.Basis != "hint" || !strings.HasPrefix(got.Why, "a: 0 here") {
		t.Errorf("placed %+v, %v", got, err)
	}
	standings := map[string]string{}
	for _, o := range got.Servers {
		standings[o.ID] = o.Standing + o.Tag
	}
	if diff := cmp.Diff(map[string]string{"a": "open", "b": "openbig", "c": "held"}, standings); diff != "" {
		t.Errorf("servers (-want +got):\n%s", diff)
	}
	got, err = p.Pool.DryRun(t.Context(), v1.DryRun{MeetingID: "new", Tag: "small!"})
	if err != nil || got.Server != "" || !strings.Contains(got.Why, "required tag") {
		t.Errorf("no such tag: %+v, %v", got, err)
	}
	if len(p.ledger.Meetings()) != 0 {
		t.Error("a dry run has placed something")
	}
	id := p.create(t, class).Server
	got, err = p.Pool.DryRun(t.Context(), v1.DryRun{MeetingID: class.MeetingID})
	if err != nil || got.Server != id || !got.Known || !strings.HasPrefix(got.Why, "it runs there already; "+id+": ") {
		t.Errorf("known: %+v, %v", got, err)
	}
	ignore, wanted := true, "big!"
	if _, err := p.Tenants.Change(t.Context(), "other", v1.TenantChange{Tag: &wanted, IgnoreHints: &ignore}); err != nil {
		t.Fatal(err)
	}
	got, err = p.Pool.DryRun(t.Context(), v1.DryRun{Tenant: "other", MeetingID: "new", Hint: 120})
	if err != nil || got.Server != "b" || got.Basis == "hint" {
		t.Errorf("by the tenant: %+v, %v", got, err)
	}
	for wrong, status := range map[v1.DryRun]int{
		{}: 400, {MeetingID: "mm", Hint: -1}: 400, {MeetingID: "mm", Tenant: "nobody"}: 404, {MeetingID: "a,b"}: 400,
	} {
		_, err := p.Pool.DryRun(t.Context(), wrong)
		refused(t, err, status)
	}
}

// A meeting is explained by its claim and by its past sessions, whichever of its IDs it is named by.
func TestClient_Explain(t *testing.T) {
	p, _ := withServers(t, 2)
	first := p.create(t, class)
	p.people(class, 3)
	internal := p.ledger.Meetings()[0].InternalID
	if _, err := p.Meetings.End(t.Context(), v1.MeetingKey(class), false); err != nil {
		t.Fatal(err)
	}
	past := func(key store.MeetingKey, id string) v1.Explained {
		t.Helper()
		got, err := p.Meetings.Explain(t.Context(), v1.MeetingKey(key))
		if err != nil || got.MeetingID != id || len(got.Sessions) != 1 {
			t.Fatalf("past: %+v, %v", got, err)
		}
		s := got.Sessions[0]
		if s.InternalID != internal || s.Server != first.Server || s.Joins != 3 || s.Reason != "operator" || s.End == nil ||
			s.Decision == nil || s.Decision.Own != 10 || !strings.HasPrefix(s.Why, first.Server+": 0 here") {
			t.Errorf("past session %+v", s)
		}
		return got
	}
	past(class, class.MeetingID)
	past(store.MeetingKey{MeetingID: internal}, "")
	time.Sleep(2 * time.Millisecond) // BigBlueButton makes internal IDs of the time, and simulated ones are made so
	second := p.create(t, class)
	for _, key := range []store.MeetingKey{class, {MeetingID: class.MeetingID}, {MeetingID: internal}} {
		got, err := p.Meetings.Explain(t.Context(), v1.MeetingKey(key))
		if err != nil || got.MeetingID != class.MeetingID || got.Tenant != "default" || len(got.Sessions) != 2 {
			t.Fatalf("%+v: %+v, %v", key, got, err)
		}
		live := got.Sessions[0]
		if live.End != nil || live.Server != second.Server || live.Reason != "" || live.Decision == nil {
			t.Errorf("live session %+v", live)
		}
		if got.Sessions[1].InternalID != internal {
			t.Errorf("past session %+v", got.Sessions[1])
		}
	}
	for _, key := range []store.MeetingKey{{MeetingID: "nobody"}, {Tenant: "other", MeetingID: internal}} {
		_, err := p.Meetings.Explain(t.Context(), v1.MeetingKey(key))
		refused(t, err, http.StatusNotFound, "nothing is known", key.MeetingID)
	}
}

// What is set for a tenant is stored, shown, and taken over by those that go by it.
func TestClient_ChangeTenant(t *testing.T) {
	p, _ := withRecordings(t)
	reloaded := 0
	p.api.Tenants.Reload = reload(&reloaded)
	tag, yes := " big!", true
	got, err := p.Tenants.Change(t.Context(), "other", v1.TenantChange{Tag: &tag})
	if err != nil || got.Tag != "big!" || got.IgnoreHints {
		t.Errorf("changed into %+v, %v", got, err)
	}
	got, err = p.Tenants.Change(t.Context(), "other", v1.TenantChange{IgnoreHints: &yes})
	if err != nil || got.Tag != "big!" || !got.IgnoreHints || reloaded != 2 {
		t.Errorf("changed into %+v, %v, reloaded %d times", got, err, reloaded)
	}
	if shown, err := p.Tenants.Show(t.Context(), "other"); err != nil || shown.Tag != "big!" || !shown.IgnoreHints {
		t.Errorf("shown %+v, %v", shown, err)
	}
	_, err = p.Tenants.Change(t.Context(), "nobody", v1.TenantChange{Tag: &tag})
	refused(t, err, http.StatusNotFound, "nobody")
	tag = "a\nb"
	_, err = p.Tenants.Change(t.Context(), "other", v1.TenantChange{Tag: &tag})
	refused(t, err, http.StatusBadRequest, "tag:")
	p.api.Tenants.Environment = []store.Secret{"given"}
	_, err = p.Tenants.Change(t.Context(), "default", v1.TenantChange{IgnoreHints: &yes})
	refused(t, err, http.StatusConflict, "bbbpool serve stores it")
}

// Where nobody can take a meeting it is said what to do about that.
func TestClient_DryRun_Nobody(t *testing.T) {
	p, _ := withServers(t, 1)
	hard, people := true, 5
	if _, err := p.Servers.Change(t.Context(), "a", v1.Change{Capacity: &people, Hard: &hard}); err != nil {
		t.Fatal(err)
	}
	dry := func(d v1.DryRun, want string) {
		t.Helper()
		got, err := p.Pool.DryRun(t.Context(), d)
		if err != nil || got.Server != "" || got.Servers == nil || !strings.HasSuffix(got.Why, want) {
			t.Errorf("%+v, %v; want %q", got, err, want)
		}
	}
	p.createFor(t, class, placement.Wish{Hint: 50}) // an empty server takes any
	dry(v1.DryRun{MeetingID: "large", Hint: 50}, ": raise --capacity of one, or add a server")
	dry(v1.DryRun{MeetingID: "blue", Tag: "blue!"}, `: bbbpool server list shows tags; without "!" it would go to untagged servers`)
	if _, err := p.Servers.Cordon(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	dry(v1.DryRun{MeetingID: "any"}, ": bbbpool server list shows which are enabled and online")
}
