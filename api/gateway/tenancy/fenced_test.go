package tenancy_test

import (
	"context"
	"testing"

	"github.com/bbbpool/bbbpool/api/gateway/tenancy"
	"github.com/bbbpool/bbbpool/store"
)

// fenced are tenants that another instance writes.
type fenced struct {
	unasked
	list []store.Tenant
}

// unasked is what nobody asks of tenants here.
type unasked = store.Tenants

func (fenced) CreateTenant(context.Context, store.Tenant) (store.Tenant, error) {
	return store.Tenant{}, store.ErrFenced
}

func (f fenced) Tenants(context.Context) ([]store.Tenant, error) { return f.list, nil }

// An instance that does not decide for the pool reads the tenants, and leaves it to another one to make the first.
func TestTenants_Load(t *testing.T) {
	tenants := &tenancy.Tenants{}
	for _, want := range []struct {
		list []store.Tenant
		who  string
	}{{nil, "checksumError: Checksums do not match"}, {campus, "default d1"}} {
		if err := tenants.Load(t.Context(), fenced{list: want.list}, now); err != nil {
			t.Fatal(err)
		}
		if got := caller(t, tenants, "", "", "d1"); got != want.who {
			t.Errorf("of %d tenants: %s", len(want.list), got)
		}
	}
}
