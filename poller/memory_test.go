package poller_test

import (
	"context"
	"sync"

	"github.com/bbbpool/bbbpool/store"
)

// memory is a store of claims and sessions without a disk.
type memory struct {
	mu       sync.Mutex
	claims   map[store.MeetingKey]store.Claim
	sessions []store.Session
}

func (m *memory) Claims(context.Context) (list []store.Claim, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.claims {
		list = append(list, c)
	}
	return list, nil
}

func (m *memory) CreateClaim(_ context.Context, c store.Claim) (store.Claim, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if old, ok := m.claims[c.MeetingKey]; ok {
		return old, store.ErrExists
	}
	m.claims[c.MeetingKey] = c
	return c, nil
}

func (m *memory) UpdateClaim(
	_ context.Context, k store.MeetingKey, change func(*store.Claim) error,
) (store.Claim, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c, ok := m.claims[k]
	if !ok {
		return c, store.ErrNotFound
	}
	err := change(&c)
	m.claims[k] = c
	return c, err
}

func (m *memory) DeleteClaim(_ context.Context, c store.Claim) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.claims, c.MeetingKey)
	return nil
}

// Endings and the others are not kept here: what is owed is known to the ledger.
func (m *memory) Endings(context.Context) ([]store.Ending, error)   { return nil, nil }
func (m *memory) AddEndings(context.Context, ...store.Ending) error { return nil }
func (m *memory) DeleteEnding(context.Context, store.Ending) error  { return nil }

func (m *memory) Remember(_ context.Context, _ store.Claim, s store.Session) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sessions = append(m.sessions, s)
	return nil
}
