package bolt

import (
	"context"
	"encoding/json"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

var tenantTable = table[store.Tenant]{bucket: tenants, noun: "tenant", encode: encodeTenant, decode: decodeTenant}

type tenantRow struct {
	Name        text      `json:"name,omitempty"`
	Secrets     []text    `json:"secrets,omitempty"`
	Created     time.Time `json:"created,omitzero"`
	Tag         text      `json:"tag,omitempty"`
	IgnoreHints bool      `json:"ignore_hints,omitempty"`
}

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

// tenantRole is [store.Tenants].
type tenantRole struct{ db *DB }

func (role tenantRole) Tenants(ctx context.Context) ([]store.Tenant, error) {
	return all(ctx, role.db, tenantTable)
}

func (role tenantRole) Tenant(ctx context.Context, id string) (store.Tenant, error) {
	return one(ctx, role.db, tenantTable, tenantKey(id))
}

func (role tenantRole) CreateTenant(ctx context.Context, t store.Tenant) (store.Tenant, error) {
	return create(ctx, role.db, tenantTable, tenantKey(t.ID), t)
}

func (role tenantRole) UpdateTenant(ctx context.Context, id string, change func(*store.Tenant) error) (store.Tenant, error) {
	return update(ctx, role.db, tenantTable, tenantKey(id), func(t *store.Tenant) error { return ofClosure(change(t)) })
}
