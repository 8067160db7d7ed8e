package placement_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/bolt"
)

// clock is a clock that a test moves.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

var errDisk = errors.New("no space left on device")

// claims and sessions have names that clash with none of their methods.
type (
	claims   interface{ placement.State }
	sessions interface{ store.Sessions }
)

// faulty is a store in which chosen calls fail, or wait.
type faulty struct {
	claims
	sessions
	mu     sync.Mutex
	hook   func(call string) error
	broken []string // calls that fail when they are done
	mixed  []string // sessions that were remembered with the claim of another stay
}

func (f *faulty) set(hook func(call string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hook = hook
}

// fail lets the named calls fail from now on; none lets all succeed. A "DeleteClaim done" or "UpdateClaim done" fails when it is
// done, as where a connection breaks.
func (f *faulty) fail(calls ...string) {
	f.set(func(call string) error {
		if slices.Contains(calls, call) {
			return errDisk
		}
		return nil
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	f.broken = calls
}

func (f *faulty) after(call string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if slices.Contains(f.broken, call+" done") {
		return errDisk
	}
	return nil
}

func (f *faulty) before(call string) error {
	f.mu.Lock()
	hook := f.hook
	f.mu.Unlock()
	if hook == nil {
		return nil
	}
	return hook(call)
}

func (f *faulty) CreateClaim(ctx context.Context, c store.Claim) (store.Claim, error) {
	if err := f.before("CreateClaim"); err != nil {
		return store.Claim{}, err
	}
	return f.claims.CreateClaim(ctx, c)
}

func (f *faulty) UpdateClaim(
	ctx context.Context, key store.MeetingKey, change func(*store.Claim) error,
) (store.Claim, error) {
	if err := f.before("UpdateClaim"); err != nil {
		return store.Claim{}, err
	}
	c, err := f.claims.UpdateClaim(ctx, key, change)
	return c, errors.Join(err, f.after("UpdateClaim"))
}

func (f *faulty) DeleteClaim(ctx context.Context, c store.Claim) error {
	if err := f.before("DeleteClaim"); err != nil {
		return err
	}
	return errors.Join(f.claims.DeleteClaim(ctx, c), f.after("DeleteClaim"))
}

func (f *faulty) AddEndings(ctx context.Context, list ...store.Ending) error {
	if err := f.before("AddEndings"); err != nil {
		return err
	}
	return f.claims.AddEndings(ctx, list...)
}

func (f *faulty) DeleteEnding(ctx context.Context, e store.Ending) error {
	if err := f.before("DeleteEnding"); err != nil {
		return err
	}
	return f.claims.DeleteEnding(ctx, e)
}

func (f *faulty) AddSession(ctx context.Context, s store.Session) error {
	if err := f.before("AddSession"); err != nil {
		return err
	}
	return f.sessions.AddSession(ctx, s)
}

func (f *faulty) former(ctx context.Context, internalID string) (store.Session, error) {
	if err := f.before("Session"); err != nil {
		return store.Session{}, err
	}
	return f.Session(ctx, internalID)
}

// Remember adds the session. A claim that is not that of the same stay is found out by check.
func (f *faulty) Remember(ctx context.Context, c store.Claim, s store.Session) error {
	id, _, _ := strings.Cut(s.ID, "~") // what came back after it was told as over has more
	stay := store.Session{
		ID: s.ID, Tenant: c.Tenant, Server: c.Server, Start: c.Placed, End: s.End, Peak: s.Peak, Joins: s.Joins,
		Reason: s.Reason, Recorded: c.Recorded, Hint: c.Hint, Why: c.Why, Meeting: s.Meeting, Signer: c.Signer, Back: c.Back,
	}
	if stay != s || c.MeetingID == "" || c.InternalID != id {
		f.mu.Lock()
		f.mixed = append(f.mixed, fmt.Sprintf("session %+v with claim %+v", s, c))
		f.mu.Unlock()
	}
	return f.AddSession(ctx, s)
}

// pool is a ledger over a real store, with a clock to move.
type pool struct {
	*placement.Ledger
	t     testing.TB
	clock *clock
	store *faulty

	made   int // meetings that servers have made
	config placement.Config
	follow func(placement.Change)
}

var monday = time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)

// newPool returns a ledger with open servers of those names.
func newPool(t testing.TB, servers ...string) *pool {
	t.Helper()
	db, err := bolt.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	p := &pool{t: t, clock: &clock{t: monday}, store: &faulty{claims: db.State(), sessions: db.Index()}}
	p.restart(servers...)
	return p
}

// restart forgets everything that is not in the store.
func (p *pool) restart(servers ...string) {
	p.t.Helper()
	p.open(servers...)
	p.stand(placement.Open, servers...)
}

// open opens a ledger over the store, in which these servers are not seen yet.
func (p *pool) open(servers ...string) {
	p.t.Helper()
	ledger, err := placement.OpenLedger(p.t.Context(), p.parts(servers...))
	p.must(err)
	p.Ledger = ledger
}

func (p *pool) parts(servers ...string) placement.Parts {
	return placement.Parts{
		Config: p.config, State: p.store, Remember: p.store.Remember, Servers: servers, Now: p.clock.now, Follow: p.follow,
		Former: p.store.former,
	}
}

func (p *pool) stand(standing placement.Standing, servers ...string) {
	for _, id := range servers {
		p.SetServer(placement.Server{ID: id, Weight: 1, Standing: standing})
	}
}

func (p *pool) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func key(id string) store.MeetingKey { return store.MeetingKey{Tenant: "t", MeetingID: id} }

// begin begins a create and ends it with the test at the latest.
func (p *pool) begin(id string) *placement.Creation {
	p.t.Helper()
	c, err := p.Begin(p.t.Context(), key(id))
	p.must(err)
	return c
}

var fifteen = placement.Wish{}

func (p *pool) place(c *placement.Creation, avoid ...string) placement.Placement {
	p.t.Helper()
	place, err := c.Place(p.t.Context(), fifteen, avoid)
	p.must(err)
	return place
}

// create creates a meeting on the server that the rule chooses, which gives it an internal ID made of both names.
func (p *pool) create(id string, avoid ...string) store.Claim {
	p.t.Helper()
	c := p.begin(id)
	defer c.End()
	claim := p.place(c, avoid...).Claim
	claim.InternalID, claim.CreateTime = id+"@"+claim.Server, p.clock.now().UnixMilli()
	p.must(c.Confirm(p.t.Context(), placement.Made{InternalID: claim.InternalID, CreateTime: claim.CreateTime}))
	return claim
}

// sees is a meeting as a poll of its server sees it.
func sees(c store.Claim, people int) placement.Sighting {
	return placement.Sighting{Key: c.MeetingKey, InternalID: c.InternalID, CreateTime: c.CreateTime, People: people}
}

func ended(s placement.Sighting) placement.Sighting {
	s.Ended = true
	return s
}

// poll polls a server ten seconds later.
func (p *pool) poll(server string, meetings ...placement.Sighting) (strays []placement.Sighting) {
	p.t.Helper()
	p.clock.add(10 * time.Second)
	return p.pollSince(p.clock.now(), server, meetings...)
}

// pollSince ends a poll that began at that time.
func (p *pool) pollSince(began time.Time, server string, meetings ...placement.Sighting) []placement.Sighting {
	p.t.Helper()
	p.BeginPoll(server)
	found, err := p.Reconcile(p.t.Context(), placement.Poll{
		Server: server, Began: began, Complete: true, Meetings: meetings,
	})
	p.must(err)
	return found.Strays
}

// where is the server that a meeting is claimed on, or "".
func (p *pool) where(id string) string {
	found, err := p.Peek(key(id))
	if err != nil {
		return ""
	}
	return found.Claim.Server
}

// history returns the sessions as "ID server reason peak joins".
func (p *pool) history() (list []string) {
	p.t.Helper()
	sessions, err := p.store.SessionsSince(p.t.Context(), time.Time{}, "", 1000)
	p.must(err)
	for _, s := range sessions {
		list = append(list, fmt.Sprintf("%s %s %s %d %d", s.ID, s.Server, s.Reason, s.Peak, s.Joins))
	}
	return list
}

// check compares memory with the store, and memory with itself.
func (p *pool) check() {
	p.t.Helper()
	stored, err := p.store.Claims(context.Background())
	p.must(err)
	slices.SortFunc(stored, func(a, b store.Claim) int { return cmp.Compare(a.MeetingID, b.MeetingID) })
	var held []store.Claim
	for _, m := range p.Meetings() {
		held = append(held, m.Claim)
	}
	equal(p.t, "claims in memory, against the store", held, stored)
	p.store.mu.Lock()
	defer p.store.mu.Unlock()
	equal(p.t, "sessions with another claim", p.store.mixed, nil)
	p.must(p.Check())
}

func equal[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("%s: (-want +got)\n%s", what, diff)
	}
}

func wantErr(t testing.TB, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: got error %v, want %v", what, got, want)
	}
}
