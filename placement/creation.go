package placement

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// Creation is one create on its way. There is at most one for a meeting at any time: others wait in Begin. It is for
// one goroutine.
type Creation struct {
	ledger  *Ledger
	key     store.MeetingKey
	room    room
	meeting *meeting // nil while nobody has claimed it
	before  *stay    // what the first claim of this create has replaced, empty for a new meeting; nil before that
	leaving string   // the server that the meeting leaves because that takes no new ones
}

// Begin waits until no other create of the meeting is under way. End must follow.
func (l *Ledger) Begin(ctx context.Context, key store.MeetingKey) (*Creation, error) {
	if err := l.historyRead(ctx); err != nil {
		return nil, err
	}
	if err := l.take(ctx, key); err != nil {
		return nil, err
	}
	return l.begun(key), nil
}

// begun is called by whoever has the turn.
func (l *Ledger) begun(key store.MeetingKey) *Creation {
	c := &Creation{ledger: l, key: key, room: roomOf(l.Hash(key))}
	l.mu.Lock()
	defer l.mu.Unlock()
	c.meeting = l.meetings[key]
	if c.meeting != nil {
		c.meeting.creating = true
	}
	return c
}

// End lets the next create of the meeting go ahead, and joins that waited for this one.
func (c *Creation) End() {
	c.ledger.mu.Lock()
	defer c.ledger.mu.Unlock()
	if c.meeting != nil {
		c.meeting.creating, c.meeting.pending = false, false
	}
	c.ledger.release(c.key)
}

// Placement says where a create goes.
type Placement struct {
	Claim    store.Claim
	Known    bool // the meeting was claimed before; otherwise Claim.Why tells why it goes there
	Occupied bool // somebody is in it, or may be on the way
}

// Place returns the server for the meeting: the one that it is claimed on, unless that is gone or to be avoided, else
// the one that the rule chooses. A meeting that nobody is in leaves a server that takes no new ones, but only for the first
// server that the rule chooses: where that does not take it, it stays. Decision and record are one step, and the claim is
// durable when Place returns. Its errors are ErrNoServer, ErrNoTag, ErrFull, and those of the store.
func (c *Creation) Place(ctx context.Context, w Wish, avoid []string) (Placement, error) {
	if c.leaving != "" && !slices.Contains(avoid, c.leaving) {
		if err := c.GiveUp(ctx); err != nil {
			return Placement{}, err
		}
	}
	l := c.ledger
	l.mu.Lock()
	known, stays := c.known(avoid)
	if stays && (c.leaving != "" || !c.mayLeave(w)) {
		defer l.mu.Unlock()
		return known, nil
	}
	claim, err := c.choose(w, avoid)
	if stays && (err != nil || l.servers[claim.Server].Standing < Unproven) {
		defer l.mu.Unlock()
		return known, nil
	}
	if err != nil {
		l.mu.Unlock()
		return Placement{}, err
	}
	if stays {
		c.leaving = known.Claim.Server
	}
	before := c.record(claim)
	l.mu.Unlock()
	if err := c.commit(ctx, claim, before); err != nil {
		return Placement{}, fmt.Errorf("claim %s: %w", c.key.MeetingID, err)
	}
	return Placement{Claim: claim}, nil
}

// known is where the meeting is, and whether it can be created there. The lock is held.
func (c *Creation) known(avoid []string) (Placement, bool) {
	m := c.meeting
	if m == nil || !m.usable() || slices.Contains(avoid, m.claim.Server) {
		return Placement{}, false
	}
	return Placement{Claim: m.claim, Known: true, Occupied: m.occupied(c.ledger.now())}, true
}

// mayLeave tells whether the meeting is better off on a server that takes new ones. The lock is held.
func (c *Creation) mayLeave(w Wish) bool {
	m := c.meeting
	return m.server.Standing == Held && w.Beside == "" && !m.occupied(c.ledger.now())
}

// choose makes the claim that the rule wants. A server that has the meeting of before still takes a create for a repeat,
// and comes last. The lock is held.
func (c *Creation) choose(w Wish, avoid []string) (store.Claim, error) {
	l := c.ledger
	w.Shun = slices.Concat(w.Shun, l.owing(c.key))
	l.keepSeats()
	back := l.lift(c.room)
	claim, err := l.propose(c.key, c.room, w, avoid)
	back()
	if err == nil {
		l.takeSeat(c.room)
	}
	return claim, err
}

// usable tells whether the server of a meeting can be expected to have it.
func (m *meeting) usable() bool { return m.server != nil && m.server.Standing > Gone }

// record enters a claim in memory and returns what it replaces. The lock is held.
func (c *Creation) record(claim store.Claim) (before stay) {
	if m := c.meeting; m != nil {
		before = m.stay
		c.ledger.put(m, c.ledger.newStay(claim))
	} else {
		c.meeting = c.ledger.enter(claim, c.room)
	}
	c.meeting.creating, c.meeting.pending = true, true
	return before
}

// commit makes a recorded claim durable. If that fails the ledger goes back to where the store still is.
func (c *Creation) commit(ctx context.Context, claim store.Claim, before stay) error {
	l := c.ledger
	err := l.write(ctx, func() error { return c.persist(ctx, claim, before.claim) })
	if err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		c.restore(before)
		return err
	}
	if c.before == nil {
		c.before = &before
	}
	return nil
}

// restore puts back what a claim has replaced. The lock is held.
func (c *Creation) restore(before stay) {
	if before.claim.Server == "" {
		c.ledger.drop(c.meeting)
		c.ledger.returnSeat(c.room)
		c.meeting = nil
		return
	}
	c.ledger.put(c.meeting, before)
}

// persist makes the claim durable. One that somebody else stored meanwhile is replaced: it is the turn of this create.
func (c *Creation) persist(ctx context.Context, claim, before store.Claim) error {
	replace := func(stored *store.Claim) error {
		*stored = claim
		return nil
	}
	if before.Server == "" {
		_, err := c.ledger.state.CreateClaim(ctx, claim)
		if !errors.Is(err, store.ErrExists) {
			return err
		}
	}
	_, err := c.ledger.state.UpdateClaim(ctx, c.key, replace)
	if errors.Is(err, store.ErrNotFound) {
		_, err = c.ledger.state.CreateClaim(ctx, claim)
	}
	return err
}

// Confirm records that the server has the meeting, as a session that has just begun or as the one that is known. Only
// a new internal ID is written to the store; if that fails the claim stands all the same, and the next poll supplies
// what is missing. A session that the meeting had before becomes history.
func (c *Creation) Confirm(ctx context.Context, internalID string, createTime int64) error {
	if c.meeting == nil {
		return ErrUnknown
	}
	placed := c.meeting.claim.Placed // nobody else changes it while this create has its turn
	claim, before, same := c.confirm(internalID, createTime)
	l := c.ledger
	if err := l.forgetEndings(ctx, l.endingsOf(c.key, Copy{claim.Server, claim.InternalID})); err != nil || same {
		return err
	}
	stored := false
	err := l.write(ctx, func() error {
		if err := c.persist(ctx, claim, claim); err != nil {
			return err
		}
		stored = true
		return l.remember(ctx, before)
	})
	if !stored {
		c.placedAt(placed)
	}
	if err != nil {
		return fmt.Errorf("confirm claim %s: %w", c.key.MeetingID, err)
	}
	return nil
}

// placedAt goes back to the time of placement that the store has. Claims are told apart by it: one that the store has
// under another time could not be removed from there.
func (c *Creation) placedAt(t time.Time) {
	c.ledger.mu.Lock()
	defer c.ledger.mu.Unlock()
	c.meeting.claim.Placed = t
}

// confirm is Confirm in memory. It returns the claim as it is now and what the meeting was before, if anything, and
// whether nothing is to be written.
func (c *Creation) confirm(internalID string, createTime int64) (claim store.Claim, before past, same bool) {
	l, m := c.ledger, c.meeting
	l.mu.Lock()
	defer l.mu.Unlock()
	known := m.claim.InternalID
	if internalID == "" || len(internalID) > maxID {
		internalID = known
	}
	claim = m.claim
	claim.InternalID, claim.CreateTime = internalID, createTime
	switch {
	case known != "" && known != internalID: // over without our notice, and begun anew by this create
		before = m.end(l.now(), Ended)
		claim.Placed = l.now()
		claim.Expected = l.expect(c.key.Tenant, m.room, Wish{Hint: claim.Hint}).people
		l.put(m, l.newStay(claim))
	case c.before != nil:
		before = c.before.replaced(claim.Placed, internalID)
	}
	m.claim, m.confirmed, m.missed = claim, l.now(), 0
	if last, closed := l.closed.of(c.key); closed && (last.asked > 0 || last.is(claim.Server, internalID)) {
		l.closed.forget(c.key) // what servers owe of the meeting of before is known copy by copy
	}
	return claim, before, known == internalID
}

// GiveUp takes the claim back after no server took the meeting: a new one is removed, a known one stands where it was.
// If the store fails the claim stands as it is, in memory too.
func (c *Creation) GiveUp(ctx context.Context) error {
	if c.before == nil {
		return nil
	}
	l, before := c.ledger, *c.before
	l.mu.Lock()
	claim := c.meeting.claim
	l.mu.Unlock()
	err := l.write(ctx, func() error {
		if before.claim.Server == "" {
			return ignoreMissing(l.state.DeleteClaim(ctx, claim))
		}
		return c.persist(ctx, before.claim, claim)
	})
	if err != nil {
		return fmt.Errorf("give up the claim of %s: %w", c.key.MeetingID, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	c.restore(before)
	c.before = nil
	return nil
}
