package bolt

import (
	"context"
	"encoding/json"

	"github.com/bbbpool/bbbpool/store"
)

var tenantTable = table[store.Tenant]{bucket: tenants, noun: "tenant", encode: encodeTenant, decode: decodeTenant}

func encodeTenant(t store.Tenant) any {
	r := tenantRow{Name: text(t.Name), Created: t.Created.UTC(), Tag: text(t.Tag), IgnoreHints: t.IgnoreHints}
	for _, secret := range t.Secrets {
		r.Secrets = append(r.Secrets, text(secret.Reveal()))
	}
	return r
}

func decodeTenant(key, value []byte) (store.Tenant, error) {
	var r tenantRow
	err := json.Unmarshal(value, &r)
	t := store.Tenant{
		ID: string(key), Name: string(r.Name), Created: r.Created, Tag: string(r.Tag), IgnoreHints: r.IgnoreHints,
	}
	for _, secret := range r.Secrets {
		t.Secrets = append(t.Secrets, store.Secret(secret))
	}
	return t, err
}

// tenantKey is nil for an ID that no tenant can have, because nothing could be stored under it.
func tenantKey(id string) []byte {
	if ofTenant(id) == nil {
		return nil
	}
	return []byte(id)
}

// Tenants implements [store.Tenants].
func (db *DB) Tenants(ctx context.Context) ([]store.Tenant, error) { return all(ctx, db, tenantTable) }

// Tenant implements [store.Tenants].
func (db *DB) Tenant(ctx context.Context, id string) (store.Tenant, error) {
	return one(ctx, db, tenantTable, tenantKey(id))
}

// CreateTenant implements [store.Tenants].
func (db *DB) CreateTenant(ctx context.Context, t store.Tenant) (store.Tenant, error) {
	return create(ctx, db, tenantTable, tenantKey(t.ID), t)
}

// UpdateTenant implements [store.Tenants].
func (db *DB) UpdateTenant(ctx context.Context, id string, change func(*store.Tenant) error) (store.Tenant, error) {
	return update(ctx, db, tenantTable, tenantKey(id), func(t *store.Tenant) error { return refused(change(t)) })
}
