package placement

import (
	"context"
	"errors"

	"github.com/bbbpool/bbbpool/store"
)

// This file is about writes that have failed and may have been done all the same: a connection that breaks tells nothing of what
// it was for. The claim stands in the book, and a create of a meeting that is known writes nothing. If it went to the server of a
// claim that the store has not got, whoever leads next would make the meeting anew on another one, and some would have been shown
// the first.

// doubt is that it is not known what the store has of a claim.
type doubt struct {
	claim store.Claim    // as it stands in the book
	owed  []store.Ending // that nobody owes, and may be stored
	end   *insisted      // what is to become of the claim; nil where it is to stand
}

// about tells whether it is the same stay of the meeting.
func (d doubt) about(c store.Claim) bool {
	return c.Server == d.claim.Server && c.InternalID == d.claim.InternalID
}

// insisted is an end that counts, and could not be recorded.
type insisted struct {
	ending *Ending
	copies []Copy
}

// doubts takes note of a write that has failed, of a claim that stands in the book. It is called under the lock.
func (l *Ledger) doubts(t *term, key store.MeetingKey, d doubt) {
	found, err := l.book.Where(key)
	was := t.doubts[key]
	insisted := was.end != nil && was.about(found.Claim) && d.end == nil
	if err != nil || insisted || !l.leads(t) {
		return
	}
	if t.doubts == nil {
		t.doubts = map[store.MeetingKey]doubt{}
	}
	d.claim = found.Claim
	t.doubts[key] = d
}

// failed is doubts for who has not got the lock.
func (l *Ledger) failed(t *term, key store.MeetingKey, d doubt) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.doubts(t, key, d)
}

// Insist is for an end that Ended could not record and that was acknowledged all the same. It is recorded with a poll once that
// is possible, and before the meeting is created again.
func (e *Ending) Insist(copies []Copy) {
	e.ledger.failed(e.term, e.key, doubt{end: &insisted{e, copies}})
}

// doubted returns what is in doubt of a meeting, while its claim is the same.
func (c *Creation) doubted() (d doubt, ok bool) {
	l := c.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	d, ok = c.term.doubts[c.key]
	found, err := l.book.Where(c.key)
	if err != nil || !d.about(found.Claim) {
		delete(c.term.doubts, c.key)
		return d, false
	}
	d.claim = found.Claim
	return d, ok
}

// assure brings the store in line with what is to be where a write has failed. It writes to the store.
func (c *Creation) assure(ctx context.Context) error {
	d, ok := c.doubted()
	switch {
	case !ok:
		return nil
	case d.end != nil:
		return d.end.ending.Ended(ctx, d.end.copies)
	}
	state := c.ledger.records.state
	err := c.write(ctx, func() error {
		for _, e := range d.owed {
			if err := ignoreMissing(state.DeleteEnding(ctx, e)); err != nil {
				return err
			}
		}
		return c.persist(ctx, d.claim, d.claim)
	})
	if err != nil {
		return errors.Join(errUnsure, err)
	}
	c.ledger.mu.Lock()
	defer c.ledger.mu.Unlock()
	delete(c.term.doubts, c.key)
	return nil
}

var errUnsure = errors.New("write a claim again that may not be stored")
