package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/bbbpool/bbbpool/api/admin/access"
	"github.com/bbbpool/bbbpool/api/admin/confine"
	"github.com/bbbpool/bbbpool/api/admin/roster"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/store"
)

// Tenants shows tenants, and changes what is set for them.
type Tenants struct {
	Records     store.Tenants
	Environment []store.Secret // of the default tenant, instead of its stored ones; none is the usual
	// Reload has those that keep tenants in memory read them again; nil where nobody does.
	Reload func(ctx context.Context) error
}

func (t *Tenants) routes() routes {
	return routes{
		"GET /tenants":        own(t.list, confine.ByQuery(), access.Read),
		"GET /tenants/{id}":   own(t.show, confine.ByPath(), access.Read),
		"PATCH /tenants/{id}": own(t.change, confine.ByPath().Sparing("drop_generated"), access.Admin),
	}
}

// Problems tells of a default tenant whose front ends nothing lets in. One that is not there yet is made on the first start,
// and that the store does not answer is for others to tell.
func (t *Tenants) Problems(ctx context.Context) []problems.Problem {
	tenant, err := t.Records.Tenant(ctx, store.DefaultTenant)
	if err != nil || len(t.view(tenant, store.Secret.String).Secrets) > 0 {
		return nil
	}
	return []problems.Problem{{
		Severity: problems.Refusing, Subject: problems.Subject{Kind: problems.Tenant, ID: store.DefaultTenant}, Name: "no-secret",
		Text: "tenant default has no secret, every call of its front ends is refused: set LOADBALANCER_SECRET for " +
			"bbbpool serve, and restart it",
	}}
}

// secrets are those of all tenants, in use or not.
func (t *Tenants) secrets(ctx context.Context) ([]store.Secret, error) {
	tenants, err := t.Records.Tenants(ctx)
	if err != nil {
		return nil, err
	}
	all := slices.Clone(t.Environment)
	for _, tenant := range tenants {
		for _, s := range tenant.Secrets {
			all = append(all, s.Secret)
		}
	}
	return all, nil
}

func (t *Tenants) list(r *http.Request) (any, error) {
	tenants, err := t.Records.Tenants(r.Context())
	if err != nil {
		return nil, err
	}
	isDefault := func(one store.Tenant) bool { return one.ID == store.DefaultTenant }
	if len(t.Environment) > 0 && !slices.ContainsFunc(tenants, isDefault) {
		tenants = append(tenants, store.Tenant{ID: store.DefaultTenant})
		slices.SortFunc(tenants, func(x, y store.Tenant) int { return strings.Compare(x.ID, y.ID) })
	}
	one, list := r.URL.Query().Get("tenant"), []v1.Tenant{}
	for _, tenant := range tenants {
		if one == "" || one == tenant.ID {
			list = append(list, t.view(tenant, store.Secret.String))
		}
	}
	return list, nil
}

func (t *Tenants) show(r *http.Request) (any, error) {
	reveal, err := flag(r, "reveal")
	if err != nil {
		return nil, err
	}
	tenant, err := t.lookUp(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if !reveal {
		return t.view(tenant, store.Secret.String), nil
	}
	logger(r).Info().Str("tenant", tenant.ID).Msg("secrets of a tenant shown")
	return t.view(tenant, store.Secret.Reveal), nil
}

// lookUp returns a tenant. The default one need not be stored where the environment has its secrets.
func (t *Tenants) lookUp(ctx context.Context, id string) (store.Tenant, error) {
	tenant, err := t.Records.Tenant(ctx, id)
	if !errors.Is(err, store.ErrNotFound) {
		return tenant, err
	}
	switch {
	case id == store.DefaultTenant && len(t.Environment) > 0:
		return store.Tenant{ID: id}, nil
	case id == store.DefaultTenant:
		return tenant, v1.NotFound("there is no tenant %s yet: bbbpool serve makes it on its first start", id)
	}
	return tenant, confine.NoTenant(id)
}

// check refuses a tenant that is not there; "" is none in particular.
func (t *Tenants) check(ctx context.Context, id string) error {
	if id == "" {
		return nil
	}
	_, err := t.lookUp(ctx, id)
	return err
}

// change changes what is set for a tenant. The gateway goes by it from then on.
func (t *Tenants) change(r *http.Request) (any, error) {
	var c v1.TenantChange
	if err := read(r, &c); err != nil {
		return nil, err
	}
	tenant, err := t.lookUp(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if c.Tag != nil && !v1.IsText(*c.Tag, roster.MaxTag) {
		return nil, v1.Invalid("tag: want up to %d bytes of text, as in meta_server-tag", roster.MaxTag)
	}
	ctx := context.WithoutCancel(r.Context())
	tenant, err = t.Records.UpdateTenant(ctx, tenant.ID, func(tenant *store.Tenant) error { return t.apply(c, tenant) })
	if errors.Is(err, store.ErrNotFound) {
		return nil, v1.Conflict("tenant %s is not stored yet: bbbpool serve stores it on its first start", r.PathValue("id"))
	}
	if err != nil {
		return nil, err
	}
	logger(r).Info().Bool("drop_generated", c.DropGenerated).Str("tenant", tenant.ID).Str("tag", tenant.Tag).
		Bool("ignore_hints", tenant.IgnoreHints).Msg("tenant changed")
	if t.Reload != nil {
		if err := t.Reload(ctx); err != nil {
			return nil, fmt.Errorf("tenant %s is changed, and not in use yet: %w", tenant.ID, err)
		}
	}
	return t.view(tenant, store.Secret.String), nil
}

// apply makes a change to a record.
func (t *Tenants) apply(c v1.TenantChange, tenant *store.Tenant) error {
	if c.DropGenerated {
		if err := t.dropGenerated(tenant); err != nil {
			return err
		}
	}
	if c.Tag != nil {
		tenant.Tag = strings.TrimSpace(*c.Tag)
	}
	if c.IgnoreHints != nil {
		tenant.IgnoreHints = *c.IgnoreHints
	}
	return nil
}

// dropGenerated forgets the secret of the first start, which no restart brings back: the tenant is not made anew. It
// refuses to leave the front ends without a secret, and to forget here what the environment still gives.
func (t *Tenants) dropGenerated(tenant *store.Tenant) error {
	given := func(s store.TenantSecret) bool { return s.Secret != "" && slices.Contains(t.Environment, s.Secret) }
	switch {
	case tenant.ID != store.DefaultTenant:
		return v1.Invalid("drop_generated: tenant %s has no generated secret, only %s has", tenant.ID, store.DefaultTenant)
	case len(t.Environment) == 0:
		return v1.Conflict("tenant %s would have no secret: set LOADBALANCER_SECRET to another for bbbpool serve, restart it, and "+
			"drop the generated one then", tenant.ID)
	case slices.ContainsFunc(tenant.Secrets, given):
		return v1.Conflict("LOADBALANCER_SECRET or LOADBALANCER_SECRETS still has the generated secret: take it out there first")
	}
	tenant.Secrets = nil
	return nil
}

// view shows a tenant, with the secrets that are in use.
func (t *Tenants) view(tenant store.Tenant, show func(store.Secret) string) v1.Tenant {
	isSecret := func(s store.TenantSecret) bool { return s.Secret != "" }
	isDefault := tenant.ID == store.DefaultTenant
	source, generated := "stored", isDefault && slices.ContainsFunc(tenant.Secrets, isSecret)
	if isDefault && len(t.Environment) > 0 {
		source, tenant.Secrets = "environment", store.EnvironmentSecrets(t.Environment)
	}
	shown := v1.Tenant{
		ID: tenant.ID, Name: tenant.Name, Secrets: []string{}, Source: source, Generated: generated,
		Created: v1.Stamp(tenant.Created), Tag: tenant.Tag, IgnoreHints: tenant.IgnoreHints,
	}
	for _, secret := range tenant.Secrets {
		if isSecret(secret) {
			shown.Secrets = append(shown.Secrets, show(secret.Secret))
		}
	}
	return shown
}
