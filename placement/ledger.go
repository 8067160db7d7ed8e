package placement

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bbbpool/bbbpool/placement/book"
	"github.com/bbbpool/bbbpool/placement/turns"
	"github.com/bbbpool/bbbpool/store"
)

// Ledger is the book with a lock, turns and a store: the one record of who is expected where that creates, joins, polls and
// ends of a whole process work on. It is safe for concurrent use.
//
// Every method of the ledger takes the lock itself. What may be done only while it is held is a method of what it guards.
type Ledger struct {
	// Report tells the instance that leads of a join that was sent here: the frame is for its [Ledger.Take]. It is called under
	// the lock and must not wait. What is reported in vain is reported again to the next leader. It may be set before joins.
	Report func(frame []byte)

	Desk

	config  Config
	records records
	history History                                     // Parts.History
	servers func(ctx context.Context) ([]string, error) // Parts.Pool
	sent    func(tenant string)                         // Parts.Sent
	hearing hearing
	outbox  outbox // the desk's lock guards it
}

// State is what the ledger keeps durably.
type State interface {
	store.Claims
	store.Endings
}

// History is where past sessions are stored, with the key of the names that their rooms have there.
type History interface {
	store.Keys
	store.Sessions
}

// Parts are what a ledger is opened with.
type Parts struct {
	Config  Config
	State   State
	History History          // nil for none: rooms are new after each start
	Servers []string         // the IDs of all servers of the pool: what is claimed elsewhere is closed
	Offline bool             // nobody will Run the ledger: the history is read before Open returns
	Now     func() time.Time // a clock
	Follow  func(Change)     // hears of every change of the book, in order and under the lock; nil for none
	Follows bool             // another instance may lead: nothing is taken over from the store before [Ledger.Lead]
	// Pool returns the IDs of all servers of the pool when a term begins; nil takes those that the book has.
	Pool func(ctx context.Context) ([]string, error)
	Sent func(tenant string) // hears of every join; nil for none

	// Remember is told of every stay of a meeting on a server that is over, before its claim is gone. It keeps the session of
	// the stay whose claim was c, durably: what it has acknowledged must survive a crash. It may be called twice for the same
	// stay. After an error the claim stands where that is still possible.
	//
	// The ID of the session is the server's for the meeting, but for a meeting whose end was told before and that went on: then
	// it has the time of placement in it, too.
	Remember func(ctx context.Context, c store.Claim, s store.Session) error

	// Former returns an earlier session by the server's ID for the meeting, or store.ErrNotFound: from it a meeting that comes
	// back after its end was told has what this process no longer knows of it. Other errors hold nothing up. nil is for none.
	Former func(ctx context.Context, internalID string) (store.Session, error)
}

// OpenLedger takes over what is stored: the key of the history, which is made on the first start, what servers owe, and the
// claims. Those on servers that are not in the pool any more are closed. Servers take no meetings before SetServer has told
// of them. Creates wait until Run has read the history: that of a large site takes some seconds, and joins need none.
func OpenLedger(ctx context.Context, p Parts) (*Ledger, error) {
	l := &Ledger{
		Desk:   Desk{follow: p.Follow, now: p.Now, book: NewBook(p.Config, p.Now())},
		config: p.Config.Bounded(), records: records{state: p.State, sessions: p.Remember, now: p.Now}, history: p.History,
		servers: p.Pool, sent: p.Sent, outbox: newOutbox(),
	}
	if p.Former != nil {
		l.records.former = earlier{p.Former, l}.session
	}
	l.records.learn, l.book.Follow, l.leading = l.Learn, p.Follow, !p.Follows
	for _, id := range p.Servers {
		l.book.Apply(ServerSet{Server: Server{ID: id}})
	}
	if err := l.Rekey(ctx); err != nil {
		return nil, err
	}
	l.term = l.newTerm(false)
	if p.Follows {
		l.term.turns.Close()
		return l, nil
	}
	if p.Offline && p.History != nil {
		if err := l.term.past.each(ctx, l.now(), l.Learn); err != nil {
			return nil, err
		}
	}
	closing, err := l.load(ctx)
	if err != nil {
		return nil, err
	}
	if err := closing.wait(); err != nil {
		return nil, err
	}
	if p.Offline && p.History != nil {
		l.recall(ctx, &l.term.past)
	}
	return l, nil
}

// load begins a term: it takes over the stored endings and claims. What a server owed that has left the pool is forgotten, and
// claims of meetings whose end was recorded right before a crash are being closed when it returns.
func (l *Ledger) load(ctx context.Context) (*closing, error) {
	claims, err := l.records.state.Claims(ctx)
	if err != nil {
		return nil, fmt.Errorf("load claims: %w", err)
	}
	endings, err := l.records.state.Endings(ctx)
	if err != nil {
		return nil, fmt.Errorf("load endings: %w", err)
	}
	over, lost, left := l.takeOver(claims, endings)
	l.takeOverJoins()
	c := l.closeOver(ctx, over)
	if err := errors.Join(l.forgetEndings(ctx, left), l.closeRemoved(ctx, lost)); err != nil {
		return nil, errors.Join(err, c.wait())
	}
	return c, nil
}

// takeOver brings the book in line with the store, and has it lead. It returns which claims are over, which are on servers that
// have left the pool, and which endings nobody owes any more.
func (l *Ledger) takeOver(claims []store.Claim, endings []store.Ending) (over, lost []store.Claim, left []store.Ending) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	var owed []store.Ending
	for _, e := range endings {
		if l.book.Record().Outdated(e, now) {
			left = append(left, e)
		} else {
			owed = append(owed, e)
		}
	}
	l.begin(now)
	for _, c := range l.book.Record().Differences(now, claims, owed, l.records.names().Room) {
		l.book.Apply(c)
	}
	for _, c := range claims {
		switch {
		case !l.book.Record().Has(c.Server):
			lost = append(lost, c)
		case l.book.Record().Owes(c):
			over = append(over, c)
		}
		l.lacks(c)
		if !l.book.Record().Recalled() && l.history != nil {
			l.term.past.lasting = append(l.term.past.lasting, book.StayOfClaim(c, l.Hash(c.MeetingKey)))
		}
	}
	return over, lost, left
}

// begin has this instance lead, in a new term unless that of the start has not begun yet. It is called under the lock.
func (l *Ledger) begin(now time.Time) {
	if l.leading = true; l.term.turns.Open() {
		return
	}
	recalled := l.book.Record().Recalled()
	if !recalled && l.history != nil {
		l.book.Apply(book.HistoryEmptied{At: now})
	}
	l.term = l.newTerm(recalled)
}

// Hash returns the name of a room in the history: a hash of tenant and meetingID with the pool's key.
func (l *Ledger) Hash(key store.MeetingKey) string { return l.records.names().Hash(key) }

// takeTurn waits for the turn of a meeting. Its release must follow.
func (l *Ledger) takeTurn(ctx context.Context, t *term, key store.MeetingKey) error {
	err := t.turns.Take(ctx, key)
	if errors.Is(err, turns.ErrClosed) {
		return ErrFollower
	}
	if err != nil {
		return fmt.Errorf("wait for another create of %s: %w", key.MeetingID, err)
	}
	return nil
}

// RemoveServer forgets a server and what it owes, and closes what is claimed on it. It waits for creates and ends of these
// meetings that are under way. After an error it can be called again.
func (l *Ledger) RemoveServer(ctx context.Context, id string) error {
	l.mu.Lock()
	if !l.leading {
		l.mu.Unlock()
		return ErrFollower
	}
	l.book.Apply(ServerRemoved{ID: id})
	lost := l.book.Record().ClaimedOn(id)
	l.mu.Unlock()
	err := l.closeRemoved(ctx, lost)
	l.mu.Lock()
	owed := l.book.Record().OwedBy(id) // not earlier: an end that was under way has added to it
	l.mu.Unlock()
	return errors.Join(err, l.forgetEndings(ctx, owed))
}

// Joined is [Ledger.Admit] where there are no limits.
func (l *Ledger) Joined(key store.MeetingKey, who Person) { _ = l.Admit(key, who, store.Limits{}) }

// Consider tells where a create would go, and why, without placing anything.
func (l *Ledger) Consider(key store.MeetingKey, w Wish) Considered {
	r := l.records.names().Room(key)
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.keepSeats()
	return l.book.Consider(now, key, r, w)
}
