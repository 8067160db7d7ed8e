package v1

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// TenantSecret is one of a tenant's secrets.
type TenantSecret struct {
	Name     string     `json:"name"`      // unique among the tenant's
	Secret   Secret     `json:"secret"`    // "***" unless that one was asked for
	Created  *time.Time `json:"created"`   // null where that is not known
	LastUsed *time.Time `json:"last_used"` // to the minute; null for never, as far as known
	Expires  *time.Time `json:"expires"`   // null for never
	Source   string     `json:"source"`    // "stored" or "environment"
}

// NewTenantSecret asks for a secret to be added.
type NewTenantSecret struct {
	Name    string     `json:"name,omitempty"`   // one that is free by default
	Secret  Secret     `json:"secret,omitempty"` // made by default
	Expires *time.Time `json:"expires,omitempty"`
}

// Rotation asks for a new secret in the place of those that there are.
type Rotation struct {
	Name   string `json:"name,omitempty"`   // of the new one; one that is free by default
	Secret Secret `json:"secret,omitempty"` // made by default
	// Keep is how long the others verify as well, in ns, at most 365 days: 0 retires them at once, nil keeps them for seven days.
	Keep *time.Duration `json:"keep,omitempty"`
}

// ChangedSecrets is what a tenant's secrets have become.
type ChangedSecrets struct {
	Tenant  string         `json:"tenant"`
	Name    string         `json:"name"`    // of the one that was added or retired
	Secrets []TenantSecret `json:"secrets"` // all that there are now
	Warning string         `json:"warning,omitempty"`
}

// sent is a secret on its way, in clear.
func sent(n NewTenantSecret) any {
	return struct {
		NewTenantSecret
		Secret string `json:"secret,omitempty"` // takes the place of the one that will not be marshalled
	}{n, n.Secret.Reveal()}
}

func sentAll(list []NewTenantSecret) (all []any) {
	for _, n := range list {
		all = append(all, sent(n))
	}
	return all
}

// Secrets returns a tenant's secrets, masked.
func (t Tenants) Secrets(ctx context.Context, id string) ([]TenantSecret, error) {
	return call[[]TenantSecret](ctx, t.client, http.MethodGet, tenant(id)+"/secrets", nil, nil)
}

// Reveal returns one of a tenant's secrets, in clear: the one by that name or, without a name, the one to give to a front end.
func (t Tenants) Reveal(ctx context.Context, id, name string) (TenantSecret, error) {
	query := url.Values{}
	if name != "" {
		query.Set("name", name)
	}
	return call[TenantSecret](ctx, t.client, http.MethodGet, tenant(id)+"/secret", query, nil)
}

// AddSecret adds a secret, beside those that there are.
func (t Tenants) AddSecret(ctx context.Context, id string, s NewTenantSecret) (ChangedSecrets, error) {
	return call[ChangedSecrets](ctx, t.client, http.MethodPost, tenant(id)+"/secrets", nil, sent(s))
}

// RetireSecret takes a secret away, at once. Unless forced, another one must be left.
func (t Tenants) RetireSecret(ctx context.Context, id, name string, force bool) (ChangedSecrets, error) {
	path := tenant(id) + "/secrets/" + url.PathEscape(name)
	return call[ChangedSecrets](ctx, t.client, http.MethodDelete, path, forced(force), nil)
}

// RotateSecret adds a secret, and lets the others expire.
func (t Tenants) RotateSecret(ctx context.Context, id string, r Rotation) (ChangedSecrets, error) {
	body := struct {
		Rotation
		Secret string `json:"secret,omitempty"`
	}{r, r.Secret.Reveal()}
	return call[ChangedSecrets](ctx, t.client, http.MethodPost, tenant(id)+"/secrets/rotate", nil, body)
}
