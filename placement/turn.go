package placement

import (
	"context"
	"fmt"

	"github.com/bbbpool/bbbpool/store"
)

// turn is the right to change where a meeting is: to create it, adopt it or close it. Whoever has it writes to the
// store without holding the ledger's lock, and nobody else touches the claim meanwhile.
type turn struct {
	taken   chan struct{} // holds one element while somebody has it; those that wait get it in the order they came
	waiting int           // those that have it or wait for it
	over    chan struct{} // closed when whoever has it gives it up; nil while nobody wants to know
}

// take waits for the turn. release must follow.
func (l *Ledger) take(ctx context.Context, key store.MeetingKey) error {
	l.mu.Lock()
	t := l.turns[key]
	if t == nil {
		t = l.newTurn(key)
	}
	t.waiting++
	l.mu.Unlock()
	select {
	case t.taken <- struct{}{}: // free, so that it does not matter whether there was time to wait
		return nil
	default:
	}
	select {
	case t.taken <- struct{}{}:
		return nil
	case <-ctx.Done():
		l.mu.Lock()
		defer l.mu.Unlock()
		l.leave(key, t)
		return fmt.Errorf("wait for another create of %s: %w", key.MeetingID, ctx.Err())
	}
}

// try takes the turn only if it is free and nobody waits for it.
func (l *Ledger) try(key store.MeetingKey) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.turns[key] != nil {
		return false
	}
	t := l.newTurn(key)
	t.waiting++
	t.taken <- struct{}{}
	return true
}

// newTurn, release and leave are called with the lock held.
func (l *Ledger) newTurn(key store.MeetingKey) *turn {
	t := &turn{taken: make(chan struct{}, 1)}
	l.turns[key] = t
	return t
}

func (l *Ledger) release(key store.MeetingKey) {
	t := l.turns[key]
	<-t.taken
	if t.over != nil {
		close(t.over)
		t.over = nil
	}
	l.leave(key, t)
}

func (l *Ledger) leave(key store.MeetingKey, t *turn) {
	if t.waiting--; t.waiting == 0 {
		delete(l.turns, key)
	}
}

// ended returns what is closed when the present holder of the turn gives it up. The lock is held.
func (t *turn) ended() <-chan struct{} {
	if t.over == nil {
		t.over = make(chan struct{})
	}
	return t.over
}
