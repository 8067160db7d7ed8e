package assembly

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/mirror"
)

// This file has what makes a pool start while its databases are away: what must be known of them is at hand in the data
// directory, and what need not be known at once is read as soon as they are there.

// late is what could not be read when the pool was opened, as its database was away.
type late struct {
	log   zerolog.Logger
	mu    sync.Mutex
	reads map[string]func(context.Context) error

	copied atomic.Bool // the ledger has taken what the copy of the state has for what was heard last
}

// lateEvery is how often it is tried.
const lateEvery = 500 * time.Millisecond

// add has something read as soon as that can be.
func (l *late) add(what string, read func(context.Context) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.reads == nil {
		l.reads = map[string]func(context.Context) error{}
	}
	l.reads[what] = read
}

// Run reads what is late until nothing is, and then waits for ctx.
func (l *late) Run(ctx context.Context) error {
	ticker := time.NewTicker(lateEvery)
	defer ticker.Stop()
	for l.read(ctx) {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
	<-ctx.Done()
	return nil
}

// read tries to read all that is late, and tells whether anything is left.
func (l *late) read(ctx context.Context) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for what, read := range l.reads {
		switch err := read(ctx); {
		case err == nil:
			delete(l.reads, what)
			l.log.Info().Str("what", what).Msg("what was away at the start is read")
		case !errors.Is(err, store.ErrAway) && ctx.Err() == nil:
			l.log.Warn().Err(err).Str("what", what).Msg("what was away at the start cannot be read; it is tried again")
		}
	}
	return len(l.reads) > 0
}

// soon has something read later where it has failed because its database is away. A pool that serves nobody does not wait.
func (p *Pool) soon(err error, what string, read func(context.Context) error) error {
	if p.offline || !errors.Is(err, store.ErrAway) {
		return err
	}
	p.late.add(what, read)
	return nil
}

// recollect has a ledger that nobody can tell anything know what the copy of the state has.
func (p *Pool) recollect(ctx context.Context) error {
	if p.mirror == nil {
		return nil
	}
	if _, _, away := p.mirror.Away(); !away {
		return nil
	}
	err := p.Ledger.Recollect(ctx, p.Poller.ForLedger())
	if err == nil {
		p.late.copied.Store(true)
	}
	return err
}

// The copies of keys in the data directory.
const (
	peerKeyFile    = "instances.key"
	historyKeyFile = "history.key"
)

// peers keeps the key of the instances, with a copy at hand.
type peers struct{ key *mirror.Key }

// PeerKey is [mirror.Key.Get].
func (p peers) PeerKey(ctx context.Context, fresh []byte) ([]byte, error) {
	return p.key.Get(ctx, fresh)
}

// peerKeys is where an instance finds the key of the instances.
func (p *Pool) peerKeys() peers {
	return peers{&mirror.Key{Dir: p.options.Data, File: peerKeyFile, Ask: p.Stores.Redis.PeerKey}}
}

// history is the history in an index that may be away, with a copy of its key at hand.
type history struct {
	store.Sessions

	key *mirror.Key
}

// Key is [mirror.Key.Get]. The history has one key.
func (h history) Key(ctx context.Context, _ string, fresh []byte) ([]byte, error) {
	return h.key.Get(ctx, fresh)
}

// keyed opens a ledger with a history whose key is at hand where its index is elsewhere, and has the key read again where that
// was away.
func (p *Pool) keyed(
	h placement.History, open func(placement.History) (*placement.Ledger, error),
) (*placement.Ledger, error) {
	if p.waiting == nil {
		return open(h)
	}
	key := &mirror.Key{Dir: p.options.Data, File: historyKeyFile, Ask: func(ctx context.Context, fresh []byte) ([]byte, error) {
		return h.Key(ctx, placement.KeyName, fresh)
	}}
	l, err := open(history{h, key})
	if err == nil && !key.Sure() {
		p.late.add("key of the history", func(ctx context.Context) error {
			if err := l.Rekey(ctx); err != nil || key.Sure() {
				return err
			}
			return store.ErrAway
		})
	}
	return l, err
}

// copyPatience is how long the first start waits for a Redis that is away.
const copyPatience = 30 * time.Second

// awaitCopy opens the copy of the state. Where there is none and Redis is away it is tried again for a while: whatever manages
// the process starts it again after that, and whoever looks sees why.
func (p *Pool) awaitCopy(ctx context.Context) (*mirror.Mirror, error) {
	patience := p.options.Patience
	if patience == 0 {
		patience = copyPatience
	}
	config := mirror.Config{
		Store: p.Stores.State, Marks: p.Stores.Redis, Dir: p.options.Data, Log: p.log("mirror"), Now: p.options.Now,
	}
	log := p.log("store")
	for end, told := time.Now().Add(patience), false; ; {
		m, err := mirror.Open(ctx, config)
		if !errors.Is(err, store.ErrAway) {
			return m, err
		}
		if time.Now().After(end) {
			return nil, fmt.Errorf("%s (REDIS_URL) does not answer, and the data directory has no copy of the servers, tenants and "+
				"meetings in it yet: see that it runs and can be reached from here, then start bbbpool again: %w", p.Stores.StateAt, err)
		}
		if !told {
			log.Warn().Err(err).Str("database", p.Stores.StateAt).Dur("for", patience).
				Msg("Redis does not answer, and there is no copy at hand of what is in it: it is waited for")
			told = true
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(lateEvery):
		}
	}
}
