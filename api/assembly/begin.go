package assembly

import (
	"context"

	"github.com/bbbpool/bbbpool/api/reload"
	"github.com/bbbpool/bbbpool/store"
)

// This file has when one of several instances knows what the pool has. Until then it is not ready, and calls wait: it would say
// that tenants and meetings are unknown, and lists would lack what is on servers that it does not know.

// caughtUp tells whether an instance that hears the leader goes by what that has told: what it has to read for that it has read,
// and it was told of all servers. What is kept in the index is not among it, without which one can answer.
func (p *Pool) caughtUp() bool {
	return !p.Notices.Behind(reload.Servers, reload.Tenants) && p.Poller.Heard()
}

// copied tells whether this instance goes by the copy of the state, for its database is away and nobody was heard yet. One that
// has seen no tenant, as on the first start of all, has nothing to go by.
func (p *Pool) copied() bool {
	if !p.late.copied.Load() && !p.Instance.Fresh() {
		_ = p.recollect(context.Background()) // from a copy in memory
	}
	return p.late.copied.Load() && p.Gateway.Known(store.DefaultTenant)
}
