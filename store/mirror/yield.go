package mirror

import (
	"context"
	"fmt"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/rows"
)

// yield gives up what was decided here while the store was away and waits for it, for another instance has led since: it knows
// nothing of that and may have decided otherwise, and what servers have it finds there. What needs no lease is written.
func (m *Mirror) yield(ctx context.Context) error {
	m.gate.Lock()
	defer m.gate.Unlock()
	given := 0
	for _, n := range m.copy.names() {
		r, _ := m.copy.get(n)
		if !r.waits {
			continue
		}
		if err := m.hand(ctx, n, r.value); err != nil {
			return err
		}
		if r.waits = false; guarded(n.kind) {
			given++
		}
		m.copy.put(n, r)
	}
	m.keep()
	m.back()
	m.next = time.Time{} // the whole store is read with the next look
	m.config.Log.Warn().Int("records", given).
		Msg("another instance has led while the store of the state was away from here: what was decided here meanwhile is given up")
	return errAgain
}

// hand gives the store a record that waits, if that needs no lease; value is nil where it was deleted.
func (m *Mirror) hand(ctx context.Context, n name, value []byte) error {
	s := m.config.Store
	switch {
	case n.kind == rows.Waiting.Kind && value == nil:
		return s.DeleteWaiting(ctx, n.key)
	case n.kind == rows.Waiting.Kind:
		w, err := rows.Waiting.Decode([]byte(n.key), value)
		if err != nil {
			return fmt.Errorf("write what waits: %w", err)
		}
		return store.Ignore(s.AddWaiting(ctx, w), store.ErrExists)
	case n.kind == rows.Uses.Kind && value != nil:
		u, err := rows.Uses.Decode([]byte(n.key), value)
		if err != nil {
			return fmt.Errorf("write what waits: %w", err)
		}
		return s.NoteUses(ctx, map[store.Credential]time.Time{u.Credential: u.At})
	}
	return nil
}
