package placement

// ByInternalID returns where a meeting of a tenant is, found by the ID that its server gave it, or ErrUnknown. Of two it
// is the one that was placed last. It looks at every meeting: ask for the front end's ID first.
func (l *Ledger) ByInternalID(tenant, internalID string) (Found, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var last *meeting
	for key, m := range l.meetings {
		if key.Tenant == tenant && internalID != "" && m.claim.InternalID == internalID &&
			(last == nil || m.claim.Placed.After(last.claim.Placed)) {
			last = m
		}
	}
	if last == nil {
		return Found{}, ErrUnknown
	}
	return last.found(), nil
}
