package v1

import (
	"context"
	"net/http"
	"net/url"
)

// What becomes of tenants that are not in a list.
const (
	KeepTenants    = "keep"    // nothing
	DisableTenants = "disable" // they are disabled
	RemoveTenants  = "remove"  // they are removed, unless meetings of theirs run: then they are disabled
)

// TenantSync asks for the pool to have the tenants of a list. The default tenant stays, listed or not.
type TenantSync struct {
	Mode    string       `json:"mode,omitempty"` // KeepTenants (default), DisableTenants or RemoveTenants
	DryRun  bool         `json:"dry_run,omitempty"`
	Tenants []SyncTenant `json:"tenants"`
}

// SyncTenant is a tenant as it should be.
type SyncTenant struct {
	ID      string   `json:"id"`
	Name    string   `json:"name,omitempty"` // the ID by default
	Enabled bool     `json:"enabled"`
	Hosts   []string `json:"hosts,omitempty"`
	URL     string   `json:"url,omitempty"`
	Scoped  bool     `json:"scoped"`
	// Secrets are all that it should have; without any those that there are stay, and a new tenant has one made. One without
	// a value stays what it is, or is made.
	Secrets     []NewTenantSecret `json:"secrets,omitempty"`
	Tag         string            `json:"tag,omitempty"`
	IgnoreHints bool              `json:"ignore_hints,omitempty"`
	Params      []ParamRule       `json:"params,omitempty"`
	Limits      TenantLimits      `json:"limits"`
	Callbacks   *TenantCallbacks  `json:"callbacks,omitempty"` // as usual where it is left out
}

// RevealAll returns all tenants with their secrets in clear, by ID.
func (t Tenants) RevealAll(ctx context.Context) ([]Tenant, error) {
	return call[[]Tenant](ctx, t.client, http.MethodGet, "/tenants", url.Values{"reveal": {"true"}}, nil)
}

// Sync brings the tenants in line with a list, and tells how far that is.
func (t Tenants) Sync(ctx context.Context, list TenantSync, tell func(Progress)) (Synced, error) {
	type revealed struct {
		SyncTenant
		Secrets []any `json:"secrets,omitempty"` // take the place of those that will not be marshalled
	}
	body := struct {
		TenantSync
		Tenants []revealed `json:"tenants"`
	}{TenantSync: list, Tenants: []revealed{}}
	for _, listed := range list.Tenants {
		listed.Limits.Servers = append([]string{}, listed.Limits.Servers...)
		body.Tenants = append(body.Tenants, revealed{listed, sentAll(listed.Secrets)})
	}
	return follow[Synced](ctx, t.client, "/tenants/sync", body, tell)
}
