package gateway

import (
	"github.com/VictoriaMetrics/metrics"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/gateway/counts"
	"github.com/bbbpool/bbbpool/store"
)

// SetTenants replaces the tenants that are served, whatever is stored.
func (g *Gateway) SetTenants(list []store.Tenant) { g.tenants.Serve(list) }

// Describe makes every series that a gateway has once a server has failed.
func Describe(set *metrics.Set) {
	m := &counts.Metrics{Set: set}
	m.Open([]string{"create"}, func(string) bool { return true })
	m.Failed("server", "create", failure(bbb.ErrInternal))
	m.Limited("tenant", counts.LimitRequests)
}
