package placement

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// Errors of the ledger.
var (
	// ErrNoServer: no server can take the meeting.
	ErrNoServer = errors.New("no server can take the meeting")
	// ErrNoTag: servers could take the meeting, but none has a tag that was asked for with "!".
	ErrNoTag = errors.New("no server with the required tag can take the meeting")
	// ErrFull: servers could take the meeting, but for their capacity.
	ErrFull = errors.New("every server that could take the meeting is at its capacity")
	// ErrUnknown: nobody has claimed the meeting.
	ErrUnknown = errors.New("no such meeting")
)

// Ledger is the record of who is expected where. It is safe for concurrent use.
type Ledger struct {
	// Draw draws from [0,n) for servers that are equal in everything. It may be set before the first use.
	Draw func(n int) int

	config   Config
	state    State
	sessions Sessions
	names    names
	unread   chan struct{} // closed when the history has been read; nil where there is none
	now      func() time.Time
	start    time.Time // the zero of the clock that expectations fade by

	mu        sync.Mutex // never held over a call to the store
	servers   map[string]*server
	order     []*server // by ID, so that a decision depends on nothing but what is known
	meetings  map[store.MeetingKey]*meeting
	live      map[room]int // meetings by room
	breakouts int          // meetings that are breakout rooms
	turns     map[store.MeetingKey]*turn
	endings   map[store.MeetingKey]map[Copy]store.Ending // what servers owe
	asked     int                                        // meetings that somebody who may has ended so far
	closed    recently
	vanished  recently // lost from sight, and for all anybody knows not over
	history   *history
	seats     seats
	fault     fault
}

// New returns an empty ledger. OpenHistory, SetServer and Load fill it, in this order.
func New(config Config, state State, sessions Sessions, now func() time.Time) *Ledger {
	config = config.bounded()
	return &Ledger{
		Draw: rand.IntN, config: config, state: state, sessions: sessions, now: now, start: now(),
		servers:  map[string]*server{},
		meetings: map[store.MeetingKey]*meeting{},
		live:     map[room]int{},
		turns:    map[store.MeetingKey]*turn{},
		endings:  map[store.MeetingKey]map[Copy]store.Ending{},
		history:  newHistory(config),
		seats:    seats{held: map[room]*seat{}},
	}
}

// Load takes over the stored claims, once, before anything is created. Those on servers that are not in the pool any
// more are closed. Until polls have looked, a meeting that was created counts as one that people are on the way to, and
// its server as having those that were expected: else what was full would look empty.
func (l *Ledger) Load(ctx context.Context) error {
	claims, err := l.state.Claims(ctx)
	if err != nil {
		return fmt.Errorf("load claims: %w", err)
	}
	if err := l.loadEndings(ctx); err != nil {
		return err
	}
	var lost, over []store.Claim
	l.mu.Lock()
	for _, c := range claims {
		if l.owes(c.MeetingKey, Copy{c.Server, c.InternalID}) {
			over = append(over, c)
		}
		c.Expected = believable(c.Expected)
		m := l.enter(c, roomOf(l.Hash(c.MeetingKey)))
		if c.InternalID != "" {
			m.lastJoin = l.now()
			m.presume(c.Expected * l.faded(m.born))
		}
		if m.server == nil {
			lost = append(lost, c)
		}
	}
	l.mu.Unlock()
	return errors.Join(l.closeOver(ctx, over), l.closeRemoved(ctx, lost))
}

// closeOver closes claims of meetings whose end was recorded right before a crash.
func (l *Ledger) closeOver(ctx context.Context, claims []store.Claim) error {
	var errs []error
	for _, c := range claims {
		_, err := l.Close(ctx, c, Ended)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// faded is the share of an expectation that has faded by now.
func (l *Ledger) faded(born float64) float64 {
	return min(max((l.clock(l.now())-born)/l.config.Fade.Seconds(), 0), 1)
}

// SetServer adds a server, or changes its weight, tag or standing. Claims that wait for it are attached.
func (l *Ledger) SetServer(s Server) {
	if !(s.Weight > 0) || math.IsInf(s.Weight, 1) {
		s.Weight = 1
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if known, ok := l.servers[s.ID]; ok {
		known.Server = s
		return
	}
	page := &server{
		Server: s, meetings: map[store.MeetingKey]*meeting{}, fading: fading{span: l.config.Fade.Seconds()},
		carry: l.config.Carry,
	}
	l.servers[s.ID] = page
	at, _ := slices.BinarySearchFunc(l.order, s.ID, func(s *server, id string) int { return strings.Compare(s.ID, id) })
	l.order = slices.Insert(l.order, at, page)
	for _, m := range l.meetings {
		if m.claim.Server == s.ID {
			page.attach(m)
		}
	}
}

// RemoveServer forgets a server and what it owes, and closes what is claimed on it. It waits for creates of these meetings
// that are under way. After an error it can be called again.
func (l *Ledger) RemoveServer(ctx context.Context, id string) error {
	l.mu.Lock()
	if page, ok := l.servers[id]; ok {
		delete(l.servers, id)
		l.order = slices.DeleteFunc(l.order, func(s *server) bool { return s == page })
		for _, m := range page.meetings {
			page.detach(m)
		}
		l.unseat(page)
	}
	var lost []store.Claim
	for _, m := range l.meetings {
		if m.claim.Server == id {
			lost = append(lost, m.claim)
		}
	}
	l.mu.Unlock()
	return errors.Join(l.closeRemoved(ctx, lost), l.forgetEndings(ctx, l.endingsOn(id)))
}

// enter puts a claim that is new to the ledger on its server's page. The lock is held.
func (l *Ledger) enter(c store.Claim, r room) *meeting {
	m := &meeting{room: r}
	l.meetings[c.MeetingKey] = m
	l.live[m.room]++
	l.put(m, l.newStay(c))
	return m
}

// newStay begins a stay in which nobody has been seen yet.
func (l *Ledger) newStay(c store.Claim) stay { return stay{claim: c, born: l.clock(c.Placed)} }

// put gives a meeting another stay. The lock is held.
func (l *Ledger) put(m *meeting, s stay) {
	if m.server != nil {
		m.server.detach(m)
	}
	l.countBreakout(m, -1)
	m.stay = s
	l.countBreakout(m, 1)
	if page, ok := l.servers[s.claim.Server]; ok {
		page.attach(m)
	}
}

// drop takes a meeting out of the ledger. The lock is held.
func (l *Ledger) drop(m *meeting) {
	if m.server != nil {
		m.server.detach(m)
	}
	delete(l.meetings, m.claim.MeetingKey)
	l.countBreakout(m, -1)
	if l.live[m.room]--; l.live[m.room] == 0 {
		delete(l.live, m.room)
	}
}

func (l *Ledger) countBreakout(m *meeting, n int) {
	if m.claim.Breakout {
		l.breakouts += n
	}
}

// clock turns a time into seconds of the ledger's clock. A time to come, by a clock that was set back, is now.
func (l *Ledger) clock(t time.Time) float64 {
	return min(t.Sub(l.start), l.now().Sub(l.start)).Seconds()
}

// Ready tells why no meeting can be created, or "": a readiness check.
func (l *Ledger) Ready() string {
	if err := l.Fault(); err != nil {
		return "the store cannot be written: " + err.Error()
	}
	return ""
}
