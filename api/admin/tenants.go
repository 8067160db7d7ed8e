package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/bbbpool/bbbpool/store"
)

func (a *API) listTenants(r *http.Request) (any, error) {
	tenants, err := a.Tenants.Tenants(r.Context())
	if err != nil {
		return nil, err
	}
	isDefault := func(t store.Tenant) bool { return t.ID == store.DefaultTenant }
	if len(a.EnvSecrets) > 0 && !slices.ContainsFunc(tenants, isDefault) {
		tenants = append(tenants, store.Tenant{ID: store.DefaultTenant})
		slices.SortFunc(tenants, func(x, y store.Tenant) int { return strings.Compare(x.ID, y.ID) })
	}
	list := []Tenant{}
	for _, t := range tenants {
		list = append(list, a.tenant(t, store.Secret.String))
	}
	return list, nil
}

func (a *API) showTenant(r *http.Request) (any, error) {
	reveal, err := flag(r, "reveal")
	if err != nil {
		return nil, err
	}
	t, err := a.lookUp(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if !reveal {
		return a.tenant(t, store.Secret.String), nil
	}
	a.logger(r).Info().Str("tenant", t.ID).Msg("secrets of a tenant shown")
	return a.tenant(t, store.Secret.Reveal), nil
}

func (a *API) lookUp(ctx context.Context, id string) (store.Tenant, error) {
	t, err := a.Tenants.Tenant(ctx, id)
	if !errors.Is(err, store.ErrNotFound) {
		return t, err
	}
	switch {
	case id == store.DefaultTenant && len(a.EnvSecrets) > 0:
		return store.Tenant{ID: id}, nil
	case id == store.DefaultTenant:
		return t, notFound("there is no tenant %s yet: bbbpool serve makes it on its first start", id)
	}
	return t, notFound("there is no tenant %q: bbbpool tenant list shows those there are", id)
}

// changeTenant changes what is set for a tenant. The gateway goes by it from then on.
func (a *API) changeTenant(r *http.Request) (any, error) {
	var c TenantChange
	if err := read(r, &c); err != nil {
		return nil, err
	}
	t, err := a.lookUp(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if c.Tag != nil && !text(*c.Tag, maxTag) {
		return nil, invalid("tag: want up to %d bytes of text, as in meta_server-tag", maxTag)
	}
	ctx := context.WithoutCancel(r.Context())
	t, err = a.Tenants.UpdateTenant(ctx, t.ID, func(t *store.Tenant) error {
		if c.DropGenerated {
			if err := a.dropGenerated(t); err != nil {
				return err
			}
		}
		return c.apply(t)
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil, conflict("tenant %s is not stored yet: bbbpool serve stores it on its first start", r.PathValue("id"))
	}
	if err != nil {
		return nil, err
	}
	a.logger(r).Info().Bool("drop_generated", c.DropGenerated).Str("tenant", t.ID).Str("tag", t.Tag).
		Bool("ignore_hints", t.IgnoreHints).Msg("tenant changed")
	if a.Reload != nil {
		if err := a.Reload(ctx); err != nil {
			return nil, fmt.Errorf("tenant %s is changed, and not in use yet: %w", t.ID, err)
		}
	}
	return a.tenant(t, store.Secret.String), nil
}

// dropGenerated forgets the secret of the first start, which no restart brings back: the tenant is not made anew. It
// refuses to leave the front ends without a secret, and to forget here what the environment still gives.
func (a *API) dropGenerated(t *store.Tenant) error {
	switch {
	case t.ID != store.DefaultTenant:
		return invalid("drop_generated: tenant %s has no generated secret, only %s has", t.ID, store.DefaultTenant)
	case len(a.EnvSecrets) == 0:
		return conflict("tenant %s would have no secret: set LOADBALANCER_SECRET to another for bbbpool serve, restart it, and "+
			"drop the generated one then", t.ID)
	case slices.ContainsFunc(t.Secrets, func(s store.Secret) bool { return s != "" && slices.Contains(a.EnvSecrets, s) }):
		return conflict("LOADBALANCER_SECRET or LOADBALANCER_SECRETS still has the generated secret: take it out there first")
	}
	t.Secrets = nil
	return nil
}

func (c TenantChange) apply(t *store.Tenant) error {
	if c.Tag != nil {
		t.Tag = strings.TrimSpace(*c.Tag)
	}
	if c.IgnoreHints != nil {
		t.IgnoreHints = *c.IgnoreHints
	}
	return nil
}

// tenant shows the secrets that are in use.
func (a *API) tenant(t store.Tenant, show func(store.Secret) string) Tenant {
	isSecret := func(s store.Secret) bool { return s != "" }
	source, generated := "stored", t.ID == store.DefaultTenant && slices.ContainsFunc(t.Secrets, isSecret)
	if t.ID == store.DefaultTenant && len(a.EnvSecrets) > 0 {
		source, t.Secrets = "environment", a.EnvSecrets
	}
	shown := Tenant{
		ID: t.ID, Name: t.Name, Secrets: []string{}, Source: source, Generated: generated, Created: stamp(t.Created),
		Tag: t.Tag, IgnoreHints: t.IgnoreHints,
	}
	for _, secret := range t.Secrets {
		if isSecret(secret) {
			shown.Secrets = append(shown.Secrets, show(secret))
		}
	}
	return shown
}
