package admin_test

import (
	"strings"
	"testing"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/store"
)

// A dry run goes by the limits of the tenant. A meeting that runs is never refused by them, and a scoped tenant has its own IDs.
func TestClient_DryRunLimits(t *testing.T) {
	p, _ := withServers(t, 2)
	limit := func(l store.Limits, scoped bool) {
		t.Helper()
		_, err := p.stores.State.UpdateTenant(t.Context(), "other", func(t *store.Tenant) error {
			t.Limits, t.Scoped = l, scoped
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	p.create(t, store.MeetingKey{Tenant: "other", MeetingID: "runs"})
	p.create(t, store.MeetingKey{Tenant: store.DefaultTenant, MeetingID: "theirs"})
	for name, c := range map[string]struct {
		limits store.Limits
		scoped bool
		id     string
		want   string // in the reason, of a refusal
	}{
		"no limit":            {store.Limits{}, false, "new", ""},
		"room for one":        {store.Limits{Meetings: 2, PerHour: 2}, false, "new", ""},
		"at once":             {store.Limits{Meetings: 1}, false, "new", "as many meetings as it may have: bbbpool tenant show"},
		"by the hour":         {store.Limits{PerHour: 1}, false, "new", "within an hour: bbbpool tenant show"},
		"it runs":             {store.Limits{Meetings: 1, PerHour: 1, Tags: []string{"x"}}, false, "runs", ""},
		"servers":             {store.Limits{Tags: []string{"x"}}, false, "new", "required tag"},
		"another's ID":        {store.Limits{}, false, "theirs", "another tenant's meeting has that ID"},
		"another's ID, scope": {store.Limits{}, true, "theirs", ""},
	} {
		limit(c.limits, c.scoped)
		got, err := p.Pool.DryRun(t.Context(), v1.DryRun{Tenant: "other", MeetingID: c.id})
		if err != nil || (got.Server == "") != (c.want != "") || !strings.Contains(got.Why, c.want) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}
