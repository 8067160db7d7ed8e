package admin

import (
	"net/http"

	"github.com/bbbpool/bbbpool/api/admin/frame"
	"github.com/bbbpool/bbbpool/api/admin/tenancy"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/store"
)

func (t *Tenants) secrets(r *http.Request) (any, error) {
	tenant, err := t.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return t.Listed(tenant), nil
}

// revealSecret shows one secret in clear, which is a matter for the audit log although it changes nothing.
func (t *Tenants) revealSecret(r *http.Request) (any, error) {
	tenant, err := t.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	secret, err := t.Present(tenant, r.URL.Query().Get("name"))
	if err != nil {
		return nil, err
	}
	frame.Logger(r).Info().Str("tenant", tenant.ID).Str("secret", secret.Name).Msg("secret of a tenant shown")
	shown := openSecret{t.Secret(tenant, secret), secret.Secret.Reveal()}
	return frame.Changed{Answer: shown, Action: "show", Kind: "secret", Object: secret.Name, Tenant: tenant.ID}, nil
}

// secretsChanged is the answer to a request that has changed a tenant's secrets.
func (t *Tenants) secretsChanged(r *http.Request, action, name, warning string, c tenancy.Changed) frame.Changed {
	frame.Logger(r).Info().Str("tenant", c.After.ID).Str("secret", name).Str("action", action).Msg("secrets of a tenant changed")
	answer := v1.ChangedSecrets{Tenant: c.After.ID, Name: name, Secrets: t.Listed(c.After), Warning: warning}
	return frame.Changed{
		Answer: answer, Action: action, Kind: "secret", Object: name, Tenant: c.After.ID, Before: t.stored(c.Before),
		After: t.stored(c.After),
	}
}

// stored are the secrets of a tenant as the audit log has them.
func (t *Tenants) stored(tenant store.Tenant) []v1.TenantSecret {
	list := []v1.TenantSecret{}
	for _, s := range tenant.Secrets {
		list = append(list, t.Secret(tenant, s))
	}
	return list
}

func (t *Tenants) addSecret(r *http.Request) (any, error) {
	var n v1.NewTenantSecret
	if err := frame.Read(r, &n); err != nil {
		return nil, err
	}
	c, name, err := t.AddSecret(r.Context(), r.PathValue("id"), n)
	if c.After.ID == "" {
		return nil, err
	}
	done := t.secretsChanged(r, "add", name, "", c)
	done.Made = true
	return done, err
}

func (t *Tenants) retireSecret(r *http.Request) (any, error) {
	force, err := frame.Flag(r, "force")
	if err != nil {
		return nil, err
	}
	name := r.PathValue("name")
	c, err := t.RetireSecret(r.Context(), r.PathValue("id"), name, force)
	if c.After.ID == "" {
		return nil, err
	}
	return t.secretsChanged(r, "retire", name, "", c), err
}

func (t *Tenants) rotateSecret(r *http.Request) (any, error) {
	var rotation v1.Rotation
	if err := frame.Read(r, &rotation); err != nil {
		return nil, err
	}
	c, name, warning, err := t.RotateSecret(r.Context(), r.PathValue("id"), rotation)
	if c.After.ID == "" {
		return nil, err
	}
	return t.secretsChanged(r, "rotate", name, warning, c), err
}
