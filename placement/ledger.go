package placement

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
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
	// ErrUnknown: nobody has claimed the meeting.
	ErrUnknown = errors.New("no such meeting")
)

// Config is how people are expected, as flags.
type Config struct {
	Fade    time.Duration `name:"expect-fade" default:"20m" env:"BBBPOOL_EXPECT_FADE" help:"Time over which a new meeting's expected people fade out of the count."`
	Default float64       `name:"expect-default" default:"15" env:"BBBPOOL_EXPECT_DEFAULT,LOAD_MIN_USER_COUNT" help:"People expected in a new meeting."`
}

// Validate tells what cannot work.
func (c Config) Validate() error {
	var err error
	if c.Fade <= 0 {
		err = fmt.Errorf("--expect-fade %s: want more than 0s", c.Fade)
	}
	if !(c.Default > 0 && c.Default <= maxExpected) { // not a number is neither
		err = errors.Join(err, fmt.Errorf("--expect-default %g: want more than 0, and at most %d", c.Default, maxExpected))
	}
	return err
}

// History is told of every stay of a meeting on a server that is over, before its claim is gone.
type History interface {
	// Remember keeps the session of a stay whose claim was c, durably: what it has acknowledged must survive a crash. It
	// may be called twice for the same stay. After an error the claim stands where that is still possible.
	Remember(ctx context.Context, c store.Claim, s store.Session) error
}

// maxExpected is how many people can be expected in a new meeting.
const maxExpected = 10_000

// Ledger is the record of who is expected where. It is safe for concurrent use.
type Ledger struct {
	config  Config
	claims  store.Claims
	history History
	now     func() time.Time
	start   time.Time // the zero of the clock that expectations fade by

	mu       sync.Mutex // never held over a call to the store
	servers  map[string]*server
	meetings map[store.MeetingKey]*meeting
	turns    map[store.MeetingKey]*turn
	closed   recently
	fault    fault
}

// New returns an empty ledger. SetServer and Load fill it.
func New(config Config, claims store.Claims, history History, now func() time.Time) *Ledger {
	if config.Fade <= 0 {
		config.Fade = 20 * time.Minute
	}
	if config.Default = believable(config.Default); config.Default == 0 {
		config.Default = 15
	}
	return &Ledger{
		config: config, claims: claims, history: history, now: now, start: now(),
		servers:  map[string]*server{},
		meetings: map[store.MeetingKey]*meeting{},
		turns:    map[store.MeetingKey]*turn{},
	}
}

// Load takes over the stored claims, once, before anything is created. Those on servers that are not in the pool any
// more are closed. Until polls have looked, a meeting that was created counts as one that people are on the way to.
func (l *Ledger) Load(ctx context.Context) error {
	claims, err := l.claims.Claims(ctx)
	if err != nil {
		return fmt.Errorf("load claims: %w", err)
	}
	var lost []store.Claim
	l.mu.Lock()
	for _, c := range claims {
		c.Expected = believable(c.Expected)
		m := l.enter(c)
		if c.InternalID != "" {
			m.lastJoin = l.now()
		}
		if m.server == nil {
			lost = append(lost, c)
		}
	}
	l.mu.Unlock()
	return l.closeRemoved(ctx, lost)
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
	}
	l.servers[s.ID] = page
	for _, m := range l.meetings {
		if m.claim.Server == s.ID {
			page.attach(m)
		}
	}
}

// RemoveServer forgets a server and closes what is claimed on it. It waits for creates of these meetings that are
// under way. After an error it can be called again.
func (l *Ledger) RemoveServer(ctx context.Context, id string) error {
	l.mu.Lock()
	if page, ok := l.servers[id]; ok {
		delete(l.servers, id)
		for _, m := range page.meetings {
			page.detach(m)
		}
	}
	var lost []store.Claim
	for _, m := range l.meetings {
		if m.claim.Server == id {
			lost = append(lost, m.claim)
		}
	}
	l.mu.Unlock()
	return l.closeRemoved(ctx, lost)
}

// enter puts a claim that is new to the ledger on its server's page. The lock is held.
func (l *Ledger) enter(c store.Claim) *meeting {
	m := &meeting{}
	l.meetings[c.MeetingKey] = m
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
	m.stay = s
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
}

// clock turns a time into seconds of the ledger's clock. A time to come, by a clock that was set back, is now.
func (l *Ledger) clock(t time.Time) float64 {
	return min(t.Sub(l.start), l.now().Sub(l.start)).Seconds()
}

// choose applies the rule to the servers of one standing. The lock is held.
func (l *Ledger) choose(own float64, standing Standing, wanted tags, avoid []string) Choice {
	c := Choice{Own: own, Draw: rand.IntN}
	now := l.clock(l.now())
	for _, s := range l.servers {
		if s.Standing == standing && wanted.match(s.Tag) && !slices.Contains(avoid, s.ID) {
			c.Offer(s.load(now))
		}
	}
	return c
}

// decide finds a server: an open one with the tag, then any that the tag falls back to, then doubtful ones. The lock is
// held.
func (l *Ledger) decide(w Wish, avoid []string) (Choice, error) {
	if len(w.Shun) > 0 {
		shun := slices.Concat(avoid, w.Shun)
		w.Shun = nil
		if c, err := l.decide(w, shun); err == nil {
			return c, nil
		}
	}
	tag := parseTags(w.Tag)
	for _, standing := range []Standing{Open, Doubtful} {
		for _, wanted := range tag.wishes() {
			if c := l.choose(w.Expected, standing, wanted, avoid); c.Best.Server != "" {
				return c, nil
			}
		}
	}
	if tag.required && l.anyTakes(avoid) {
		return Choice{}, ErrNoTag
	}
	return Choice{}, ErrNoServer
}

// anyTakes tells whether a server could take a meeting, whatever its tag.
func (l *Ledger) anyTakes(avoid []string) bool {
	for _, s := range l.servers {
		if s.Standing >= Doubtful && !slices.Contains(avoid, s.ID) {
			return true
		}
	}
	return false
}

// Expected is how many people are expected in a new meeting.
func (l *Ledger) Expected() float64 { return l.config.Default }

// Ready tells why no meeting can be created, or "": a readiness check.
func (l *Ledger) Ready() string {
	if err := l.Fault(); err != nil {
		return "the store cannot be written: " + err.Error()
	}
	return ""
}
