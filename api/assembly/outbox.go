package assembly

import (
	"context"
	"net"
	"net/netip"

	"github.com/bbbpool/bbbpool/api/callbacks/guard"
	"github.com/bbbpool/bbbpool/api/callbacks/outbox"
)

// openOutbox makes what tells front ends. It has to be there before administration, which shows it, and sends nothing until it
// runs.
func (p *Pool) openOutbox() error {
	set := p.options.Settings
	allowed, err := guard.Allow(set.Outbox.Allow)
	if err != nil && !p.offline { // whoever only looks at the records need not mend the settings of serve first
		return err
	}
	g := &guard.Guard{Allowed: allowed, Own: p.listens, Bases: []string{set.HTTP.PublicURL, set.Callbacks.URL}}
	p.Outbox = outbox.New(outbox.Parts{
		Config: set.Outbox, Store: p.Stores.Index, Guard: g, Tenants: p.receivers, Version: p.options.Version,
		Now: p.options.Now, Log: p.log("outbox"),
	})
	p.Metrics.RegisterMetricsWriter(p.Outbox.WriteMetrics)
	p.took(func() error { g.Close(); return nil })
	return nil
}

// listens is where front ends are listened to: a callback that came in there would be one that the pool makes itself.
func (p *Pool) listens() []netip.AddrPort {
	if p.http == nil {
		return nil
	}
	at, ok := p.http.Addr().(*net.TCPAddr)
	if !ok {
		return nil
	}
	return []netip.AddrPort{at.AddrPort()}
}

// receivers is what the outbox has to know of a tenant. It is read for each callback: a secret that was rotated is the one that
// the next is signed with.
func (p *Pool) receivers(ctx context.Context, id string) (outbox.Tenant, error) {
	t, err := p.Stores.State.Tenant(ctx, id)
	if err != nil {
		return outbox.Tenant{}, err
	}
	return outbox.Tenant{
		Secrets:   t.InUse(p.options.Settings.Gateway.FrontEndSecrets()),
		Algorithm: t.Callbacks.Algorithm, Insecure: t.Callbacks.Insecure,
	}, nil
}
