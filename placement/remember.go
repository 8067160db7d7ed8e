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

// OpenHistory gets the key of the hashes, which is made on the first start, before anything is loaded or created. From
// then on creates wait until ReadHistory is done: the history of a large site takes some seconds, and joins need none.
func (l *Ledger) OpenHistory(ctx context.Context, past Past) error {
	fresh := make([]byte, sha256.Size)
	_, _ = rand.Read(fresh) // never fails, as crypto/rand documents
	key, err := past.Key(ctx, keyName, fresh)
	if err != nil {
		return fmt.Errorf("load the key of the history: %w", err)
	}
	l.names.key, l.unread = key, make(chan struct{})
	return nil
}

// ReadHistory learns from the stored sessions, once.
func (l *Ledger) ReadHistory(ctx context.Context, sessions store.Sessions) error {
	defer close(l.unread)
	at, after := l.now().Add(-memory), ""
	for {
		page, err := sessions.SessionsSince(ctx, at, after, historyPage)
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

// LoadHistory opens the history and reads it.
func (l *Ledger) LoadHistory(ctx context.Context, past Past) error {
	if err := l.OpenHistory(ctx, past); err != nil {
		return err
	}
	return l.ReadHistory(ctx, past)
}

// historyRead waits until the history has been read.
func (l *Ledger) historyRead(ctx context.Context) error {
	if l.unread == nil {
		return nil
	}
	select {
	case <-l.unread:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the history to be read: %w", ctx.Err())
	}
}

// Keeper reads the history at the start, and keeps it short from then on. Its fields must be set before Run.
type Keeper struct {
	Ledger   *Ledger
	Sessions store.Sessions
	Interval time.Duration // 0 is every 6 hours
}

// Run reads the history, and removes what is too old, now and then, until ctx ends. What the store refuses to remove is
// tried again the next time; what cannot be read is not known, and creates go on without.
func (c *Keeper) Run(ctx context.Context) error {
	_ = c.Ledger.write(ctx, func() error { return c.Ledger.ReadHistory(ctx, c.Sessions) }) // told by Fault
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
func (c *Keeper) clean(ctx context.Context) {
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
