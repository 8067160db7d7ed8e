package placement

import (
	"context"
	"fmt"

	"github.com/bbbpool/bbbpool/store"
)

// turns are the turns that somebody has or waits for, by meeting. The ledger's lock guards them.
type turns map[store.MeetingKey]*turn

// turn is the right to change where a meeting is: to create it, adopt it or close it. Whoever has it writes to the
// store without holding the ledger's lock, and nobody else touches the claim meanwhile.
type turn struct {
	taken   chan struct{} // holds one element while somebody has it; those that wait get it in the order they came
	waiting int           // those that have it or wait for it
	over    chan struct{} // closed when whoever has it gives it up; nil while nobody wants to know
}

// enter joins those who want the turn of a meeting. Whoever has entered must leave, or release the turn that he got.
func (t turns) enter(key store.MeetingKey) *turn {
	one := t[key]
	if one == nil {
		one = &turn{taken: make(chan struct{}, 1)}
		t[key] = one
	}
	one.waiting++
	return one
}

// try takes the turn only if nobody has it or waits for it.
func (t turns) try(key store.MeetingKey) bool {
	if t[key] != nil {
		return false
	}
	t.enter(key).taken <- struct{}{}
	return true
}

// release gives the turn to whoever waits for it.
func (t turns) release(key store.MeetingKey) {
	one := t[key]
	<-one.taken
	if one.over != nil {
		close(one.over)
		one.over = nil
	}
	t.leave(key)
}

// leave forgets a turn that nobody wants any more.
func (t turns) leave(key store.MeetingKey) {
	one := t[key]
	if one.waiting--; one.waiting == 0 {
		delete(t, key)
	}
}

// ended returns what is closed when the present holder of the turn gives it up.
func (t *turn) ended() <-chan struct{} {
	if t.over == nil {
		t.over = make(chan struct{})
	}
	return t.over
}

// takeTurn waits for the turn of a meeting. releaseTurn must follow.
func (l *Ledger) takeTurn(ctx context.Context, key store.MeetingKey) error {
	l.mu.Lock()
	t := l.turns.enter(key)
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
		l.turns.leave(key)
		return fmt.Errorf("wait for another create of %s: %w", key.MeetingID, ctx.Err())
	}
}

// tryTurn takes the turn of a meeting only if it is free and nobody waits for it.
func (l *Ledger) tryTurn(key store.MeetingKey) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.turns.try(key)
}
