package placement

// ByInternalID returns where a meeting of a tenant is, found by the ID that its server gave it, or ErrUnknown. Of two it
// is the one that was placed last. It looks at every meeting: ask for the front end's ID first.
func (l *Ledger) ByInternalID(tenant, internalID string) (Found, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.byInternalID(tenant, internalID, func(*meeting) bool { return true })
}

// Breakout is ByInternalID for breakout rooms alone, which front ends may ask for by either ID. Where there is none, as
// nearly everywhere, it costs nothing: every call about a meeting that nobody knows comes here.
func (l *Ledger) Breakout(tenant, internalID string) (Found, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.breakouts == 0 {
		return Found{}, ErrUnknown
	}
	return l.byInternalID(tenant, internalID, func(m *meeting) bool { return m.claim.Breakout })
}

// byInternalID looks among those that pass. The lock is held.
func (l *Ledger) byInternalID(tenant, internalID string, pass func(*meeting) bool) (Found, error) {
	var last *meeting
	for key, m := range l.meetings {
		if key.Tenant == tenant && internalID != "" && m.claim.InternalID == internalID && pass(m) &&
			(last == nil || m.claim.Placed.After(last.claim.Placed)) {
			last = m
		}
	}
	if last == nil {
		return Found{}, ErrUnknown
	}
	return last.found(), nil
}
