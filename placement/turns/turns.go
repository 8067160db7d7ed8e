// Package turns keeps order among those who change where a meeting is: one create, adoption or end at a time. It knows which
// meetings somebody is at, and who waits; what they do, and where a meeting is, it does not know.
//
// # Design
//
// Whoever has a turn may take as long as servers and the store want, so it is no lock of the ledger's. Others wait for it in
// the order in which they came, or leave the meeting alone if they cannot wait, as polls do. A lock for each meeting would do
// the same for these, but not for joins: they wait for the outcome of a create ([Turns.Over]) and not for the turn.
package turns

import (
	"context"
	"errors"
	"sync"

	"github.com/bbbpool/bbbpool/store"
)

// ErrClosed says that nobody gets a turn any more.
var ErrClosed = errors.New("nobody decides here any more")

// Turns are the turns that somebody has or waits for, by meeting. Its zero value has none. It is safe for concurrent use.
type Turns struct {
	mu    sync.Mutex
	turns map[store.MeetingKey]*turn
	end   ending
}

// ending is the end of all turns.
type ending struct {
	closed bool
	told   chan struct{} // closed with it; nil while nobody wants to know
	idle   chan struct{} // closed when nobody has a turn then; nil before
}

// turn is the right to change where a meeting is.
type turn struct {
	taken   chan struct{} // holds one element while somebody has it; those that wait get it in the order they came
	waiting int           // those that have it or wait for it
	over    chan struct{} // closed when whoever has it gives it up; nil while nobody wants to know
}

// Take waits for the turn of a meeting until the context ends. Release must follow, if there was no error.
func (t *Turns) Take(ctx context.Context, key store.MeetingKey) error {
	t.mu.Lock()
	if t.end.closed {
		t.mu.Unlock()
		return ErrClosed
	}
	one, closed := t.enter(key), t.closed()
	t.mu.Unlock()
	select {
	case one.taken <- struct{}{}: // free, so that it does not matter whether there was time to wait
		return nil
	default:
	}
	select {
	case one.taken <- struct{}{}:
		return nil
	case <-closed:
		t.forgo(key)
		return ErrClosed
	case <-ctx.Done():
		t.forgo(key)
		return ctx.Err()
	}
}

// forgo is for those that wait no longer.
func (t *Turns) forgo(key store.MeetingKey) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.leave(key)
}

// Close ends all waiting, also for what becomes of others' turns, and gives nobody a turn from then on. Those that somebody has
// go on. It returns what is closed when nobody has one any more.
func (t *Turns) Close() (idle <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.end.closed {
		return t.end.idle
	}
	told := t.closed()
	t.end.closed, t.end.idle = true, make(chan struct{})
	close(told)
	for _, one := range t.turns {
		one.tell()
	}
	t.rest()
	return t.end.idle
}

// Closed returns what is closed when nobody gets a turn any more.
func (t *Turns) Closed() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.closed()
}

func (t *Turns) closed() chan struct{} {
	if t.end.told == nil {
		t.end.told = make(chan struct{})
	}
	return t.end.told
}

// rest says when nobody has a turn any more, and nobody will.
func (t *Turns) rest() {
	if t.end.closed && len(t.turns) == 0 {
		close(t.end.idle)
	}
}

// tell tells those who wait for what becomes of a turn.
func (one *turn) tell() {
	if one.over != nil {
		close(one.over)
		one.over = nil
	}
}

// Try takes the turn of a meeting only if nobody has it or waits for it, and tells whether it did. Release must follow then.
func (t *Turns) Try(key store.MeetingKey) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.turns[key] != nil || t.end.closed {
		return false
	}
	t.enter(key).taken <- struct{}{}
	return true
}

// Release gives the turn to whoever waits for it.
func (t *Turns) Release(key store.MeetingKey) {
	t.mu.Lock()
	defer t.mu.Unlock()
	one := t.turns[key]
	<-one.taken
	one.tell()
	t.leave(key)
}

// Over returns what is closed when whoever has the turn of a meeting gives it up; nil where nobody has it or waits for it.
func (t *Turns) Over(key store.MeetingKey) <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	one := t.turns[key]
	if one == nil {
		return nil
	}
	if one.over == nil {
		one.over = make(chan struct{})
	}
	return one.over
}

// Open tells whether turns are given: nobody has closed them.
func (t *Turns) Open() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.end.closed
}

// Len returns of how many meetings somebody has the turn, or waits for it.
func (t *Turns) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.turns)
}

// enter joins those who want the turn of a meeting. Whoever has entered must leave, or release the turn that he got.
func (t *Turns) enter(key store.MeetingKey) *turn {
	one := t.turns[key]
	if one == nil {
		if t.turns == nil {
			t.turns = map[store.MeetingKey]*turn{}
		}
		one = &turn{taken: make(chan struct{}, 1)}
		t.turns[key] = one
	}
	one.waiting++
	return one
}

// leave forgets a turn that nobody wants any more.
func (t *Turns) leave(key store.MeetingKey) {
	one := t.turns[key]
	if one.waiting--; one.waiting == 0 {
		delete(t.turns, key)
		t.rest()
	}
}
