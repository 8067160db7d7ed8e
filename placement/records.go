package placement

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/placement/forecast"
	"github.com/bbbpool/bbbpool/store"
)

// heldAgainst is how long a failed write is held against the store. Only another write can tell whether it has
// recovered, and that may never come while we say that nothing can be created.
const heldAgainst = time.Minute

// records is where the ledger keeps what must survive a crash. It knows how the last write went.
type records struct {
	state    State
	sessions func(ctx context.Context, c store.Claim, s store.Session) error // Parts.Remember
	naming   atomic.Pointer[forecast.Names]                                  // the key may be learnt late
	learn    func(store.Session)                                             // hears of what was remembered
	now      func() time.Time
	// former is earlier.session; nil where there is no history to ask.
	former func(ctx context.Context, key store.MeetingKey, server, internalID string) (store.Session, error)

	mu   sync.Mutex // guards the last write
	err  error      // that it failed with
	last time.Time
}

// names are how rooms are called in the history.
func (r *records) names() forecast.Names {
	if n := r.naming.Load(); n != nil {
		return *n
	}
	return forecast.Names{}
}

// write writes to the store, and remembers how that went. A caller whose time is up already, or who gives up, says nothing
// about the store, nor does that another instance decides now, which is ErrFollower.
func (r *records) write(ctx context.Context, do func() error) error {
	err := ctx.Err()
	if err != nil {
		return err
	}
	switch err = do(); {
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, store.ErrFenced):
		return fmt.Errorf("%w: %w", ErrFollower, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err, r.last = err, r.now()
	return err
}

// index is write for what is about the history alone. That the history is away holds nothing up, and is told by whoever
// watches its store.
func (r *records) index(ctx context.Context, do func() error) error {
	err := do()
	if errors.Is(err, store.ErrAway) {
		return err
	}
	return r.write(ctx, func() error { return err })
}

// failure returns what the last write failed with if that was within the last minute, or nil.
func (r *records) failure() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now().Sub(r.last) >= heldAgainst {
		return nil
	}
	return r.err
}

// ignoreMissing takes a record that is gone, or another's by now, for removed.
func ignoreMissing(err error) error {
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrConflict) {
		return nil
	}
	return err
}

// settle closes a claim in the store. The session is written first: a crash in between closes the claim once more, under the
// same session ID.
func (r *records) settle(ctx context.Context, over Finished) error {
	if err := r.remember(ctx, over); err != nil {
		return err
	}
	return ignoreMissing(r.state.DeleteClaim(ctx, over.Claim))
}

// remember writes a stay to the history, and has the ledger learn from it, which takes the ledger's lock. A meeting that no
// server ever had leaves nothing.
func (r *records) remember(ctx context.Context, over Finished) error {
	if over.Session.ID == "" {
		return nil
	}
	over.Session.Meeting = r.names().Hash(over.Claim.MeetingKey)
	r.tellApart(ctx, &over)
	if err := r.sessions(ctx, over.Claim, over.Session); err != nil {
		return err
	}
	if over.Telling() {
		r.learn(over.Session)
	}
	return nil
}

// forgetEndings removes endings that nobody owes any more, from the store first.
func (l *Ledger) forgetEndings(ctx context.Context, list []store.Ending) error {
	var errs []error
	for _, e := range list {
		err := l.records.write(ctx, func() error { return ignoreMissing(l.records.state.DeleteEnding(ctx, e)) })
		if err != nil {
			errs = append(errs, fmt.Errorf("forget the end of %s: %w", e.MeetingID, err))
			continue
		}
		l.apply(EndingForgotten{Ending: e})
	}
	return errors.Join(errs...)
}

func unwritable(err error) problems.Problem {
	p := problems.Problem{
		Severity: problems.Refusing, Subject: problems.Subject{Kind: problems.Store}, Name: "unwritable",
		Text: "the store cannot be written: " + err.Error(), Unready: true,
	}
	if errors.Is(err, syscall.ENOSPC) {
		p.Cause, p.Remedy = problems.NoSpace, "make room on the disk of the data directory; what failed works again by itself then"
	}
	return p
}

// forgive forgets how the last write went: what comes next is another term's.
func (r *records) forgive() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = nil
}

// Problems tells why no meeting at all can be created. What single servers have is told by those who watch them. Where another
// instance decides nothing is written here, and what could not be written before keeps nobody from a meeting.
func (l *Ledger) Problems(context.Context) (list []problems.Problem) {
	if err := l.records.failure(); err != nil && l.Leads() {
		list = append(list, unwritable(err))
	}
	l.mu.Lock()
	disabled, full := l.book.RefusesAll(l.now())
	l.mu.Unlock()
	switch pool := (problems.Subject{Kind: problems.Pool}); {
	case disabled:
		list = append(list, problems.Problem{
			Severity: problems.Refusing, Subject: pool, Name: "none-enabled", Text: "no server is enabled:",
			Remedy: "bbbpool server enable ID",
		})
	case full:
		list = append(list, problems.Problem{
			Severity: problems.Refusing, Subject: pool, Name: "full",
			Text:   "every server is at its hard capacity: new meetings are refused",
			Remedy: "enable another server, or raise a capacity with bbbpool server set ID --capacity N",
		})
	}
	return list
}
