package mirror

import "context"

// superseded drops the copy where somebody has filled the store anew since it was made, from a backup or from elsewhere: what is
// there is what they want, and nothing that the copy has or that waits is put over it. Homes only grow, so a store that went
// back to an older one has lost something, and is no such store.
func (m *Mirror) superseded(k mark) {
	if m.homeIs() >= k.home {
		return
	}
	m.gate.Lock() // waits for writes that have begun
	defer m.gate.Unlock()
	had := m.isSynced() || m.copy.count().waits > 0
	m.copy.clear()
	m.mu.Lock()
	m.home, m.known, m.synced, m.lost, m.doubt = k.home, 0, false, false, false
	m.life, m.led, m.losses, m.whole = "", false, k.losses, nil
	m.mu.Unlock()
	m.keep()
	if had {
		m.config.Log.Warn().Msg("the records were restored, or moved to where they are, since the last good copy of them was made: " +
			"it is dropped")
	}
}

func (m *Mirror) homeIs() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.home
}

// settle says again when the store was filled, where it has lost that: a copy that is older than that must not come back.
func (m *Mirror) settle(ctx context.Context, k mark) error {
	if home := m.homeIs(); home > k.home {
		return m.config.Marks.Settle(ctx, home)
	}
	return nil
}
