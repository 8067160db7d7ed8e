package admin

import (
	"context"
	"errors"
	"fmt"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/store"
)

// Get returns a tenant. The default one need not be stored where the environment has its secrets.
func (t *Tenants) Get(ctx context.Context, id string) (store.Tenant, error) { return t.lookUp(ctx, id) }

// Edit changes a tenant, and has those that keep tenants in memory read them again.
func (t *Tenants) Edit(
	ctx context.Context, id string, change func(*store.Tenant) error,
) (before, after store.Tenant, err error) {
	if _, err := t.lookUp(ctx, id); err != nil {
		return before, after, err
	}
	ctx = context.WithoutCancel(ctx)
	after, err = t.Records.UpdateTenant(ctx, id, func(tenant *store.Tenant) error {
		before = *tenant
		return change(tenant)
	})
	if errors.Is(err, store.ErrNotFound) {
		return before, after, v1.Conflict("tenant %s is not stored yet: bbbpool serve stores it on its first start", id)
	}
	if err == nil && t.Reload != nil {
		if err := t.Reload(ctx); err != nil {
			return before, after, fmt.Errorf("tenant %s is changed, and not in use yet: %w", id, err)
		}
	}
	return before, after, err
}
