package placement

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/bbbpool/bbbpool/placement/book"
	"github.com/bbbpool/bbbpool/store"
)

// Ending is an end on its way. While it is, nobody else creates the meeting, adopts or closes it. It is for one goroutine.
type Ending struct {
	Reason string // of the session, in one word; may be left out
	ledger *Ledger
	term   *term
	key    store.MeetingKey
}

// BeginEnd waits until no create or other end of the meeting is under way. Release must follow.
// Where another instance leads it returns ErrFollower, also once that is so.
func (l *Ledger) BeginEnd(ctx context.Context, key store.MeetingKey) (*Ending, error) {
	t, err := l.present()
	if err != nil {
		return nil, err
	}
	if err := l.takeTurn(ctx, t, key); err != nil {
		return nil, err
	}
	return &Ending{ledger: l, term: t, key: key}, nil
}

// TryEnd is BeginEnd for those that cannot wait: it returns nil where somebody else changes the meeting, or another instance
// decides.
func (l *Ledger) TryEnd(key store.MeetingKey) *Ending {
	t, err := l.present()
	if err != nil || !t.turns.Try(key) {
		return nil
	}
	return &Ending{ledger: l, term: t, key: key}
}

// Release lets the next create of the meeting go ahead.
func (e *Ending) Release() { e.term.turns.Release(e.key) }

// Ended records that somebody who may has ended the meeting: the claim is closed, and each of the copies is owed until its
// server is seen without it. From then on none of them counts as a meeting that goes on, whatever its server says, and
// nothing that was made before by that name is adopted. What Ended has acknowledged survives a crash; after an error the
// claim stands.
func (e *Ending) Ended(ctx context.Context, copies []Copy) error {
	l := e.ledger
	l.mu.Lock()
	if !l.leads(e.term) {
		l.mu.Unlock()
		return ErrFollower
	}
	now := l.now()
	end := l.book.End(now, e.key, copies)
	over := l.book.Finish(now, e.key, cmp.Or(e.Reason, Ended))
	_, err := l.book.Where(e.key)
	claimed := err == nil
	l.mu.Unlock()
	err = l.records.write(ctx, func() error {
		if err := l.records.state.AddEndings(ctx, end.Owed...); err != nil || !claimed {
			return err
		}
		return l.records.settle(ctx, over)
	})
	if err != nil {
		l.failed(e.term, e.key, doubt{owed: end.Owed})
		return fmt.Errorf("end %s: %w", e.key.MeetingID, err)
	}
	e.apply(end)
	return nil
}

// apply makes a change if the term lasts.
func (e *Ending) apply(c Change) {
	l := e.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.leads(e.term) {
		l.book.Apply(c)
	}
	if _, err := l.book.Where(e.key); err != nil {
		delete(e.term.doubts, e.key)
	}
}

// close closes the claim if it still passes a test, and gives up the turn. It writes to the store. The claim leaves memory
// after that: if the store fails it still stands in both. The test is made under the lock.
func (e *Ending) close(ctx context.Context, reason string, test func(*book.Book) bool) (closed bool, err error) {
	defer e.Release()
	l := e.ledger
	l.mu.Lock()
	if !l.leads(e.term) {
		l.mu.Unlock()
		return false, ErrFollower
	}
	if !test(l.book) {
		l.mu.Unlock()
		return false, nil
	}
	over := l.book.Finish(l.now(), e.key, reason)
	l.mu.Unlock()
	if err := l.records.write(ctx, func() error { return l.records.settle(ctx, over) }); err != nil {
		l.failed(e.term, e.key, doubt{})
		return false, fmt.Errorf("close claim %s: %w", e.key.MeetingID, err)
	}
	e.apply(ClaimClosed{At: l.now(), Claim: over.Claim, Reason: reason})
	return true, nil
}

// Close turns a claim into a session, and keeps polls that were on their way from adopting it. If the claim has changed
// since it was found, or the meeting is just being created, Close returns false. The reason is one word.
func (l *Ledger) Close(ctx context.Context, c store.Claim, reason string) (bool, error) {
	e := l.TryEnd(c.MeetingKey)
	if e == nil {
		_, err := l.present()
		return false, err
	}
	return e.close(ctx, reason, func(b *book.Book) bool { return b.Record().Stands(c, reason) })
}

// closing are claims of meetings that are over, which are being closed. Their turns are taken: whoever creates one of these
// meetings waits.
type closing struct {
	done chan struct{} // closed when all are
	err  error         // is set by then
}

// atOnce is how many claims are closed at the same time when a term begins.
const atOnce = 16

// closeOver begins to close claims of meetings that are over. They are written to the history, which may be slow, or found away.
func (l *Ledger) closeOver(ctx context.Context, claims []store.Claim) *closing {
	c := &closing{done: make(chan struct{})}
	var g errgroup.Group
	g.SetLimit(atOnce)
	ends := make([]*Ending, len(claims))
	for i, claim := range claims {
		ends[i] = l.TryEnd(claim.MeetingKey)
	}
	go func() {
		defer close(c.done)
		for i, e := range ends {
			if e == nil {
				continue // somebody else is at it
			}
			g.Go(func() error {
				_, err := e.close(ctx, Ended, func(b *book.Book) bool { return b.Record().Stands(claims[i], Ended) })
				return err
			})
		}
		c.err = g.Wait()
	}()
	return c
}

// wait returns when all are closed, or have failed to be, which leaves them to polls.
func (c *closing) wait() error {
	<-c.done
	return c.err
}

// closeRemoved closes claims whose server has left the pool, unless it is back by now. It waits for creates that are under
// way.
func (l *Ledger) closeRemoved(ctx context.Context, claims []store.Claim) error {
	var errs []error
	for _, c := range claims {
		e, err := l.BeginEnd(ctx, c.MeetingKey)
		if err == nil {
			_, err = e.close(ctx, book.Removed, func(b *book.Book) bool { return b.Record().Left(c) })
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
