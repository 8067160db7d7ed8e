package placement

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// Found is where a meeting is.
type Found struct {
	Claim    store.Claim
	Standing Standing // of its server
}

// Find returns where a meeting is, or ErrUnknown. While it is being created for the first time, or moved, it waits for
// the outcome, but no longer than patience: a join that overtakes its create must not fail. It makes no call and no
// write.
func (l *Ledger) Find(ctx context.Context, key store.MeetingKey, patience time.Duration) (Found, error) {
	found, ended, err := l.find(key)
	if ended == nil {
		return found, err // without a timer: this is the way of every join
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for ended != nil {
		select {
		case <-ended:
			found, ended, err = l.find(key)
		case <-ctx.Done():
			return Found{}, ctx.Err()
		}
	}
	return found, err
}

// find returns where a meeting is as far as that is certain, else what to wait for.
func (l *Ledger) find(key store.MeetingKey) (Found, <-chan struct{}, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m, t := l.meetings[key], l.turns[key]
	switch {
	case m != nil && !m.pending:
		return m.found(), nil, nil
	case t != nil:
		return Found{}, t.ended(), nil
	}
	return Found{}, nil, ErrUnknown
}

// Peek is Find for those that cannot wait: it tells where a meeting is going to be.
func (l *Ledger) Peek(key store.MeetingKey) (Found, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if m := l.meetings[key]; m != nil {
		return m.found(), nil
	}
	return Found{}, ErrUnknown
}

func (m *meeting) found() Found {
	found := Found{Claim: m.claim}
	if m.server != nil {
		found.Standing = m.server.Standing
	}
	return found
}

// Joined counts somebody who was sent to a meeting. Whoever is sent there again before a poll has looked counts once.
func (l *Ledger) Joined(key store.MeetingKey, who Person) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if m := l.meetings[key]; m != nil {
		m.joined(who, l.now())
	}
}

// Info is a claim with what the ledger knows of the meeting.
type Info struct {
	store.Claim
	People int // in it and on the way
	Peak   int // most people seen at once
	Joins  int // sent so far

	Remaining float64 // people still expected
}

// Meetings returns all meetings, by tenant and ID.
func (l *Ledger) Meetings() []Info {
	infos := make([]Info, 0, l.Count()+64) // nobody waits while the memory is found
	l.mu.Lock()
	for _, m := range l.meetings {
		infos = append(infos, Info{
			Claim: m.claim, People: m.here(), Peak: m.peak, Joins: m.joins,
			Remaining: m.claim.Expected * (1 - l.faded(m.born)),
		})
	}
	l.mu.Unlock()
	slices.SortFunc(infos, func(a, b Info) int {
		if c := strings.Compare(a.Tenant, b.Tenant); c != 0 {
			return c
		}
		return strings.Compare(a.MeetingID, b.MeetingID)
	})
	return infos
}

// Count returns how many meetings there are.
func (l *Ledger) Count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.meetings)
}

// ServerLoad returns what counts on a server now; a server that is not in the pool carries nothing.
func (l *Ledger) ServerLoad(id string) Load {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.servers[id]
	if s == nil {
		return Load{Server: id}
	}
	l.keepSeats()
	return s.load(l.clock(l.now()))
}
