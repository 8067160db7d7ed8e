package gateway

import "github.com/bbbpool/bbbpool/store"

// SetTenants replaces the tenants that are served, whatever is stored.
func (g *Gateway) SetTenants(list []store.Tenant) { g.tenants.serve(list) }
