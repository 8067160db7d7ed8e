package placement

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// State is what the ledger keeps durably.
type State interface {
	store.Claims
	store.Endings
}

// Copy is a meeting on one server. Server and internal ID belong together: two servers that create a meeting in the same
// millisecond give it the same internal ID.
type Copy struct{ Server, InternalID string }

// Ending is an end on its way. While it is, nobody else creates the meeting, adopts or closes it. It is for one goroutine.
type Ending struct {
	Reason string // of the session, in one word; may be left out
	ledger *Ledger
	key    store.MeetingKey
}

// BeginEnd waits until no create or other end of the meeting is under way. Release must follow.
func (l *Ledger) BeginEnd(ctx context.Context, key store.MeetingKey) (*Ending, error) {
	if err := l.take(ctx, key); err != nil {
		return nil, err
	}
	return &Ending{ledger: l, key: key}, nil
}

// TryEnd is BeginEnd for those that cannot wait: it returns nil where somebody else changes the meeting.
func (l *Ledger) TryEnd(key store.MeetingKey) *Ending {
	if !l.try(key) {
		return nil
	}
	return &Ending{ledger: l, key: key}
}

// Release lets the next create of the meeting go ahead.
func (e *Ending) Release() {
	e.ledger.mu.Lock()
	defer e.ledger.mu.Unlock()
	e.ledger.release(e.key)
}

// Ended records that somebody who may has ended the meeting: the claim is closed, and each of the copies is owed until its
// server is seen without it. From then on none of them counts as a meeting that goes on, whatever its server says, and
// nothing that was made before by that name is adopted. What Ended has acknowledged survives a crash; after an error the
// claim stands.
func (e *Ending) Ended(ctx context.Context, copies []Copy) error {
	l := e.ledger
	l.mu.Lock()
	now, m := l.now(), l.meetings[e.key]
	var over past
	if m != nil {
		over = m.end(now, cmp.Or(e.Reason, reasonEnded))
		copies = append(slices.Clip(copies), Copy{m.claim.Server, m.claim.InternalID})
	}
	owed := l.owed(e.key, copies, now)
	l.mu.Unlock()
	err := l.write(ctx, func() error {
		if err := l.state.AddEndings(ctx, owed...); err != nil || m == nil {
			return err
		}
		return l.settle(ctx, over)
	})
	if err != nil {
		return fmt.Errorf("end %s: %w", e.key.MeetingID, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.owe(owed...)
	last := closing{server: over.claim.Server, internalID: over.claim.InternalID, at: now, asked: true}
	if m != nil {
		l.drop(m)
	}
	l.closed.add(e.key, last)
	l.vanished.forget(e.key)
	return nil
}

// owed turns copies into what servers owe, each once. The lock is held.
func (l *Ledger) owed(key store.MeetingKey, copies []Copy, asked time.Time) (list []store.Ending) {
	for i, c := range copies {
		if c.InternalID != "" && len(c.InternalID) <= maxID && l.servers[c.Server] != nil && !slices.Contains(copies[:i], c) {
			list = append(list, store.Ending{MeetingKey: key, Server: c.Server, InternalID: c.InternalID, Asked: asked})
		}
	}
	return list
}

// owe enters endings in memory, in the place of older ones of the same copies. The lock is held.
func (l *Ledger) owe(list ...store.Ending) {
	for _, e := range list {
		rest := slices.DeleteFunc(l.endings[e.MeetingKey], func(old store.Ending) bool { return copyOf(old) == copyOf(e) })
		l.endings[e.MeetingKey] = append(rest, e)
	}
}

func copyOf(e store.Ending) Copy { return Copy{e.Server, e.InternalID} }

// owes tells whether a server owes the end of that very copy. The lock is held.
func (l *Ledger) owes(key store.MeetingKey, c Copy) bool {
	return slices.ContainsFunc(l.endings[key], func(e store.Ending) bool { return copyOf(e) == c })
}

// owing returns the servers that may have a copy of the meeting still although it was ended. The lock is held.
func (l *Ledger) owing(key store.MeetingKey) (servers []string) {
	for _, e := range l.endings[key] {
		servers = append(servers, e.Server)
	}
	return servers
}

// Over tells whether what a server lists is a meeting that somebody has ended, whatever the server says. Until the meeting
// is created anew that is everything by its name that was made before.
func (l *Ledger) Over(server string, s Sighting) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.over(server, s)
}

// over is Over for those who have the lock.
func (l *Ledger) over(server string, s Sighting) bool {
	if l.owes(s.Key, Copy{server, s.InternalID}) {
		return true
	}
	last, closed := l.closed.of(s.Key)
	return closed && last.asked && (last.is(server, s.InternalID) || last.older(s))
}

// done returns what a complete poll shows to be over: copies that were owed before it began and that its server lists no
// more, not even as over. The lock is held.
func (l *Ledger) done(p Poll, seen map[Copy]bool) (list []store.Ending) {
	for _, endings := range l.endings {
		for _, e := range endings {
			if e.Server == p.Server && e.Asked.Before(p.Began) && !seen[copyOf(e)] {
				list = append(list, e)
			}
		}
	}
	return list
}

// forgetEndings removes endings that nobody owes any more, from the store first.
func (l *Ledger) forgetEndings(ctx context.Context, list []store.Ending) error {
	var errs []error
	for _, e := range list {
		err := l.write(ctx, func() error { return ignoreMissing(l.state.DeleteEnding(ctx, e)) })
		if err != nil {
			errs = append(errs, fmt.Errorf("forget the end of %s: %w", e.MeetingID, err))
			continue
		}
		l.mu.Lock()
		rest := slices.DeleteFunc(l.endings[e.MeetingKey], func(old store.Ending) bool {
			return copyOf(old) == copyOf(e) && old.Asked.Equal(e.Asked)
		})
		if l.endings[e.MeetingKey] = rest; len(rest) == 0 {
			delete(l.endings, e.MeetingKey)
		}
		l.mu.Unlock()
	}
	return errors.Join(errs...)
}

// loadEndings takes over what is owed. What a server owed that has left the pool is forgotten.
func (l *Ledger) loadEndings(ctx context.Context) error {
	list, err := l.state.Endings(ctx)
	if err != nil {
		return fmt.Errorf("load endings: %w", err)
	}
	var left []store.Ending
	l.mu.Lock()
	for _, e := range list {
		l.owe(e)
		if l.servers[e.Server] == nil {
			left = append(left, e)
		}
	}
	l.mu.Unlock()
	return l.forgetEndings(ctx, left)
}

// endingsOf returns what is owed and passes.
func (l *Ledger) endingsOf(pass func(store.Ending) bool) (list []store.Ending) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, endings := range l.endings {
		for _, e := range endings {
			if pass(e) {
				list = append(list, e)
			}
		}
	}
	return list
}
