package tenancy_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/store"
)

// How a tenant is called back is set in a form of its own, shown, and compared by a list, which has what is usual where it says
// nothing.
func TestCallbacks(t *testing.T) {
	p := newPool(t)
	ctx := t.Context()
	names, algorithm, yes := []string{"meta_LTI-Callback-URL", "lti-callback-url", " x2 "}, "hs512", true
	_, _, err := p.Add(ctx, v1.NewTenant{ID: "a", Callbacks: &v1.CallbackChange{Names: &names, Analytics: &yes}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Change(ctx, "a", v1.TenantChange{Callbacks: &v1.CallbackChange{Algorithm: &algorithm, Insecure: &yes}}); err != nil {
		t.Fatal(err)
	}
	want := store.TenantCallbacks{Names: []string{"lti-callback-url", "x2"}, Algorithm: "HS512", Insecure: true, Analytics: true}
	if diff := cmp.Diff(want, p.get("a").Callbacks); diff != "" {
		t.Error(diff)
	}
	shown := p.Record(p.get("a")).Callbacks
	list := v1.TenantSync{Tenants: []v1.SyncTenant{listed("a")}}
	list.Tenants[0].Callbacks = &shown
	if got := p.sync(list); got != nil {
		t.Errorf("as it is: %q", got)
	}
	list.Tenants[0].Callbacks = nil
	if diff := cmp.Diff([]string{"a updated: callbacks.names: lti-callback-url,x2 -> none, callbacks.algorithm: HS512 -> HS256, " +
		"callbacks.insecure: true -> false, callbacks.analytics: true -> false"}, p.sync(list)); diff != "" {
		t.Error(diff)
	}
	for _, wrong := range []v1.CallbackChange{
		{Names: &[]string{"a_b"}},
		{Names: &[]string{""}},
		{Names: &[]string{"ä"}},
		{Algorithm: new("none")},
		{Algorithm: new("RS256")},
		{Names: new(strings.Split(strings.Repeat("x ", 21), " "))},
	} {
		if _, err := p.Change(ctx, "a", v1.TenantChange{Callbacks: &wrong}); err == nil || !strings.Contains(err.Error(), "callbacks.") {
			t.Errorf("%+v: %v", wrong, err)
		}
	}
}
