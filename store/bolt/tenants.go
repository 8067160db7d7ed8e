package bolt

import (
	"context"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/rows"
)

var tenantTable = table[store.Tenant]{bucket: tenants, noun: "tenant", codec: rows.Tenants}

// tenantRole is [store.Tenants].
type tenantRole struct{ db *DB }

func (role tenantRole) Tenants(ctx context.Context) ([]store.Tenant, error) {
	return all(ctx, role.db, tenantTable)
}

func (role tenantRole) Tenant(ctx context.Context, id string) (store.Tenant, error) {
	return one(ctx, role.db, tenantTable, rows.TenantKey(id))
}

func (role tenantRole) CreateTenant(ctx context.Context, t store.Tenant) (store.Tenant, error) {
	return create(ctx, role.db, tenantTable, rows.TenantKey(t.ID), t)
}

func (role tenantRole) UpdateTenant(ctx context.Context, id string, change func(*store.Tenant) error) (store.Tenant, error) {
	return update(ctx, role.db, tenantTable, rows.TenantKey(id), func(t *store.Tenant) error { return ofClosure(change(t)) })
}

func (role tenantRole) DeleteTenant(ctx context.Context, id string) error {
	return remove(ctx, role.db, tenantTable, rows.TenantKey(id), anyway)
}
