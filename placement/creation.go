package placement

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bbbpool/bbbpool/placement/book"
	"github.com/bbbpool/bbbpool/placement/forecast"
	"github.com/bbbpool/bbbpool/store"
)

// Creation is one create on its way. There is at most one for a meeting at any time: others wait in Begin. It is for
// one goroutine.
//
// It may have to Place the meeting several times, on another server each time (the gateway's failover.go says why). What the
// meeting was before is kept in meeting.replaced, the latest last: what could not be stored takes back one, GiveUp all.
type Creation struct {
	ledger  *Ledger
	term    *term
	key     store.MeetingKey
	room    forecast.Room
	asks    asks
	leaving string // the server that the meeting leaves because that takes no new ones
	fenced  bool   // the store has refused what was decided: another instance decides now
	durable bool   // see Durable
}

// asks is what a create says that a claim keeps: of the last wish.
type asks struct {
	request, signer, unmade string
	back                    *store.Back
	recorded                bool
	name                    string
	anew                    time.Time // Placement.Anew
}

// Begin waits until no other create of the meeting is under way, and right after the start until the history is read. End
// must follow. Where another instance leads it returns ErrFollower, also once that is so.
func (l *Ledger) Begin(ctx context.Context, key store.MeetingKey) (*Creation, error) {
	t, err := l.present()
	if err != nil {
		return nil, err
	}
	if err := t.await(ctx); err != nil {
		return nil, err
	}
	if err := l.takeTurn(ctx, t, key); err != nil {
		return nil, err
	}
	return newCreation(l, t, key), nil
}

// newCreation is called by whoever has the turn. It takes the lock.
func newCreation(l *Ledger, t *term, key store.MeetingKey) *Creation {
	c := &Creation{ledger: l, term: t, key: key, room: l.records.names().Room(key)}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := l.book.Where(key); err == nil && l.leads(t) {
		l.book.Apply(CreateBegun{Key: key})
	}
	return c
}

// lost tells whether another instance decides now, or none: nothing may be written any more. It is called under the lock.
func (c *Creation) lost() bool { return c.fenced || !c.ledger.leads(c.term) }

// write writes to the store. After the lease was lost nothing more is tried.
func (c *Creation) write(ctx context.Context, do func() error) error {
	err := c.ledger.records.write(ctx, do)
	c.fenced = c.fenced || errors.Is(err, ErrFollower)
	return err
}

// End lets the next create of the meeting go ahead, and joins that waited for this one.
func (c *Creation) End() {
	l := c.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.leads(c.term) {
		l.book.Apply(CreateOver{Key: c.key})
	}
	c.term.turns.Release(c.key)
}

// Place returns the server for the meeting: the one that it is claimed on, unless that is gone or to be avoided, else
// the one that the rule chooses. A meeting that nobody is in leaves a server that takes no new ones, but only for the first
// server that the rule chooses: where that does not take it, it stays. Decision and record are one step, and the claim is
// durable when Place returns. Its errors are ErrNoServer, ErrNoTag, ErrFull, ErrVoice, of a meeting that is not known ErrForeign,
// ErrMeetings and ErrPerHour, and those of the store.
func (c *Creation) Place(ctx context.Context, w Wish, avoid []string) (Placement, error) {
	if err := c.assure(ctx); err != nil {
		return Placement{}, fmt.Errorf("claim %s: %w", c.key.MeetingID, err)
	}
	if c.leaving != "" && !slices.Contains(avoid, c.leaving) {
		if err := c.GiveUp(ctx); err != nil {
			return Placement{}, err
		}
	}
	place, before, err := c.decide(w, avoid)
	if err != nil || place.Known {
		return place, err
	}
	if err := c.commit(ctx, place.Claim, before); err != nil {
		return Placement{}, fmt.Errorf("claim %s: %w", c.key.MeetingID, err)
	}
	return place, nil
}

// decide finds out where the meeting goes. What is decided stands in the book when it returns, so that the next decision
// knows of it; before is the claim whose place it has taken. It takes the lock.
func (c *Creation) decide(w Wish, avoid []string) (place Placement, before store.Claim, err error) {
	l := c.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.lost() {
		return place, before, ErrFollower
	}
	now := l.now()
	known, stays := l.book.Stays(now, c.key, avoid)
	known.Same = w.Request != "" && known.Claim.Request == w.Request
	if known.Claim.InternalID != "" {
		known.Anew = book.Later(now, known.Claim.Placed)
	}
	c.asks = asks{w.Request, w.Signer, w.Unmade, w.Back, w.Recorded, w.Name, known.Anew}
	if stays && (c.leaving != "" || w.Beside != "" || !l.book.Record().MayLeave(now, c.key)) {
		return known, before, nil
	}
	l.book.KeepSeats(now)
	claim, err := l.book.Propose(now, c.key, c.room, w, avoid)
	switch {
	case stays && (err != nil || l.book.Record().StandingOf(claim.Server) < Unproven):
		return known, before, nil
	case err != nil:
		return place, before, err
	case stays:
		c.leaving = known.Claim.Server
	}
	l.book.Apply(ClaimPlaced{At: now, Claim: claim, Room: c.room})
	return Placement{Claim: claim}, l.book.Record().Replaced(c.key), nil
}

// commit makes a claim durable that the book has already, in the place of the one before. If that fails the book goes back
// to where the store still is. It writes to the store.
func (c *Creation) commit(ctx context.Context, claim, before store.Claim) error {
	l := c.ledger
	err := c.write(ctx, func() error { return c.persist(ctx, claim, before) })
	if err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.leads(c.term) {
			l.book.Apply(ClaimTakenBack{At: l.now(), Key: c.key})
		}
		l.doubts(c.term, c.key, doubt{})
	}
	return err
}

// persist makes a claim durable in the place of the one before, which is empty for a new meeting. One that somebody else
// stored meanwhile is replaced: it is the turn of this create. It writes to the store.
func (c *Creation) persist(ctx context.Context, claim, before store.Claim) error {
	state := c.ledger.records.state
	if before.Server == "" {
		_, err := state.CreateClaim(ctx, claim)
		if !errors.Is(err, store.ErrExists) {
			return err
		}
	}
	_, err := state.UpdateClaim(ctx, c.key, func(stored *store.Claim) error {
		*stored = claim
		return nil
	})
	if errors.Is(err, store.ErrNotFound) {
		_, err = state.CreateClaim(ctx, claim)
	}
	return err
}

// GiveUp takes the claim back after no server took the meeting: a new one is removed, a known one stands where it was.
// If the store fails the claim stands as it is, in memory too.
func (c *Creation) GiveUp(ctx context.Context) error {
	l := c.ledger
	l.mu.Lock()
	if c.lost() {
		l.mu.Unlock()
		return ErrFollower
	}
	claim, before, placed := l.book.Record().Original(c.key)
	l.mu.Unlock()
	if !placed {
		return nil
	}
	err := c.write(ctx, func() error {
		if before.Server == "" {
			return ignoreMissing(l.records.state.DeleteClaim(ctx, claim))
		}
		return c.persist(ctx, before, claim)
	})
	if err != nil {
		l.failed(c.term, c.key, doubt{})
		return fmt.Errorf("give up the claim of %s: %w", c.key.MeetingID, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.leads(c.term) {
		l.book.Apply(ClaimTakenBack{At: l.now(), Key: c.key, Every: true})
	}
	return nil
}
