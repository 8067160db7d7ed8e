package assembly

import (
	"context"

	"github.com/bbbpool/bbbpool/api/callbacks"
)

// This file puts together what servers call back, and what front ends are told.

// openCallbacks makes what decides what front ends are told.
func (p *Pool) openCallbacks(ctx context.Context) error {
	set := p.options.Settings
	set.Callbacks.PublicURL = set.HTTP.PublicURL
	p.Callbacks = &callbacks.Callbacks{
		Config: set.Callbacks, Index: p.Stores.Index, Now: p.options.Now, Log: p.log("callbacks"),
	}
	return p.Callbacks.Open(ctx)
}
