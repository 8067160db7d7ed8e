package assembly

import (
	"cmp"
	"context"
	"errors"
	"net/url"

	"github.com/bbbpool/bbbpool/api/admin/tenancy"
	"github.com/bbbpool/bbbpool/api/callbacks/hooks"
	"github.com/bbbpool/bbbpool/api/reload"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

// openHooks makes the webhooks of the pool, which need the ledger, the poller and the outbox. They are read as soon as the index
// answers.
func (p *Pool) openHooks() {
	set := p.options.Settings
	parts := hooks.Parts{
		Index: p.Stores.Index, Ledger: p.Ledger, Outbox: p.Outbox, Seal: p.Callbacks.Seal, Record: p.Stores.State.Server,
		Base: func() string { return p.Callbacks.Config.Base("") }, Domain: p.domain, Servers: p.ways, Seen: p.Poller.Meeting,
		Algorithms: set.Gateway.ChecksumAlgorithms(), Changed: func() { p.Notices.Changed(reload.Hooks) },
		Now: p.options.Now, Log: p.log("webhooks"), Every: set.Callbacks.HooksEvery, Pulse: set.Callbacks.HooksEvery / 60,
	}
	if p.Instance != nil {
		parts.Elsewhere = p.Instance
	}
	p.Hooks = hooks.New(parts)
	p.Outbox.Handle(store.CallbackEvent, p.Hooks.Sender())
	p.Notices.Parts[reload.Hooks] = p.Hooks.Load
	p.Notices.Want(reload.Hooks)
	p.Metrics.RegisterMetricsWriter(p.Hooks.WriteMetrics)
}

// domain is the host that the pool is known by.
func (p *Pool) domain() string {
	u, err := url.Parse(cmp.Or(p.options.Settings.HTTP.PublicURL, p.Callbacks.Config.Base("")))
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// ways are the servers as webhooks know them.
func (p *Pool) ways() (list []hooks.Server) {
	for _, w := range p.Poller.Ways() {
		list = append(list, hooks.Server{
			ID: w.ID, Client: w.Client, Disabled: w.State == store.Disabled,
			Online: w.Health == poller.Online || w.Health == poller.Suspect,
		})
	}
	return list
}

// forgetHooks has the webhooks of a tenant go with it.
func (p *Pool) forgetHooks(tenants *tenancy.Tenancy) {
	revoke := tenants.Revoke
	tenants.Revoke = func(ctx context.Context, tenant string) error {
		return errors.Join(revoke(ctx, tenant), p.Hooks.Forget(ctx, tenant))
	}
}
