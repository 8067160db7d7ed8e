package placement

import (
	"context"
	"errors"

	"github.com/bbbpool/bbbpool/placement/book"
	"github.com/bbbpool/bbbpool/store"
)

// This file is about meetings that go on although their end was told. What the book no longer knows of them the history knows.

// earlier is the history, asked for one meeting.
type earlier struct {
	former func(ctx context.Context, internalID string) (store.Session, error) // Parts.Former
	ledger *Ledger
}

// session returns the earlier session of a meeting on a server, or store.ErrNotFound. A server may use the ID of another one's
// meeting: only where that has left the pool it may be the same one under another name.
func (e earlier) session(ctx context.Context, key store.MeetingKey, server, internalID string) (store.Session, error) {
	s, err := e.former(ctx, internalID)
	if err != nil {
		return store.Session{}, err
	}
	if s.Tenant != key.Tenant || s.Meeting != e.ledger.Hash(key) || s.Server != server && e.ledger.hasServer(s.Server) {
		return store.Session{}, store.ErrNotFound
	}
	return s, nil
}

// hasServer tells whether a server is in the pool.
func (d *Desk) hasServer(id string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.book.Record().Has(id)
}

// tellApart gives the session of a meeting that went on after its end was told an ID of its own, which is the same however often
// the claim is closed. What was only found to go on has what is to be called back from the session before.
func (r *records) tellApart(ctx context.Context, over *Finished) {
	if r.former != nil {
		before, err := r.former(ctx, over.Claim.MeetingKey, over.Claim.Server, over.Claim.InternalID)
		if err == nil && over.CameBack(before) {
			over.Again = true
			if over.Claim.Signer == "" && over.Claim.Back == nil {
				over.Claim.Signer, over.Claim.Back = before.Signer, before.Back
				over.Session.Signer, over.Session.Back = before.Signer, before.Back
			}
		}
	}
	if over.Again {
		over.Session.ID = book.AgainID(over.Claim)
	}
}

// recall has the book remember what the history knows of a meeting that is about to be adopted. It returns an error where the
// history could not be asked.
func (c *Creation) recall(ctx context.Context, server string, s Sighting) error {
	l := c.ledger
	l.mu.Lock()
	known := l.book.Record().Remembers(s.Key, server, s.InternalID)
	l.mu.Unlock()
	if known || l.records.former == nil {
		return nil
	}
	past, err := l.records.former(ctx, s.Key, server, s.InternalID)
	if err != nil || !book.MayComeBack(past.Reason) && !book.JustOver(past, l.now()) {
		return store.Ignore(err, store.ErrNotFound)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !c.lost() {
		l.book.Apply(book.Recalled(server, s, past))
	}
	return nil
}

// LoseServer closes what is claimed on a server that has been offline for so long that nobody waits for it any more, and returns
// how many meetings that were. What is just being created or ended is left for the next time, and all of it once the server
// answers again.
func (l *Ledger) LoseServer(ctx context.Context, id string) (lost int, err error) {
	l.mu.Lock()
	leading, claims := l.leading, []store.Claim(nil)
	if leading && l.book.Record().StandingOf(id) == Gone {
		claims = l.book.Record().ClaimedOn(id)
	}
	l.mu.Unlock()
	if !leading {
		return 0, ErrFollower
	}
	for _, c := range claims {
		e := l.TryEnd(c.MeetingKey)
		if e == nil {
			continue
		}
		closed, err := e.close(ctx, Lost, func(b *book.Book) bool {
			return b.Record().StandingOf(id) == Gone && b.Record().Stands(c, Lost)
		})
		if err != nil {
			return lost, errors.Join(err, ctx.Err())
		}
		if closed {
			lost++
		}
	}
	return lost, nil
}
