package placement

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bbbpool/bbbpool/placement/book"
)

// BeginPoll must be called before a server is asked, so that joins sent from now on are not taken for counted.
func (d *Desk) BeginPoll(server string) {
	d.apply(PollBegun{Server: server})
}

// Reconciled is what a poll showed that the claims cannot be brought in line with.
type Reconciled struct {
	// Strays are meetings that are claimed on another server, or were and are over, or were ended while the server was
	// away.
	Strays []Sighting
	// Excess is how many meetings that nobody claimed were not adopted, because the server lists too many of them.
	Excess int
}

// Reconcile brings the claims in line with what a poll saw. Counts are corrected; meetings that nobody claimed are
// adopted, and so are those whose claim is on a server that is gone; a claim whose meeting is over, or missing from two
// polls in a row, is closed. What is being created at the moment is left alone, and so is what was confirmed after the poll
// began. What creates could not store is stored, of whatever server.
func (l *Ledger) Reconcile(ctx context.Context, p Poll) (Reconciled, error) {
	l.mu.Lock()
	if !l.leading {
		l.mu.Unlock()
		return Reconciled{}, ErrFollower
	}
	term := l.term
	found := l.book.See(PollSeen{At: l.now(), Poll: p})
	l.mu.Unlock()
	var errs []error
	for _, c := range found.Over {
		_, err := l.Close(ctx, c, Ended)
		errs = append(errs, err)
	}
	for _, c := range found.Gone {
		_, err := l.Close(ctx, c, book.Vanished)
		errs = append(errs, err)
	}
	blind := false // the history cannot be asked, which is tried once
	for _, s := range found.Unclaimed {
		if term.turns.Try(s.Key) {
			c := newCreation(l, term, s.Key)
			blind = blind || c.recall(ctx, p.Server, s) != nil
			errs = append(errs, c.adopt(ctx, p.Server, s, p.Began))
		}
	}
	errs = append(errs, l.forgetEndings(ctx, found.Paid))
	l.storeAgain(ctx, term)
	return Reconciled{found.Strays, found.Excess}, errors.Join(errs...)
}

// adopt claims the meeting for the server that it was seen on, unless something else was faster, and gives up the turn. It
// writes to the store.
func (c *Creation) adopt(ctx context.Context, server string, s Sighting, began time.Time) error {
	defer c.End()
	l := c.ledger
	l.mu.Lock()
	if c.lost() {
		l.mu.Unlock()
		return ErrFollower
	}
	now := l.now()
	adopted, ok := l.book.Adoption(now, server, s, began, c.room)
	if !ok {
		l.mu.Unlock()
		return nil
	}
	over := l.book.Record().ReplacedBy(s.Key, s.InternalID, now)
	l.book.Apply(adopted)
	before := l.book.Record().Replaced(s.Key)
	l.mu.Unlock()
	// The session before comes first: after a crash in between its claim stands, and is replaced once more.
	forgot := l.records.write(ctx, func() error { return l.records.remember(ctx, over) })
	if err := errors.Join(c.commit(ctx, adopted.Claim, before), forgot); err != nil {
		return fmt.Errorf("adopt %s: %w", s.Key.MeetingID, err)
	}
	return nil
}
