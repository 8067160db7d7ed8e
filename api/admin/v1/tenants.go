package v1

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Tenant is a tenant as operators see it.
type Tenant struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Secrets []string `json:"secrets"` // "***" unless they were asked for
	Source  string   `json:"source"`  // of the secrets: "stored" or "environment"
	// Generated says that a secret was made on the first start, and is kept: it holds where the environment gives none.
	Generated bool       `json:"generated"`
	Created   *time.Time `json:"created"` // null where it is not stored

	Tag         string `json:"tag"`          // asked of servers by creates that have no meta_server-tag of their own
	IgnoreHints bool   `json:"ignore_hints"` // what it says about the size of its meetings is not believed
}

// TenantChange asks for a tenant to be changed. What is nil stays.
type TenantChange struct {
	Tag         *string `json:"tag,omitempty"`
	IgnoreHints *bool   `json:"ignore_hints,omitempty"`
	// DropGenerated forgets the secret that was made on the first start. The environment must give another.
	DropGenerated bool `json:"drop_generated,omitempty"`
}

// Tenants are the calls about tenants.
type Tenants struct{ client *Client }

// List returns all tenants, by ID, without their secrets.
func (t Tenants) List(ctx context.Context) ([]Tenant, error) {
	return call[[]Tenant](ctx, t.client, http.MethodGet, "/tenants", nil, nil)
}

// Reveal returns one tenant, with its secrets in clear.
func (t Tenants) Reveal(ctx context.Context, id string) (Tenant, error) {
	query := url.Values{"reveal": {"true"}}
	return call[Tenant](ctx, t.client, http.MethodGet, "/tenants/"+url.PathEscape(id), query, nil)
}

// Change changes what is set for a tenant.
func (t Tenants) Change(ctx context.Context, id string, change TenantChange) (Tenant, error) {
	return call[Tenant](ctx, t.client, http.MethodPatch, "/tenants/"+url.PathEscape(id), nil, change)
}
