package tenancy

import (
	"context"
	"errors"
	"net/http"
	"slices"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/store"
)

// MaxTenants is how many tenants a pool may have: all secrets are tried for a call that neither path nor host tells whose
// it is.
const MaxTenants = 10_000

// Add adds a tenant. What by its name is there from before is its own again, which the warning tells. As with [Changed], it may
// be there beside an error.
func (t *Tenancy) Add(ctx context.Context, n v1.NewTenant) (store.Tenant, string, error) {
	record, err := t.newRecord(n)
	if err != nil {
		return store.Tenant{}, "", err
	}
	stored := false
	err = t.inTurn(ctx, func(ctx context.Context, turn *turn) error {
		err := turn.insert(ctx, record)
		stored = err == nil
		return err
	})
	if !stored {
		return store.Tenant{}, "", err
	}
	return record, t.inherited(ctx, record.ID), err
}

// newRecord makes the record that is asked for, or tells everything that is wrong with it.
func (t *Tenancy) newRecord(n v1.NewTenant) (store.Tenant, error) {
	now := t.Now()
	record := store.Tenant{ID: n.ID, Name: n.ID, Disabled: n.Disabled, Created: now, Scoped: true}
	c := v1.TenantChange{
		Hosts: &n.Hosts, URL: &n.URL, Scoped: n.Scoped, Tag: &n.Tag, IgnoreHints: &n.IgnoreHints, Branding: n.Branding,
		Limits: n.Limits, Callbacks: n.Callbacks,
	}
	if n.Name != "" {
		c.Name = &n.Name
	}
	mistakes := t.apply(c, &record)
	if !idForm.MatchString(n.ID) {
		mistakes = append(mistakes, "id: want up to 63 of a-z, 0-9 and '-', the first a letter or a digit")
	}
	if len(n.Secrets) == 0 {
		n.Secrets = []v1.NewTenantSecret{{Name: firstSecret}}
	}
	for _, s := range n.Secrets {
		if _, err := addSecret(&record, s, now); err != nil {
			mistakes = append(mistakes, err.Error())
		}
	}
	return record, v1.InvalidAll(mistakes)
}

// inherited says what was there by the name of a new tenant. That it cannot be counted is nothing to fail for.
func (t *Tenancy) inherited(ctx context.Context, id string) string {
	used, err := t.used(ctx)
	if u := used[id]; err == nil && u.Meetings+u.Recordings > 0 {
		return "there was a tenant by that name before: meetings and recordings that it has left are those of the new one"
	}
	return ""
}

// Change changes what is set for a tenant.
func (t *Tenancy) Change(ctx context.Context, id string, c v1.TenantChange) (Changed, error) {
	return t.change(ctx, id, func(tenant *store.Tenant) error {
		if c.DropGenerated {
			if err := t.dropGenerated(tenant); err != nil {
				return err
			}
		}
		return v1.InvalidAll(t.apply(c, tenant))
	})
}

// dropGenerated forgets the secret of the first start, which no restart brings back: the tenant is not made anew. It
// refuses to leave the front ends without a secret, and to forget here what the environment still gives.
func (t *Tenancy) dropGenerated(tenant *store.Tenant) error {
	if tenant.ID != store.DefaultTenant {
		return v1.Invalid("drop_generated: tenant %s has no generated secret, only %s has", tenant.ID, store.DefaultTenant)
	}
	without := *tenant
	without.Secrets = slices.DeleteFunc(slices.Clone(tenant.Secrets), func(s store.TenantSecret) bool {
		return s.Name == store.GeneratedSecret
	})
	generated, _ := tenant.Secret(store.GeneratedSecret)
	switch {
	case generated.Secret != "" && slices.Contains(t.Environment, generated.Secret):
		return v1.Conflict("LOADBALANCER_SECRET or LOADBALANCER_SECRETS still has the generated secret: take it out there first")
	case !t.valid(without):
		return v1.Conflict("tenant %s would have no secret: set LOADBALANCER_SECRET to another for bbbpool serve and restart it, "+
			"or add one with bbbpool tenant secret add, and drop the generated one then", tenant.ID)
	}
	*tenant = without
	return nil
}

// SetDisabled has the calls of a tenant fail, or lets them in again.
func (t *Tenancy) SetDisabled(ctx context.Context, id string, disabled bool) (Changed, error) {
	return t.change(ctx, id, func(tenant *store.Tenant) error {
		tenant.Disabled = disabled
		return nil
	})
}

// Remove forgets a tenant, and returns what it has left behind. As long as meetings of its run somebody has to insist: nobody
// can join them any more then. As with [Changed], it may be gone beside an error.
func (t *Tenancy) Remove(ctx context.Context, id string, force bool) (removed store.Tenant, left v1.TenantUse, err error) {
	gone := false
	err = t.inTurn(ctx, func(ctx context.Context, turn *turn) error {
		removed, left, err = t.dismiss(ctx, turn, id, force)
		gone = err == nil
		return err
	})
	if !gone {
		return store.Tenant{}, left, err
	}
	return removed, left, err
}

// dismiss is Remove in a turn.
func (t *Tenancy) dismiss(
	ctx context.Context, turn *turn, id string, force bool,
) (removed store.Tenant, left v1.TenantUse, err error) {
	if id == store.DefaultTenant {
		return removed, left, v1.Conflict("tenant %s cannot be removed, what is nobody else's is its own: bbbpool tenant disable "+
			"keeps its front ends out", id)
	}
	if removed, err = t.Get(ctx, id); err != nil {
		return removed, left, err
	}
	used, err := t.used(ctx)
	if err != nil {
		return removed, left, err
	}
	if left = used[id]; left.Meetings > 0 && !force {
		return removed, left, v1.Conflict("tenant %s has %s: bbbpool tenant disable %s keeps its front ends out until they are over; "+
			"--force removes it now, and %s", id, v1.Running(left.Meetings, left.People), id, left.Left()[0])
	}
	if err = turn.remove(ctx, id); err == nil {
		t.forget(ctx, Changed{Before: removed})
	}
	return removed, left, err
}

// refusedForMeetings tells whether a removal was refused for meetings that run.
func refusedForMeetings(err error) bool {
	e, ok := errors.AsType[*v1.Error](err)
	return ok && e.Status == http.StatusConflict && e.Code == v1.CodeConflict
}

// forget forgets when the secrets were used that a change has taken away, so that another by such a name begins anew. That has
// to be before the change is in force: whoever serves the tenants finds out then where to note uses. If it fails a time is kept
// that is too early to mislead anybody for long.
func (t *Tenancy) forget(ctx context.Context, c Changed) {
	for _, s := range c.Before.Secrets {
		if now, ok := c.After.Secret(s.Name); t.Uses != nil && (!ok || now.Secret != s.Secret) {
			_ = t.Uses.Forget(context.WithoutCancel(ctx), credential(c.Before.ID, s.Name))
		}
	}
}

func credential(tenant, name string) store.Credential {
	return store.Credential{Kind: store.CredentialSecret, Tenant: tenant, Name: name}
}
