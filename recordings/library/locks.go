package library

import "sync"

// Locks are one lock for each key that somebody holds or waits for, and none for others. The zero value is ready.
type Locks struct {
	mu   sync.Mutex
	held map[string]*lock
}

type lock struct {
	sync.Mutex
	users int
}

// Held is the right to work on one recording, in the index and in the library: whoever has it is alone with it until it is
// released. It is handed out by [Library.Hold], and the methods that change a recording ask for it, so that nobody can
// forget to take it. Stagings have a lock each, too, which the library takes itself; of both, the recording's comes first.
type Held struct {
	ID string // of the recording, or the name of the staging

	locks *Locks
	lock  *lock
}

// Hold waits until nobody else holds a key, and holds it.
func (l *Locks) Hold(key string) *Held {
	l.mu.Lock()
	if l.held == nil {
		l.held = map[string]*lock{}
	}
	k := l.held[key]
	if k == nil {
		k = &lock{}
		l.held[key] = k
	}
	k.users++
	l.mu.Unlock()
	k.Lock()
	return &Held{ID: key, locks: l, lock: k}
}

// Release lets the next one have it. It is called once.
func (h *Held) Release() {
	h.lock.Unlock()
	h.locks.mu.Lock()
	defer h.locks.mu.Unlock()
	if h.lock.users--; h.lock.users == 0 {
		delete(h.locks.held, h.ID)
	}
}
