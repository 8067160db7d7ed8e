package placement

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/bbbpool/bbbpool/placement/book"
	"github.com/bbbpool/bbbpool/placement/forecast"
	"github.com/bbbpool/bbbpool/placement/quota"
	"github.com/bbbpool/bbbpool/store"
)

const (
	historyPage = 5_000 // sessions that are read at once
	cleanPage   = 500   // and removed at once, while every create waits
	cleanEvery  = 6 * time.Hour
	missedMost  = time.Minute // that passed before what was stored was heard of, or never was
	readEvery   = time.Minute // what could not be read is tried again
)

// KeyName names the key that rooms are hashed with.
const KeyName = "history"

// Learn takes a session into account for the meetings to come. It writes nothing.
func (l *Ledger) Learn(s store.Session) { l.apply(SessionLearnt{At: l.now(), Session: s}) }

// Run reads the history, which creates wait for, and keeps it short from then on, until ctx ends, once in every term. What the
// store refuses to remove is tried again the next time; what cannot be read is tried again, too, and creates go on without.
// Where the book has heard of the history already, only what it has missed is read, and nobody waits. Where no history is
// stored there is nothing to do.
func (l *Ledger) Run(ctx context.Context) error {
	t, err := l.present()
	if err != nil {
		return err
	}
	if l.history == nil {
		<-ctx.Done()
		return nil
	}
	read := l.readHistory(ctx, t)
	if t.past.known.IsZero() {
		l.recall(ctx, &t.past)
	}
	for {
		wait := readEvery
		if l.shortenHistory(ctx); read {
			wait = cleanEvery
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
		read = read || l.readHistory(ctx, t)
	}
}

// readHistory goes on with reading the history, and tells whether it is read. Problems tells of what has failed.
func (l *Ledger) readHistory(ctx context.Context, t *term) bool {
	return l.records.index(ctx, func() error { return t.past.each(ctx, l.now(), l.Learn) }) == nil
}

// shortenHistory removes what is too old: from memory, and from the store page by page, so that nobody waits for long.
func (l *Ledger) shortenHistory(ctx context.Context) {
	now := l.now()
	l.apply(HistoryShortened{At: now})
	before := now.AddDate(0, 0, -l.config.Days)
	for n := cleanPage; n == cleanPage && ctx.Err() == nil; {
		err := l.records.index(ctx, func() (err error) {
			n, err = l.history.DeleteSessions(ctx, before, cleanPage)
			return err
		})
		if err != nil {
			return
		}
	}
}

// past is the stored history. It is read once in a term.
type past struct {
	sessions History       // nil where none is stored
	known    time.Time     // until when the book has it; zero where it is read whole, and creates wait for that
	last     store.Session // that was read
	read     chan struct{} // closed when they need not wait
	hour     []quota.Stay  // of the sessions that were read: those that ended within the last hour
	lasting  []quota.Stay  // of the claims that stood at the start
}

// recall tells the book when meetings were begun within the last hour, and lets creates go ahead. It takes the lock. Where the
// term was over in between the history has not been read whole, and the next one reads it again.
func (l *Ledger) recall(ctx context.Context, p *past) {
	defer close(p.read)
	if ctx.Err() != nil {
		return
	}
	over, live := quota.Recall(p.hour, p.lasting)
	l.apply(HourRecalled{At: l.now(), Over: over, Live: live})
	p.hour, p.lasting = nil, nil
}

// Rekey reads the key that rooms are hashed with, which is made on the first start. Where no history is stored there is none. It
// is called again where the history was away when the ledger was opened: if the key is another one than was at hand, meetings
// keep the rooms that they have, and new ones are known again.
func (l *Ledger) Rekey(ctx context.Context) error {
	if l.history == nil {
		return nil
	}
	fresh := l.records.names().Key
	if fresh == nil {
		fresh = make([]byte, sha256.Size)
		_, _ = rand.Read(fresh) // never fails, as crypto/rand documents
	}
	key, err := l.history.Key(ctx, KeyName, fresh)
	if err != nil {
		return fmt.Errorf("load the key of the history: %w", err)
	}
	l.records.naming.Store(&forecast.Names{Key: key})
	return nil
}

// each reads, page by page, the sessions that still tell something now, from where it came the last time.
func (p *past) each(ctx context.Context, now time.Time, learn func(store.Session)) error {
	for _, at := range []time.Time{now.Add(-forecast.LookBack), p.known.Add(-missedMost)} {
		if at.After(p.last.End) {
			p.last = store.Session{End: at}
		}
	}
	for {
		page, err := p.sessions.SessionsSince(ctx, p.last.End, p.last.ID, historyPage)
		if err != nil {
			return fmt.Errorf("load the history: %w", err)
		}
		for _, s := range page {
			if book.IsOurs(s) {
				learn(s)
			}
			if p.last = s; now.Sub(s.End) <= quota.Span {
				p.hour = append(p.hour, book.StayOfSession(s))
			}
		}
		if len(page) < historyPage {
			return nil
		}
	}
}

// await waits until the sessions have been read, or the term is over.
func (t *term) await(ctx context.Context) error {
	select {
	case <-t.past.read:
		return nil
	default:
	}
	select {
	case <-t.past.read:
		return nil
	case <-t.turns.Closed():
		return ErrFollower
	case <-ctx.Done():
		return fmt.Errorf("wait for the history to be read: %w", ctx.Err())
	}
}
