package assembly

import (
	"context"

	"github.com/bbbpool/bbbpool/api/callbacks"
	"github.com/bbbpool/bbbpool/api/gateway/back"
)

// This file puts together what servers call back, and what front ends are told.

// callBack is what gives servers addresses of ours in the place of front ends'.
func (p *Pool) callBack() *back.Callbacks {
	return &back.Callbacks{Seal: p.Callbacks.Seal, Base: p.Callbacks.Config.Base, Analytics: p.Callbacks.Config.Analytics}
}

// openCallbacks makes what decides what front ends are told.
func (p *Pool) openCallbacks(ctx context.Context) error {
	set := p.options.Settings
	set.Callbacks.PublicURL = set.HTTP.PublicURL
	p.Callbacks = &callbacks.Callbacks{
		Config: set.Callbacks, Index: p.Stores.Index, Now: p.options.Now, Log: p.log("callbacks"),
	}
	return p.Callbacks.Open(ctx)
}
