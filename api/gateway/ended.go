package gateway

import (
	"crypto/sha256"
	"sync"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// endedSpan is how long another end of a meeting that was ended is answered as the first one, at least. BigBlueButton
// does that for as long as it takes to end one.
const endedSpan = time.Minute

// ended remembers which meetings were ended just now, and with what password. It is for the moment, so memory will do.
type ended struct {
	mu           sync.Mutex
	since        time.Time
	young, older map[store.MeetingKey][sha256.Size]byte
}

// add notes an end that was acknowledged.
func (e *ended) add(key store.MeetingKey, password string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.turn(time.Now())
	e.young[key] = digest(password)
}

// turn forgets what is too old. The lock is held.
func (e *ended) turn(now time.Time) {
	switch age := now.Sub(e.since); {
	case e.young == nil || age >= 2*endedSpan:
		e.since, e.older, e.young = now, nil, map[store.MeetingKey][sha256.Size]byte{}
	case age >= endedSpan:
		e.since, e.older, e.young = now, e.young, map[store.MeetingKey][sha256.Size]byte{}
	}
}

// check tells whether a meeting was ended just now, and whether that password may end it: none may, as in BigBlueButton,
// and where the first end had none nobody knows a wrong one.
func (e *ended) check(key store.MeetingKey, password string) (known, right bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.turn(time.Now())
	was, known := e.young[key]
	if !known {
		was, known = e.older[key]
	}
	return known, password == "" || was == digest("") || was == digest(password)
}

// digest is of a password: nobody needs to keep one.
func digest(password string) [sha256.Size]byte { return sha256.Sum256([]byte(password)) }
