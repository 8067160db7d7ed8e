package storetest

import (
	"errors"
	"testing"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/storetest/kit"
)

func tenantCases() []kit.Case[store.State] {
	return []kit.Case[store.State]{
		{Name: "Tenants/Kept", Run: tenantsKept},
		{Name: "Tenants/Errors", Run: tenantErrors},
		{Name: "Tenants/Update", Run: tenantUpdate},
		{Name: "Tenants/NotShared", Run: tenantNotShared},
		{Name: "Tenants/Delete", Run: tenantDelete},
	}
}

// Every field comes back, secrets in their order and not redacted, and lists are in the order of the IDs.
func tenantsKept(t *testing.T, s store.State) {
	ctx := t.Context()
	list, err := s.Tenants(ctx)
	want(t, "list none", err, nil)
	equal(t, "a new store", list, nil)
	bare := store.Tenant{ID: "a"}
	for _, tenant := range []store.Tenant{aTenant("default"), bare, aTenant("c")} {
		got, err := s.CreateTenant(ctx, tenant)
		want(t, "create", err, nil)
		equal(t, "created", got, tenant)
	}
	list, err = s.Tenants(ctx)
	want(t, "list", err, nil)
	equal(t, "list", list, []store.Tenant{bare, aTenant("c"), aTenant("default")})
	got, err := s.Tenant(ctx, "default")
	want(t, "read", err, nil)
	equal(t, "read", got, aTenant("default"))
}

// A second create learns what the first one stored: the generated secret of another first start.
func tenantErrors(t *testing.T, s store.State) {
	ctx := t.Context()
	_, err := s.CreateTenant(ctx, aTenant("default"))
	must(t, err)
	got, err := s.CreateTenant(ctx, store.Tenant{ID: "default", Secrets: secrets("mine")})
	want(t, "create again", err, store.ErrExists)
	equal(t, "the tenant that stands", got, aTenant("default"))
	for _, id := range []string{"", "d", "default2"} {
		_, err = s.Tenant(ctx, id)
		want(t, "read "+id, err, store.ErrNotFound)
		_, err = s.UpdateTenant(ctx, id, func(*store.Tenant) error { return kit.ErrOwn })
		want(t, "update "+id, err, store.ErrNotFound)
	}
	if _, err := s.CreateTenant(ctx, store.Tenant{}); err == nil {
		t.Error("a tenant without an ID was created")
	}
}

// An update keeps what the closure made of the tenant but for the ID; one that is refused keeps nothing of it.
func tenantUpdate(t *testing.T, s store.State) {
	ctx := t.Context()
	_, err := s.CreateTenant(ctx, aTenant("default"))
	must(t, err)
	changed := aTenant("default")
	changed.Name, changed.Secrets = "Faculty", secrets("newest", "new")
	got, err := s.UpdateTenant(ctx, "default", func(tenant *store.Tenant) error {
		*tenant = changed
		tenant.ID = "other"
		return nil
	})
	want(t, "update", err, nil)
	equal(t, "returned", got, changed)
	_, err = s.UpdateTenant(ctx, "default", func(tenant *store.Tenant) error {
		tenant.Secrets[0].Secret = "leaked"
		tenant.Secrets = nil
		return kit.ErrOwn
	})
	kit.Own(t, err)
	list, err := s.Tenants(ctx)
	want(t, "list", err, nil)
	equal(t, "kept", list, []store.Tenant{changed})
}

// A record handed in or out is its holder's to change.
func tenantNotShared(t *testing.T, s store.State) {
	ctx := t.Context()
	given := aTenant("default")
	created, err := s.CreateTenant(ctx, given)
	must(t, err)
	given.Secrets[0].Secret, created.Secrets[1].Secret = "changed", "changed"
	var kept *store.Tenant
	updated, err := s.UpdateTenant(ctx, "default", func(tenant *store.Tenant) error {
		kept = tenant
		return nil
	})
	must(t, err)
	kept.Secrets[0].Secret, updated.Secrets[1].Secret = "changed", "changed"
	winner, err := s.CreateTenant(ctx, aTenant("default"))
	want(t, "create again", err, store.ErrExists)
	winner.Secrets[0].Secret = "changed"
	list, err := s.Tenants(ctx)
	must(t, err)
	list[0].Secrets[0].Secret = "changed"
	got, err := s.Tenant(ctx, "default")
	must(t, err)
	equal(t, "kept", got, aTenant("default"))
	for _, change := range []func(*store.Tenant){
		func(tenant *store.Tenant) { tenant.Hosts[0] = "changed" },
		func(tenant *store.Tenant) { tenant.Params[0].Value = "changed" },
		func(tenant *store.Tenant) { tenant.Limits.Tags[0] = "changed" },
	} {
		change(&got)
		change(&list[0])
		change(kept)
		kept, err := s.Tenant(ctx, "default")
		must(t, err)
		equal(t, "kept", kept, aTenant("default"))
	}
}

// What is deleted is gone alone, once, and its ID is free; what is its own elsewhere stays.
func tenantDelete(t *testing.T, s store.State) {
	ctx := t.Context()
	for _, id := range []string{"a", "ab"} {
		_, err := s.CreateTenant(ctx, aTenant(id))
		must(t, err)
	}
	_, err := s.CreateClaim(ctx, aClaim("a", "room"))
	must(t, err)
	for _, id := range []string{"", "b", "A", "a\x00", kit.TooLong} {
		want(t, "delete another", s.DeleteTenant(ctx, id), store.ErrNotFound)
	}
	want(t, "delete", s.DeleteTenant(ctx, "a"), nil)
	want(t, "delete again", s.DeleteTenant(ctx, "a"), store.ErrNotFound)
	_, err = s.UpdateTenant(ctx, "a", func(*store.Tenant) error { return nil })
	want(t, "update", err, store.ErrNotFound)
	list, err := s.Tenants(ctx)
	must(t, err)
	equal(t, "left", list, []store.Tenant{aTenant("ab")})
	equal(t, "claims", claimsOf(t, s), []store.Claim{aClaim("a", "room")})
	got, err := s.CreateTenant(ctx, store.Tenant{ID: "a"})
	want(t, "create anew", err, nil)
	equal(t, "anew", got, store.Tenant{ID: "a"})
}

// Of deletions that race with updates one has it, and no update brings the tenant back.
func raceDeleteTenant(t *testing.T, s store.State) {
	_, err := s.CreateTenant(t.Context(), aTenant("a"))
	must(t, err)
	var deleted [kit.Racers]error
	kit.Race(kit.Racers, func(i int) {
		_, err := s.UpdateTenant(t.Context(), "a", func(tenant *store.Tenant) error { tenant.Name += "+"; return nil })
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			t.Errorf("update: %v", err)
		}
		deleted[i] = s.DeleteTenant(t.Context(), "a")
	})
	kit.OneWins(t, deleted[:], store.ErrNotFound)
	_, err = s.Tenant(t.Context(), "a")
	want(t, "read", err, store.ErrNotFound)
}
