// Package ended remembers for a moment which meetings were ended, so that an end of one that is over is answered as BigBlueButton
// answers it while it is ending a meeting. It ends nothing, and keeps no passwords.
package ended

import (
	"crypto/sha256"
	"sync"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// span is how long another end of a meeting that was ended is answered as the first one, at least. BigBlueButton
// does that for as long as it takes to end one.
const span = time.Minute

// Meetings remembers which meetings were ended just now, and with what password. It is for the moment, so memory will do.
type Meetings struct {
	mu     sync.Mutex
	lately lately
}

// Add notes an end that was acknowledged.
func (m *Meetings) Add(key store.MeetingKey, password string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lately.age(time.Now())
	m.lately.young[key] = digest(password)
}

// Check tells whether a meeting was ended just now, and whether that password may end it: none may, as in BigBlueButton,
// and where the first end had none nobody knows a wrong one.
func (m *Meetings) Check(key store.MeetingKey, password string) (known, right bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lately.age(time.Now())
	was, known := m.lately.young[key]
	if !known {
		was, known = m.lately.older[key]
	}
	return known, password == "" || was == digest("") || was == digest(password)
}

// lately is the passwords of meetings that were ended in the last span, and in the one before.
type lately struct {
	since        time.Time // when the last span began
	young, older map[store.MeetingKey][sha256.Size]byte
}

// age forgets what is too old.
func (l *lately) age(now time.Time) {
	switch age := now.Sub(l.since); {
	case l.young == nil || age >= 2*span:
		l.since, l.older, l.young = now, nil, map[store.MeetingKey][sha256.Size]byte{}
	case age >= span:
		l.since, l.older, l.young = now, l.young, map[store.MeetingKey][sha256.Size]byte{}
	}
}

// digest is of a password: nobody needs to keep one.
func digest(password string) [sha256.Size]byte { return sha256.Sum256([]byte(password)) }
