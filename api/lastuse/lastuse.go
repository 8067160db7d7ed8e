// Package lastuse owns when credentials were last used: the secrets of tenants, the tokens of administration.
//
// It is coarse, so that no call writes: a use is noted in memory, and every few minutes what has changed by [Grain] or more
// is written in one transaction. A crash loses no more than that. Several instances write to one store, where the later
// time stands; each knows what it has seen itself, and what was stored when it started.
package lastuse

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/store"
)

// Grain is how coarse the times are.
const Grain = time.Minute

// writeEvery is how often what is new is written.
const writeEvery = 5 * time.Minute

// Uses knows when credentials were last used. It is safe for concurrent use.
type Uses struct {
	Store store.Uses
	Log   zerolog.Logger

	mu      sync.Mutex
	cells   map[store.Credential]*Cell
	written map[store.Credential]time.Time
}

// Cell is one credential's.
type Cell struct{ at atomic.Int64 } // in units of Grain since 1970; 0 for never

// Note takes note of a use. It writes to memory once per Grain, and costs next to nothing else.
func (c *Cell) Note(now time.Time) {
	if n := now.Unix() / int64(Grain/time.Second); c.at.Load() < n {
		c.at.Store(n)
	}
}

func (c *Cell) last() time.Time {
	n := c.at.Load()
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(n*int64(Grain/time.Second), 0).UTC()
}

// Open reads what is stored.
func (u *Uses) Open(ctx context.Context) error {
	stored, err := u.Store.Uses(ctx)
	if err != nil {
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.written = stored
	for c, at := range stored {
		u.cell(c).Note(at)
	}
	return nil
}

// Of returns a credential's cell: whoever notes uses often keeps it.
func (u *Uses) Of(c store.Credential) *Cell {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.cell(c)
}

func (u *Uses) cell(c store.Credential) *Cell {
	if u.cells == nil {
		u.cells = map[store.Credential]*Cell{}
	}
	if u.cells[c] == nil {
		u.cells[c] = &Cell{}
	}
	return u.cells[c]
}

// Last is when a credential was last used; the zero time for never.
func (u *Uses) Last(c store.Credential) time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	if cell := u.cells[c]; cell != nil {
		return cell.last()
	}
	return time.Time{}
}

// Forget forgets a credential that is gone, so that another by its name begins anew.
func (u *Uses) Forget(ctx context.Context, c store.Credential) error {
	u.mu.Lock()
	delete(u.cells, c)
	delete(u.written, c)
	u.mu.Unlock()
	return u.Store.NoteUses(ctx, map[store.Credential]time.Time{c: {}})
}

// Run writes what is new now and then, and at the end. What cannot be written is no reason to fail for anybody.
func (u *Uses) Run(ctx context.Context) error {
	ticker := time.NewTicker(writeEvery)
	defer ticker.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
		if err := u.write(context.WithoutCancel(ctx)); err != nil {
			u.Log.Warn().Err(err).Msg("when credentials were last used is not stored")
		}
	}
	return nil
}

// write writes what has changed since the last time.
func (u *Uses) write(ctx context.Context) error {
	u.mu.Lock()
	changed := map[store.Credential]time.Time{}
	for c, cell := range u.cells {
		if at := cell.last(); at.After(u.written[c]) {
			changed[c] = at
		}
	}
	u.mu.Unlock()
	if len(changed) == 0 {
		return nil
	}
	if err := u.Store.NoteUses(ctx, changed); err != nil {
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.written == nil {
		u.written = map[store.Credential]time.Time{}
	}
	maps.Copy(u.written, changed)
	return nil
}
