// Package lastuse owns when credentials were last used: the secrets of tenants, the tokens of administration.
//
// It is coarse, so that no call writes: a use is noted in memory, and every few minutes what has changed by [Grain] or more
// is written in one transaction. A crash loses no more than that. Several instances write to one store, where the later
// time stands; each knows what it has seen itself, and what was stored when it has last looked, which it does as often.
package lastuse

import (
	"context"
	"errors"
	"fmt"
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
	Store  store.Uses
	Shared bool // other instances write to the store, too
	Log    zerolog.Logger

	writing sync.Mutex // held over calls to the store: what is forgotten meanwhile is not written once more
	mu      sync.Mutex
	cells   map[store.Credential]*Cell
	written map[store.Credential]time.Time // what the store has, or will never take
}

// Cell is one credential's. That of a credential that is forgotten can still be noted in, and nobody looks at it.
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

// Forget forgets a credential that is gone, so that another by its name begins anew: with another cell, for which whoever keeps
// cells has to ask once more.
func (u *Uses) Forget(ctx context.Context, c store.Credential) error {
	u.writing.Lock()
	defer u.writing.Unlock()
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
	for {
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
		if err := u.write(context.WithoutCancel(ctx)); err != nil {
			u.Log.Warn().Err(err).Msg("when credentials were last used is not stored")
		}
		if ctx.Err() != nil {
			return nil
		}
		if err := u.merge(ctx); err != nil && ctx.Err() == nil {
			u.Log.Warn().Err(err).Msg("when credentials were last used elsewhere is not known")
		}
	}
}

// merge takes over what others have written.
func (u *Uses) merge(ctx context.Context) error {
	if !u.Shared {
		return nil
	}
	u.writing.Lock()
	defer u.writing.Unlock()
	stored, err := u.Store.Uses(ctx)
	if err != nil {
		return err
	}
	u.note(stored)
	u.mu.Lock()
	defer u.mu.Unlock()
	for c, at := range stored {
		u.cell(c).Note(at)
	}
	return nil
}

// write writes what has changed since the last time. What the store cannot take, for a name that is too long, keeps
// nothing else from being written, and is tried again when it was used again.
func (u *Uses) write(ctx context.Context) error {
	u.writing.Lock()
	defer u.writing.Unlock()
	changed := u.changed()
	if len(changed) == 0 {
		return nil
	}
	err := u.Store.NoteUses(ctx, changed)
	if err == nil {
		u.note(changed)
		return nil
	}
	if !errors.Is(err, store.ErrTooLarge) {
		return err
	}
	for c, at := range changed {
		one := map[store.Credential]time.Time{c: at}
		if err := u.Store.NoteUses(ctx, one); err != nil && !errors.Is(err, store.ErrTooLarge) {
			return err
		}
		u.note(one)
	}
	return fmt.Errorf("one of %d: %w", len(changed), err)
}

// changed is what is to be written.
func (u *Uses) changed() map[store.Credential]time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	changed := map[store.Credential]time.Time{}
	for c, cell := range u.cells {
		if at := cell.last(); at.After(u.written[c]) {
			changed[c] = at
		}
	}
	return changed
}

// note takes note of what is written.
func (u *Uses) note(written map[store.Credential]time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.written == nil {
		u.written = map[store.Credential]time.Time{}
	}
	maps.Copy(u.written, written)
}
