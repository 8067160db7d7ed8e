package placement

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/bbbpool/bbbpool/placement/book"
	"github.com/bbbpool/bbbpool/store"
)

// This file is what the ledger learns from what servers call back. Whom to believe what is for whoever is called: an address
// tells of a meeting, a server, and when the meeting was placed there, to the millisecond.

// calledWithin is how long a create that is under way is waited for. A server that calls back calls for one meeting after
// another, so all its others wait, too.
const calledWithin = 5 * time.Second

// CalledBack records that a server has said itself that a meeting is over, at the address that it was given when the meeting
// was placed there. If that claim still stands it is closed at once, with a session, and no poll takes up again what the
// server lists for a moment longer; nothing is owed of it. Else it returns false, and nothing has happened: the meeting has
// ended before, or is elsewhere, or was found there anew. Where another instance leads it returns [ErrFollower].
//
// It waits, not for long, for a create of the meeting that is under way. What it has acknowledged survives a crash; after an
// error the claim stands.
func (l *Ledger) CalledBack(ctx context.Context, key store.MeetingKey, server string, placed time.Time) (closed bool, err error) {
	e, err := l.called(ctx, key)
	if err != nil {
		return false, err
	}
	return e.close(ctx, Ended, func(b *book.Book) bool {
		_, stands := b.Record().Is(key, server, placed)
		return stands
	})
}

// Marked notes in the claim whether something of the meeting was marked for recording, as its server has told. It returns false
// where that claim does not stand (any more). Else it is like [Ledger.CalledBack].
func (l *Ledger) Marked(
	ctx context.Context, key store.MeetingKey, server string, placed time.Time, marks bool,
) (noted bool, err error) {
	e, err := l.called(ctx, key)
	if err != nil {
		return false, err
	}
	defer e.Release()
	l.mu.Lock()
	claim, stands := l.book.Record().Is(key, server, placed)
	leads := l.leads(e.term)
	l.mu.Unlock()
	told := strconv.FormatBool(marks)
	switch {
	case !leads:
		return false, ErrFollower
	case !stands || claim.Marks == told:
		return stands, nil
	}
	claim.Marks = told
	if stands, err = l.records.mark(ctx, claim); err != nil || !stands {
		return false, err
	}
	e.apply(ClaimMarked{Claim: claim})
	return true, nil
}

// called takes the turn of a meeting for what a server has called back.
func (l *Ledger) called(ctx context.Context, key store.MeetingKey) (*Ending, error) {
	ctx, cancel := context.WithTimeout(ctx, calledWithin)
	defer cancel()
	return l.BeginEnd(ctx, key)
}

// mark writes down what a server has told of a meeting's marks. It returns false where the store has no such claim.
func (r *records) mark(ctx context.Context, claim store.Claim) (stands bool, err error) {
	err = r.write(ctx, func() error {
		_, err := r.state.UpdateClaim(ctx, claim.MeetingKey, func(stored *store.Claim) error {
			if stored.Server != claim.Server || !stored.Placed.Equal(claim.Placed) {
				return store.ErrConflict
			}
			stored.Marks = claim.Marks
			return nil
		})
		stands = err == nil
		return ignoreMissing(err)
	})
	if err != nil {
		return false, fmt.Errorf("note the marks of %s: %w", claim.MeetingID, err)
	}
	return stands, nil
}
