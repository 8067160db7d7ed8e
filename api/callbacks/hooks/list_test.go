package hooks_test

import (
	"context"
	"testing"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/callbacks/hooks"
	"github.com/bbbpool/bbbpool/store"
)

// gone is an index that is away at first.
type gone struct {
	store.Index

	away bool
}

func (g *gone) Hooks(ctx context.Context) ([]store.Hook, error) {
	if g.away {
		return nil, store.ErrAway
	}
	return g.Index.Hooks(ctx)
}

// Who lists webhooks right after the start, before they were read, is not told that there are none.
func TestList_NotReadYet(t *testing.T) {
	b := newBench(t)
	index := &gone{b.db, true}
	begun := hooks.New(hooks.Parts{Index: index, Ledger: b.claim, Outbox: &b.box, Seal: b.seal, Log: zerolog.Nop()})
	if list, err := begun.List(t.Context(), "phys", ""); err == nil {
		t.Errorf("without an index: %v", list)
	}
	index.away = false
	if list, err := begun.List(t.Context(), "phys", ""); err != nil || len(list) != 1 || list[0].Tenant != "phys" {
		t.Errorf("%v, %v", list, err)
	}
}
