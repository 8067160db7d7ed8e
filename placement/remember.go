package placement

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// Hash returns the name of a room in the history: a hash of tenant and meetingID with the pool's key.
func (l *Ledger) Hash(key store.MeetingKey) string { return l.names.hash(key) }

// Learn takes a session into account for the meetings to come. It writes nothing.
func (l *Ledger) Learn(s store.Session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.history.learn(s, l.now().Location())
}

// learnOwn learns from a session of this pool's. What was only found on a server, and nobody was ever sent to, tells
// nothing: a server can make up any.
func (l *Ledger) learnOwn(s store.Session) {
	if s.Joins > 0 || s.Why != (store.Decision{}) {
		l.Learn(s)
	}
}

const (
	historyPage = 5_000 // sessions that are read at once
	cleanPage   = 500   // and removed at once, while every create waits
	keyName     = "history"
)

// Past is where the history is stored.
type Past interface {
	store.Keys
	store.Sessions
}

// LoadHistory learns from the stored sessions, once, before anything is loaded or created. The key of the hashes is
// made on the first start.
func (l *Ledger) LoadHistory(ctx context.Context, past Past) error {
	fresh := make([]byte, sha256.Size)
	_, _ = rand.Read(fresh) // never fails, as crypto/rand documents
	key, err := past.Key(ctx, keyName, fresh)
	if err != nil {
		return fmt.Errorf("load the key of the history: %w", err)
	}
	l.names.key = key
	at, after := l.now().Add(-memory), ""
	for {
		page, err := past.SessionsSince(ctx, at, after, historyPage)
		if err != nil {
			return fmt.Errorf("load the history: %w", err)
		}
		for _, s := range page {
			l.learnOwn(s)
		}
		if len(page) < historyPage {
			return nil
		}
		last := page[len(page)-1]
		at, after = last.End, last.ID
	}
}

// Cleaner keeps the history short. Its fields must be set before Run.
type Cleaner struct {
	Ledger   *Ledger
	Sessions store.Sessions
	Interval time.Duration // 0 is every 6 hours
}

// Run removes what is too old, now and then, until ctx ends. What the store refuses is tried again the next time.
func (c *Cleaner) Run(ctx context.Context) error {
	if c.Interval <= 0 {
		c.Interval = 6 * time.Hour
	}
	ticker := time.NewTicker(c.Interval)
	defer ticker.Stop()
	for {
		c.clean(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// clean removes page by page, so that nobody waits for long.
func (c *Cleaner) clean(ctx context.Context) {
	l := c.Ledger
	now := l.now()
	l.mu.Lock()
	l.history.forget(now)
	l.mu.Unlock()
	before := now.AddDate(0, 0, -l.config.Days)
	for n := cleanPage; n == cleanPage && ctx.Err() == nil; {
		err := l.write(ctx, func() (err error) {
			n, err = c.Sessions.DeleteSessions(ctx, before, cleanPage)
			return err
		})
		if err != nil {
			return
		}
	}
}
