package placement

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/bbbpool/bbbpool/placement/book"
	"github.com/bbbpool/bbbpool/placement/turns"
	"github.com/bbbpool/bbbpool/store"
)

// Errors of a ledger that is one of several.
var (
	// ErrFollower: another instance decides, or none does. Nothing was decided here.
	ErrFollower = errors.New("this instance does not lead")
	// ErrLeader: this instance decides, and hears of nobody's changes.
	ErrLeader = errors.New("this instance leads")
	// ErrUnderWay: where the meeting will be is being decided by the instance that leads.
	ErrUnderWay = errors.New("the meeting is being created")
)

// term is the time in which this instance leads. What was begun in one is over with it, also where another one follows.
type term struct {
	turns turns.Turns // whoever has a meeting's turn writes its claim without the lock, and nobody else touches it meanwhile
	past  past

	unstored map[store.MeetingKey]*unstored // the desk's lock guards it, and the turn of each meeting what is in it
	doubts   map[store.MeetingKey]doubt     // so it does here
}

// newTerm begins a term. Creates wait in it until the history has been read, unless the book has it.
func (l *Ledger) newTerm(recalled bool) *term {
	t := &term{past: past{sessions: l.history, read: make(chan struct{})}}
	if recalled || l.history == nil {
		close(t.past.read)
		t.past.known = l.known
	}
	return t
}

// Lead begins a term: from now on this instance decides. What the store has is compared with the book, which was heard, or
// left behind by an earlier term, or is empty: the store is right about where meetings are, the book about who is in them.
// The history is read again by Run where the book lacks it. After an error the ledger follows, as before.
func (l *Ledger) Lead(ctx context.Context) error {
	if l.servers != nil {
		ids, err := l.servers(ctx)
		if err != nil {
			return fmt.Errorf("load the servers: %w", err)
		}
		l.keepServers(ids)
	}
	l.records.forgive()
	closing, err := l.load(ctx)
	if err == nil {
		err = closing.within(closeWithin)
	}
	if err != nil {
		l.Follow()
	}
	return err
}

// closeWithin is how long a leader waits before it decides, until what its predecessor has left is closed. The history is not
// needed to lead.
const closeWithin = 300 * time.Millisecond

// within is wait for that long; what is left goes on.
func (c *closing) within(d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-c.done:
		return c.err
	case <-timer.C:
		return nil
	}
}

// keepServers brings the servers of the book in line with those of the pool. What they may be used for is as it was heard,
// until the poller has seen them.
func (l *Ledger) keepServers(ids []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	in := map[string]bool{}
	for _, id := range ids {
		if in[id] = true; !l.book.Record().Has(id) {
			l.book.Apply(ServerSet{Server: Server{ID: id}})
		}
	}
	for _, id := range l.book.Record().Servers() {
		if !in[id] {
			l.book.Apply(ServerRemoved{ID: id})
		}
	}
}

// Recollect takes what the store has, or its copy, for what was heard last: it is for an instance that begins to follow while
// nobody can be heard, so that it knows the meetings there are. Where a leader is heard, or this instance leads, that counts.
func (l *Ledger) Recollect(ctx context.Context, servers []Server) error {
	claims, err := l.records.state.Claims(ctx)
	if err != nil {
		return fmt.Errorf("load claims: %w", err)
	}
	endings, err := l.records.state.Endings(ctx)
	if err != nil {
		return fmt.Errorf("load endings: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.leading {
		return nil
	}
	for _, s := range servers {
		l.book.Apply(ServerSet{Server: s})
	}
	for _, c := range l.book.Record().Differences(l.now(), claims, endings, l.records.names().Room) {
		l.book.Apply(c)
	}
	return nil
}

// Stored takes in a claim as it is stored now, which look finds out, and tells whether it is what this instance goes by then. It
// is for one that follows while the news of its leader is old. What was placed later counts; of a meeting that its server has not
// got yet the leader has to be asked. So it has of one that is new here where something was heard while it was looked up: that
// may have been its end.
func (l *Ledger) Stored(look func() (store.Claim, error)) bool {
	l.mu.Lock()
	news := l.hearing.news
	l.mu.Unlock()
	c, err := look()
	if err != nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	found, err := l.book.Where(c.MeetingKey)
	heard := found.Claim
	switch {
	case l.leading, c.InternalID == "", err != nil && !errors.Is(err, ErrUnknown):
		return false
	case err == nil && !c.Placed.After(heard.Placed):
		return c.Server == heard.Server && c.InternalID == heard.InternalID && c.Placed.Equal(heard.Placed)
	case l.hearing.news != news:
		return false
	}
	l.book.Apply(ClaimLoaded{At: l.now(), Claim: c, Room: l.records.names().Room(c.MeetingKey)})
	return true
}

// Follow ends the term: from now on the book only follows what is heard. Everything that decides fails with ErrFollower, what
// waits for its turn at once; what is under way can write nothing any more.
func (l *Ledger) Follow() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.leading {
		return
	}
	l.leading, l.known, l.tellers = false, l.now(), nil
	l.book.Follow = l.follow
	l.term.turns.Close()
}

// Finish gives nobody a turn any more, waits until what is under way is over, or the context ends, and follows: for an
// instance that gives up its lease on purpose. The lease must last until Finish has returned.
func (l *Ledger) Finish(ctx context.Context) {
	l.mu.Lock()
	idle := l.term.turns.Close()
	l.mu.Unlock()
	select {
	case <-idle:
	case <-ctx.Done():
	}
	l.Follow()
}

// hearing is the stream of the instance that leads.
type hearing struct {
	mu     sync.Mutex // held while a frame is taken in
	frames book.Frames
	next   *Book // takes over what is told, until that is whole; nil otherwise
	whole  bool  // nothing is missing since the stream has begun

	news uint64 // how often something was heard; guarded by the ledger's lock
}

// Hear takes in a frame of the instance that leads, in the order in which it was sent; first is the first of a stream that
// tells everything anew. Until that has been told the book answers as it stood. After an error the stream must begin anew.
func (l *Ledger) Hear(frame []byte, first bool) error {
	h := &l.hearing
	h.mu.Lock()
	defer h.mu.Unlock()
	if first {
		h.frames, h.next, h.whole = book.Frames{Zone: l.now().Location()}, book.New(l.config, l.now()), true
	}
	if !h.whole {
		return errors.New("nothing is heard before all is told anew")
	}
	c, err := h.frames.Decode(frame)
	if err == nil && c != nil {
		err = l.heard(h, c)
	}
	h.whole = err == nil
	return err
}

// heard applies a change: to the book, or to the one that will be.
func (l *Ledger) heard(h *hearing, c Change) error {
	if _, whole := c.(book.Whole); h.next != nil && !whole {
		h.next.Apply(c)
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.leading {
		return ErrLeader
	}
	l.known = l.now()
	h.news++
	if h.next != nil {
		h.next.Draw, h.next.Follow = l.book.Draw, l.follow
		l.book, h.next = h.next, nil
		l.reportAgain()
		return nil
	}
	l.book.Apply(c)
	if join, ok := c.(JoinSent); ok {
		l.outbox.arrived(join)
	}
	return nil
}
