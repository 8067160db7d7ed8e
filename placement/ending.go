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

// MaxCopies is how many meetings by one name are looked after on one server. A sound one has one, and may list some that are
// over.
const MaxCopies = 20

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
		over = m.end(now, cmp.Or(e.Reason, Ended))
		copies = slices.Concat([]Copy{{m.claim.Server, m.claim.InternalID}}, copies)
	}
	owed := l.owed(e.key, copies, now)
	owed = append(owed, l.blind(owed, e.key, now)...)
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
	l.asked++
	last := closing{server: over.claim.Server, internalID: over.claim.InternalID, at: now, asked: l.asked}
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
			list = append(list, ending(key, c, asked))
		}
	}
	return list
}

// mostBlind is how many ended meetings are remembered that servers may have which nobody can look at.
const mostBlind = 5_000

// blind is what servers owe that nobody can look at: for all anybody knows they have a copy, too. That is as durable as the
// rest, since one of them may be back after a restart of ours. The lock is held.
func (l *Ledger) blind(owed []store.Ending, key store.MeetingKey, asked time.Time) (list []store.Ending) {
	if len(l.endings) >= mostBlind {
		return nil
	}
	for _, s := range l.order {
		known := slices.ContainsFunc(owed, func(e store.Ending) bool { return e.Server == s.ID })
		if !known && !s.visible() {
			list = append(list, ending(key, Copy{Server: s.ID}, asked))
		}
	}
	return list
}

func ending(key store.MeetingKey, c Copy, asked time.Time) store.Ending {
	return store.Ending{MeetingKey: key, Server: c.Server, InternalID: c.InternalID, Asked: asked}
}

// owe enters endings in memory, in the place of older ones of the same copies. The lock is held.
func (l *Ledger) owe(list ...store.Ending) {
	for _, e := range list {
		if l.endings[e.MeetingKey] == nil {
			l.endings[e.MeetingKey] = map[Copy]store.Ending{}
		}
		l.endings[e.MeetingKey][copyOf(e)] = e
	}
}

func copyOf(e store.Ending) Copy { return Copy{e.Server, e.InternalID} }

// owes tells whether a server owes the end of that very copy. The lock is held.
func (l *Ledger) owes(key store.MeetingKey, c Copy) bool {
	_, owed := l.endings[key][c]
	return owed
}

// owing returns the servers that may have a copy of the meeting still although it was ended. The lock is held.
func (l *Ledger) owing(key store.MeetingKey) (servers []string) {
	for c := range l.endings[key] {
		servers = append(servers, c.Server)
	}
	return servers
}

// Over tells whether what a server lists is a meeting that somebody has ended, whatever the server says. Until the meeting
// is created anew, or its server was seen without it, that is everything by its name that was made before.
func (l *Ledger) Over(server string, s Sighting) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.over(server, s)
}

// over is Over for those who have the lock. What nobody knew of at the end can only be seen as long as its server was not
// seen whole since. What is seen for the first time later is a new meeting, whatever clocks say, which may be wrong, or
// set in between, ours too.
func (l *Ledger) over(server string, s Sighting) bool {
	if l.owes(s.Key, Copy{server, s.InternalID}) {
		return true
	}
	last, closed := l.closed.of(s.Key)
	switch page := l.servers[server]; {
	case page != nil && l.unseen(page, s):
		return true
	case !closed || last.asked == 0:
		return false
	case last.is(server, s.InternalID):
		return true
	default:
		return page != nil && page.shown < last.asked && older(s, last.at, page)
	}
}

// unseen tells whether a meeting was ended while nobody could look at its server, and is none that we have created since.
// Times say nothing about that: either clock may have been set meanwhile. The lock is held.
func (l *Ledger) unseen(page *server, s Sighting) bool {
	if m := l.meetings[s.Key]; m != nil && m.server == page && (m.creating || m.claim.InternalID == s.InternalID) {
		return false
	}
	return l.owes(s.Key, Copy{Server: page.ID})
}

// older tells whether a meeting was made before a time of ours, or not long after, by its server's clock.
func older(s Sighting, at time.Time, page *server) bool {
	return s.CreateTime <= at.Add(max(page.ahead, 0)+slack).UnixMilli()
}

// slack is what clocks that agree may differ by.
const slack = 2 * time.Second

// discover enters a copy that nobody knew of when its meeting was ended, so that it is over also for later polls. It is in
// memory alone: for a restart there is what blind has recorded. The lock is held.
func (l *Ledger) discover(server string, s Sighting) {
	c := Copy{server, s.InternalID}
	asked := l.endings[s.Key][Copy{Server: server}].Asked
	if last, closed := l.closed.of(s.Key); closed {
		asked = last.at
	}
	if !asked.IsZero() && !l.owes(s.Key, c) && len(l.endings[s.Key]) < MaxCopies*len(l.servers) {
		l.owe(ending(s.Key, c, asked))
	}
}

// oldest is how long a server owes the end of a copy that it does not show, where its answers can never be read whole.
const oldest = 24 * time.Hour

// done returns what a poll shows to be over: copies that were owed before it began and that its server lists no more, not
// even as over; what is owed of any copy, once it lists none, or has not been seen for too long. The lock is held.
func (l *Ledger) done(p Poll, seen map[Copy]bool) (list []store.Ending) {
	now := l.now()
	for _, endings := range l.endings {
		for c, e := range endings {
			before := e.Asked.Before(p.Began) || e.Asked.After(now) // by a clock that was set back before a restart
			late := p.Began.Sub(e.Asked) > oldest
			switch {
			case c.Server != p.Server:
				if late && c.InternalID == "" {
					list = append(list, e)
				}
			case before && (p.Complete || late) && !lists(c, endings, seen):
				list = append(list, e)
			}
		}
	}
	return list
}

// lists tells whether a copy was seen or, of one that nobody knew, any.
func lists(c Copy, endings map[Copy]store.Ending, seen map[Copy]bool) bool {
	if c.InternalID != "" {
		return seen[c]
	}
	for other := range endings {
		if seen[other] {
			return true
		}
	}
	return false
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
		endings := l.endings[e.MeetingKey]
		if old, owed := endings[copyOf(e)]; owed && old.Asked.Equal(e.Asked) {
			delete(endings, copyOf(e))
		}
		if len(endings) == 0 {
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
		if l.servers[e.Server] == nil || e.InternalID == "" && l.now().Sub(e.Asked) > oldest {
			left = append(left, e)
		}
	}
	l.mu.Unlock()
	return l.forgetEndings(ctx, left)
}

// endingsOf returns what is owed of one copy, and of copies on its server that nobody knew.
func (l *Ledger) endingsOf(key store.MeetingKey, known Copy) (list []store.Ending) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range []Copy{known, {Server: known.Server}} {
		if e, owed := l.endings[key][c]; owed {
			list = append(list, e)
		}
	}
	return list
}

// endingsOn returns what a server owes.
func (l *Ledger) endingsOn(server string) (list []store.Ending) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, endings := range l.endings {
		for c, e := range endings {
			if c.Server == server {
				list = append(list, e)
			}
		}
	}
	return list
}
