package placement

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bbbpool/bbbpool/placement/book"
	"github.com/bbbpool/bbbpool/store"
)

// unstored is what a create has come to and the store does not have yet. There is at most one for a claim: it is tried again by
// whoever confirms the meeting once more, and with every poll, until it is stored or the claim is another one.
type unstored struct {
	server, internalID string
	placed             time.Time  // of the claim once it is stored
	before             time.Time  // as the store has it
	claimed            bool       // the store has the claim
	over               []Finished // the stays before, as far as the history has not got them
}

// mostOver is how many stays that are over are kept for one meeting while the history cannot be written.
const mostOver = 10

// Confirm records that the server has the meeting, as a session that has just begun or as the one that is known. Only
// a new internal ID, and a password or voice bridge that was not known, is written to the store; if that fails the claim
// stands all the same, and Confirm may be called again, with the same, to write what is missing. Where nobody does Reconcile
// tries. A session that the meeting had before becomes history either way.
func (c *Creation) Confirm(ctx context.Context, made Made) error {
	todo, err := c.confirm(made)
	if err == nil && todo != nil {
		err = c.store(ctx, todo)
	}
	c.durable = err == nil || todo != nil && todo.claimed
	if err != nil {
		return fmt.Errorf("confirm claim %s: %w", c.key.MeetingID, err)
	}
	return nil
}

// Durable tells whether what was confirmed last survives a crash, also where Confirm has returned an error: then it is the
// session before that the history lacks.
func (c *Creation) Durable() bool { return c.durable }

// confirm applies what a server has made to the book, and returns what is to be stored of that; nil for nothing. It takes
// the lock.
func (c *Creation) confirm(made Made) (*unstored, error) {
	l := c.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.lost() {
		return nil, ErrFollower
	}
	before, err := l.book.Where(c.key)
	if err != nil {
		return nil, err
	}
	made.Request, made.Signer, made.Back, made.Unmade = c.asks.request, c.asks.signer, c.asks.back, c.asks.unmade
	made.Recorded, made.Name, made.Placed = c.asks.recorded, c.asks.name, c.asks.anew
	confirmed, over, same := l.book.Confirmation(l.now(), c.key, made)
	l.book.Apply(confirmed)
	claim, was := confirmed.Claim, c.term.unstored[c.key]
	switch {
	case was != nil && was.is(claim):
		return was, nil
	case was == nil && same && len(l.book.Record().OwedAbout(claim)) == 0:
		return nil, nil
	}
	todo := &unstored{
		server: claim.Server, internalID: claim.InternalID, placed: claim.Placed, before: before.Claim.Placed, claimed: same,
	}
	if was != nil {
		todo.over = was.over[:min(len(was.over), mostOver-1)]
	}
	if over.Session.ID != "" {
		todo.over = append(todo.over, over)
	}
	c.term.keep(c.key, todo)
	return todo, nil
}

// is tells whether it is that claim which is not stored.
func (u *unstored) is(c store.Claim) bool {
	return u.server == c.Server && u.internalID == c.InternalID
}

// keep remembers what is not stored. It is called under the lock.
func (t *term) keep(key store.MeetingKey, u *unstored) {
	if t.unstored == nil {
		t.unstored = map[store.MeetingKey]*unstored{}
	}
	t.unstored[key] = u
}

// lacks remembers what the book has of a claim and the store has not: it was heard of, or confirmed here, and its leader could
// not write it any more, nor the session before. What was begun anew is told from what the store has by its time of placement,
// also by whoever has heard of neither. It is called under the lock, as a term begins.
func (l *Ledger) lacks(stored store.Claim) {
	found, err := l.book.Where(stored.MeetingKey)
	claim := found.Claim
	if err != nil || claim.Server != stored.Server || claim.InternalID == stored.InternalID {
		return
	}
	todo := &unstored{server: claim.Server, internalID: claim.InternalID, placed: claim.Placed, before: stored.Placed}
	if stored.InternalID != "" {
		todo.placed = book.Later(l.now(), stored.Placed)
		todo.over = []Finished{book.OverOf(stored, l.now())}
	}
	l.term.keep(stored.MeetingKey, todo)
}

// store writes what is not stored: first the session before, for after a crash in between its claim stands, and is closed once
// more. That it is over is a fact, whoever leads and whatever can be stored: nobody else would tell of it.
func (c *Creation) store(ctx context.Context, todo *unstored) error {
	l := c.ledger
	claim, paid, stands := c.standing(todo)
	err := l.forgetEndings(ctx, paid)
	claimed := todo.claimed || !stands
	if err != nil || claimed && len(todo.over) == 0 {
		return c.stored(todo, claim, err)
	}
	err = c.write(ctx, func() error {
		forgot := todo.remember(ctx, &l.records)
		if claimed {
			return forgot
		}
		failed := c.persist(ctx, claim, claim)
		todo.claimed = failed == nil
		return errors.Join(failed, forgot)
	})
	return c.stored(todo, claim, err)
}

// standing returns the claim as it is to be stored and what its server does not owe any more; false where it is another one
// by now.
func (c *Creation) standing(todo *unstored) (claim store.Claim, paid []store.Ending, stands bool) {
	l := c.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	found, err := l.book.Where(c.key)
	if err != nil || !todo.is(found.Claim) {
		return claim, nil, false
	}
	claim = found.Claim
	claim.Placed = todo.placed
	return claim, l.book.Record().OwedAbout(claim), true
}

// remember writes the stays before to the history, and forgets those that are there.
func (u *unstored) remember(ctx context.Context, r *records) error {
	for len(u.over) > 0 {
		if err := r.remember(ctx, u.over[0]); err != nil {
			return err
		}
		u.over = u.over[1:]
	}
	return nil
}

// stored takes note of how storing went. A claim has the time of placement that the store has of it, until that has the other
// one. It takes the lock.
func (c *Creation) stored(todo *unstored, claim store.Claim, err error) error {
	l := c.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil || c.lost() { // what is missing then is found by whoever leads now
		delete(c.term.unstored, c.key)
	}
	found, unknown := l.book.Where(c.key)
	if unknown != nil || !todo.is(found.Claim) || !l.leads(c.term) {
		return err
	}
	switch at := found.Claim.Placed; {
	case todo.claimed && !at.Equal(todo.placed):
		l.book.Apply(ClaimConfirmed{At: l.now(), Claim: claim})
	case !todo.claimed && at.Equal(todo.placed):
		l.book.Apply(ClaimRedated{Key: c.key, Placed: todo.before})
	}
	return err
}

// storeAgain stores what could not be stored, but for meetings whose turn somebody has. It stops where the store still fails,
// which the next write tells, and Problems.
func (l *Ledger) storeAgain(ctx context.Context, t *term) {
	for _, key := range l.lacking(t) {
		if !t.turns.Try(key) {
			continue
		}
		if err := newCreation(l, t, key).again(ctx); err != nil {
			return
		}
	}
}

// lacking returns the meetings of which something is not stored.
func (l *Ledger) lacking(t *term) (list []store.MeetingKey) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key := range t.unstored {
		list = append(list, key)
	}
	for key := range t.doubts {
		if t.unstored[key] == nil {
			list = append(list, key)
		}
	}
	return list
}

// again tries to store what is missing, and gives up the turn.
func (c *Creation) again(ctx context.Context) error {
	defer c.End()
	l := c.ledger
	l.mu.Lock()
	todo, lost := c.term.unstored[c.key], c.lost()
	l.mu.Unlock()
	if lost {
		return ErrFollower
	}
	if err := c.assure(ctx); err != nil || todo == nil {
		return err
	}
	return c.store(ctx, todo)
}
