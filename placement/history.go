package placement

import (
	"context"
	"fmt"
	"time"

	"github.com/bbbpool/bbbpool/placement/forecast"
	"github.com/bbbpool/bbbpool/store"
)

const (
	historyPage = 5_000 // sessions that are read at once
	cleanPage   = 500   // and removed at once, while every create waits
	cleanEvery  = 6 * time.Hour
)

// Learn takes a session into account for the meetings to come. It writes nothing.
func (l *Ledger) Learn(s store.Session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.book.Apply(SessionLearnt{At: l.now(), Session: s})
}

// Run reads the history, which creates wait for, and keeps it short from then on, until ctx ends. What the store refuses
// to remove is tried again the next time; what cannot be read is not known, and creates go on without.
func (l *Ledger) Run(ctx context.Context) error {
	_ = l.records.write(ctx, func() error { return l.readHistory(ctx) }) // Problems tells of it
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

// readHistory learns from the stored sessions, page by page, once. Whether it can be read or not, nobody waits for it any
// more.
func (l *Ledger) readHistory(ctx context.Context) error {
	defer close(l.read)
	at, after := l.now().Add(-forecast.LookBack), ""
	for {
		page, err := l.history.SessionsSince(ctx, at, after, historyPage)
		if err != nil {
			return fmt.Errorf("load the history: %w", err)
		}
		for _, s := range page {
			if ours(s) {
				l.Learn(s)
			}
		}
		if len(page) < historyPage {
			return nil
		}
		last := page[len(page)-1]
		at, after = last.End, last.ID
	}
}

// awaitHistory waits until the history has been read.
func (l *Ledger) awaitHistory(ctx context.Context) error {
	select {
	case <-l.read:
		return nil
	default:
	}
	select {
	case <-l.read:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the history to be read: %w", ctx.Err())
	}
}

// shortenHistory removes what is too old: from memory, and from the store page by page, so that nobody waits for long.
func (l *Ledger) shortenHistory(ctx context.Context) {
	now := l.now()
	l.mu.Lock()
	l.book.Apply(HistoryShortened{now})
	l.mu.Unlock()
	before := now.AddDate(0, 0, -l.config.Days)
	for n := cleanPage; n == cleanPage && ctx.Err() == nil; {
		err := l.records.write(ctx, func() (err error) {
			n, err = l.history.DeleteSessions(ctx, before, cleanPage)
			return err
		})
		if err != nil {
			return
		}
	}
}
