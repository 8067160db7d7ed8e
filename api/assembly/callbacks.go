package assembly

import (
	"context"
	"slices"

	"github.com/bbbpool/bbbpool/api/callbacks"
	"github.com/bbbpool/bbbpool/api/callbacks/reach"
	"github.com/bbbpool/bbbpool/api/callbacks/silence"
	"github.com/bbbpool/bbbpool/api/gateway/back"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/mirror"
)

// This file puts together what servers call back, and what front ends are told.

// callBack is what gives servers addresses of ours in the place of front ends'.
func (p *Pool) callBack() *back.Callbacks {
	return &back.Callbacks{Seal: p.Callbacks.Seal, Base: p.Callbacks.Config.Base, Analytics: p.Callbacks.Config.Analytics}
}

// callbackKeyFile is the copy in the data directory of the key that addresses are sealed with.
const callbackKeyFile = "callbacks.key"

// openCallbacks makes what decides what front ends are told. The key of the addresses is at hand where its index is elsewhere,
// and asked for again where that was away.
func (p *Pool) openCallbacks(ctx context.Context) error {
	set := p.options.Settings
	set.Callbacks.PublicURL = set.HTTP.PublicURL
	key := &mirror.Key{File: callbackKeyFile, Ask: func(ctx context.Context, fresh []byte) ([]byte, error) {
		return p.Stores.Index.Key(ctx, callbacks.KeyName, fresh)
	}}
	p.Silence = &silence.Counters{Address: p.callbackAddress, InPool: p.inPool, Now: p.options.Now}
	p.Callbacks = &callbacks.Callbacks{
		Config: set.Callbacks, Index: p.Stores.Index, Key: key.Ask, EndSeen: p.Silence.EndSeen, Now: p.options.Now,
		Log: p.log("callbacks"),
	}
	if p.waiting != nil {
		key.Dir, p.Callbacks.Key = p.options.Data, key.Get
	}
	err := p.Callbacks.Open(ctx)
	if err == nil && p.waiting != nil && !key.Sure() {
		p.late.add("key of callback addresses", func(ctx context.Context) error {
			if err := p.Callbacks.Rekey(ctx); err != nil || key.Sure() {
				return err
			}
			return store.ErrAway
		})
	}
	return err
}

// callbackAddress is where servers are told to call, unless a tenant has an address of its own.
func (p *Pool) callbackAddress() string { return p.Callbacks.Config.Base("") }

func (p *Pool) inPool(server string) bool {
	_, known := p.Poller.Server(server)
	return known
}

// callbackSite is where it is looked whether servers reach us; nil where nobody would answer.
func (p *Pool) callbackSite() *reach.Site {
	if p.offline {
		return nil
	}
	return &reach.Site{Bases: p.callbackBases}
}

// callbackBases are all addresses that servers may be given: the pool's, and those of tenants that have their own.
func (p *Pool) callbackBases() (bases []string) {
	if base := p.callbackAddress(); base != "" {
		bases = append(bases, base)
	}
	if p.Callbacks.Config.URL != "" {
		return bases
	}
	tenants, _ := p.Stores.State.Tenants(context.Background()) // of those that cannot be read nothing is said
	for _, t := range tenants {
		if t.URL != "" && !slices.Contains(bases, t.URL) && len(bases) < mostBases {
			bases = append(bases, t.URL)
		}
	}
	return bases
}

// mostBases is how many addresses are looked at; each is asked for.
const mostBases = 10
