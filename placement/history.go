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
	keyName     = "history" // of the key that rooms are hashed with
)

// Learn takes a session into account for the meetings to come. It writes nothing.
func (l *Ledger) Learn(s store.Session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.book.Apply(SessionLearnt{At: l.now(), Session: s})
}

// Run reads the history, which creates wait for, and keeps it short from then on, until ctx ends. What the store refuses
// to remove is tried again the next time; what cannot be read is not known, and creates go on without. Where no history is
// stored there is nothing to do.
func (l *Ledger) Run(ctx context.Context) error {
	if l.past.sessions == nil {
		<-ctx.Done()
		return nil
	}
	_ = l.records.write(ctx, func() error { return l.past.each(ctx, l.now(), l.Learn) }) // Problems tells of it
	l.recall()
	ticker := time.NewTicker(cleanEvery)
	defer ticker.Stop()
	for {
		l.shortenHistory(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// shortenHistory removes what is too old: from memory, and from the store page by page, so that nobody waits for long.
func (l *Ledger) shortenHistory(ctx context.Context) {
	now := l.now()
	l.mu.Lock()
	l.book.Apply(HistoryShortened{At: now})
	l.mu.Unlock()
	before := now.AddDate(0, 0, -l.config.Days)
	for n := cleanPage; n == cleanPage && ctx.Err() == nil; {
		err := l.records.write(ctx, func() (err error) {
			n, err = l.past.sessions.DeleteSessions(ctx, before, cleanPage)
			return err
		})
		if err != nil {
			return
		}
	}
}

// past is the stored history. It is read once.
type past struct {
	sessions History       // nil where none is stored
	read     chan struct{} // closed when they have been read
	hour     []quota.Stay  // of the sessions that were read: those that ended within the last hour
	lasting  []quota.Stay  // of the claims that stood at the start
}

// recall tells the book when meetings were begun within the last hour, and lets creates go ahead. It takes the lock.
func (l *Ledger) recall() {
	defer close(l.past.read)
	l.mu.Lock()
	defer l.mu.Unlock()
	over, live := quota.Recall(l.past.hour, l.past.lasting)
	l.book.Apply(HourRecalled{At: l.now(), Over: over, Live: live})
	l.past.hour, l.past.lasting = nil, nil
}

// open gets the key that rooms are hashed with, which is made on the first start. Where no history is stored there is none,
// and nobody waits.
func (p *past) open(ctx context.Context) (key []byte, err error) {
	if p.sessions == nil {
		close(p.read)
		return nil, nil
	}
	fresh := make([]byte, sha256.Size)
	_, _ = rand.Read(fresh) // never fails, as crypto/rand documents
	if key, err = p.sessions.Key(ctx, keyName, fresh); err != nil {
		return nil, fmt.Errorf("load the key of the history: %w", err)
	}
	return key, nil
}

// each reads, page by page, the sessions that still tell something now.
func (p *past) each(ctx context.Context, now time.Time, learn func(store.Session)) error {
	at, after := now.Add(-forecast.LookBack), ""
	for {
		page, err := p.sessions.SessionsSince(ctx, at, after, historyPage)
		if err != nil {
			return fmt.Errorf("load the history: %w", err)
		}
		for _, s := range page {
			if book.IsOurs(s) {
				learn(s)
			}
			if now.Sub(s.End) <= quota.Span {
				p.hour = append(p.hour, book.StayOfSession(s))
			}
		}
		if len(page) < historyPage {
			return nil
		}
		last := page[len(page)-1]
		at, after = last.End, last.ID
	}
}

// await waits until the sessions have been read.
func (p *past) await(ctx context.Context) error {
	select {
	case <-p.read:
		return nil
	default:
	}
	select {
	case <-p.read:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the history to be read: %w", ctx.Err())
	}
}
