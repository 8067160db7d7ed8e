package placement_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/placement/book"
	"github.com/bbbpool/bbbpool/store"
)

// lease is who may write claims and endings. Others are refused by the store, as by that of a pool with several instances.
type lease struct{ holder int }

// fenced is the store as one instance sees it.
type fenced struct {
	*faulty
	lease *lease
	self  int
}

func (f fenced) may() error {
	if f.lease.holder != f.self {
		return fmt.Errorf("write: %w", store.ErrFenced)
	}
	return nil
}

func (f fenced) CreateClaim(ctx context.Context, c store.Claim) (store.Claim, error) {
	if err := f.may(); err != nil {
		return store.Claim{}, err
	}
	return f.faulty.CreateClaim(ctx, c)
}

func (f fenced) UpdateClaim(ctx context.Context, k store.MeetingKey, change func(*store.Claim) error) (store.Claim, error) {
	if err := f.may(); err != nil {
		return store.Claim{}, err
	}
	return f.faulty.UpdateClaim(ctx, k, change)
}

func (f fenced) DeleteClaim(ctx context.Context, c store.Claim) error {
	return errors.Join(f.may(), or(f.may() == nil, func() error { return f.faulty.DeleteClaim(ctx, c) }))
}

func (f fenced) AddEndings(ctx context.Context, list ...store.Ending) error {
	return errors.Join(f.may(), or(f.may() == nil, func() error { return f.faulty.AddEndings(ctx, list...) }))
}

func (f fenced) DeleteEnding(ctx context.Context, e store.Ending) error {
	return errors.Join(f.may(), or(f.may() == nil, func() error { return f.faulty.DeleteEnding(ctx, e) }))
}

func or(do bool, f func() error) error {
	if do {
		return f()
	}
	return nil
}

// instance is a ledger of one of several processes, with what is on its way to it and from it.
type instance struct {
	*placement.Ledger
	self    int
	told    [][]byte // by the leader, and not heard yet
	first   bool     // the next one begins a stream
	reports [][]byte // not taken yet
	stop    func()
}

// instances are several over one store.
type instances struct {
	*pool
	lease   *lease
	leader  *instance
	others  []*instance
	started int
	sent    int // joins that were told to the accounts
}

// newInstances lets so many instances run over the store of a pool, the first of which leads.
func newInstances(p *pool, n int, servers ...string) *instances {
	all := &instances{pool: p, lease: &lease{}}
	all.leader = all.start(false, servers...)
	p.Ledger = all.leader.Ledger
	for range n - 1 {
		all.join()
	}
	return all
}

// start starts an instance. Whoever does not follow leads from the start.
func (a *instances) start(follows bool, servers ...string) *instance {
	a.t.Helper()
	a.started++
	i := &instance{self: a.started}
	if !follows {
		a.lease.holder = i.self
	}
	parts := a.parts(servers...)
	parts.State, parts.Follows, parts.Follow = fenced{a.store, a.lease, i.self}, follows, nil
	parts.History, parts.Offline = a.store.sessions.(store.Index), true
	parts.Sent = func(string) { a.sent++ }
	var err error
	i.Ledger, err = placement.OpenLedger(a.t.Context(), parts)
	a.must(err)
	i.Report = func(frame []byte) { i.reports = append(i.reports, frame) }
	return i
}

// join lets another instance follow.
func (a *instances) join() *instance {
	i := a.start(true)
	a.others = append(a.others, i)
	a.subscribe(i)
	return i
}

// subscribe has the leader tell an instance of everything.
func (a *instances) subscribe(i *instance) {
	if i.stop != nil {
		i.stop() // whoever led before may not know yet that he does no more
	}
	i.told, i.first = nil, true
	i.stop = a.leader.Tell(func(frame []byte) { i.told = append(i.told, frame) })
}

// hear lets an instance hear so many frames.
func (a *instances) hear(i *instance, n int) {
	a.t.Helper()
	for range min(n, len(i.told)) {
		frame := i.told[0]
		i.told = i.told[1:]
		a.must(i.Hear(frame, i.first))
		i.first = false
	}
}

// report lets the leader take what an instance has reported.
func (a *instances) report(i *instance) {
	a.t.Helper()
	for _, frame := range i.reports {
		a.must(a.leader.Take(frame))
	}
	i.reports = nil
}

// settle lets everything arrive.
func (a *instances) settle() {
	a.t.Helper()
	for range 2 { // what is heard may lead to reports
		for _, i := range a.others {
			a.hear(i, len(i.told))
			a.report(i)
		}
	}
	for _, i := range a.others {
		a.hear(i, len(i.told))
	}
}

// lead has one of the others lead, and returns the one that did. What that has not got through is lost.
func (a *instances) lead(next *instance) (before *instance) {
	a.t.Helper()
	before = a.leader
	a.others = slices.DeleteFunc(a.others, func(i *instance) bool { return i == next })
	a.lease.holder, a.leader, a.Ledger = next.self, next, next.Ledger
	for {
		if err := next.Lead(a.t.Context()); err == nil || !errors.Is(err, errDisk) {
			a.must(err)
			break
		}
	}
	for _, i := range a.others {
		a.subscribe(i)
	}
	return before
}

// Whatever becomes of instances on a day, also when the store fails: the next one that leads has every claim that the store
// has and no other, nothing is left under way, and when everything has arrived those that follow answer every question as
// the one that leads does. What comes back of the one before writes nothing.
func TestLedger_Roles(t *testing.T) {
	var meetings []store.MeetingKey
	for i := range 9 {
		id := fmt.Sprint("m", i)
		meetings = append(meetings, key(id), store.MeetingKey{Tenant: "u", MeetingID: id})
	}
	for seed := range uint64(3) {
		d := newDay(t, seed)
		d.steady = true // or what had faded would count again
		all := newInstances(d.pool, 3, d.servers...)
		draw := rand.New(rand.NewPCG(seed, 13))
		for _, s := range d.servers {
			d.SetServer(placement.Server{ID: s, Weight: 1, Standing: placement.Open, Enabled: true})
		}
		for step := 1; step <= 250 && !t.Failed(); step++ {
			d.SetDraw(d.draw.IntN)
			d.step(t.Context())
			for _, i := range all.others {
				all.hear(i, draw.IntN(8)*draw.IntN(60))
				_ = i.Admit(d.key(), placement.Person(draw.IntN(9)), store.Limits{People: 100})
				if draw.IntN(3) == 0 {
					all.report(i)
				}
			}
			if draw.IntN(25) == 0 {
				d.replaceLeader(all, draw)
			}
			if step%10 == 0 {
				all.settle()
				want := ask(d.pool, d.Book(), d.servers, meetings)
				for _, i := range all.others {
					equal(t, fmt.Sprintf("seed %d, step %d", seed, step), ask(d.pool, i.Book(), d.servers, meetings), want)
					d.must(i.Book().Recount(d.clock.now()))
				}
				d.claimed()
			}
		}
	}
}

// replaceLeader has another instance lead, and the one before go on with what it was at, in vain.
func (d *day) replaceLeader(all *instances, draw *rand.Rand) {
	d.t.Helper()
	next := all.others[draw.IntN(len(all.others))]
	if !next.Book().Record().Recalled() { // it would have to read the history first
		all.hear(next, len(next.told))
	}
	before := all.lead(next)
	d.claimed()
	d.must(next.Check())
	for k, c := range d.underWay {
		if draw.IntN(2) == 0 {
			before.Follow()
		}
		if _, err := c.Place(d.t.Context(), fifteen, nil); err == nil { // the meeting is known, and nothing had to be written
			if err := c.Confirm(d.t.Context(), placement.Made{InternalID: "late"}); err == nil {
				d.t.Errorf("a leader that has lost the lease has confirmed %v", k)
			}
		}
		_ = c.GiveUp(d.t.Context())
		c.End()
	}
	clear(d.underWay)
	d.claimed()
	before.Follow()
	wantErr(d.t, "a create", func() error { _, err := before.Begin(d.t.Context(), key("m0")); return err }(), placement.ErrFollower)
	all.others = append(all.others, before)
	all.subscribe(before)
}

// Those that wait for their turn when a term ends are told at once, and so are all that come later. Where the meeting is going
// to be is known to the next leader alone.
func TestLedger_Follow(t *testing.T) {
	bubble(t, func(t *testing.T, p *pool) {
		all := newInstances(p, 2, "a", "b")
		p.stand(placement.Open, "a", "b")
		there := p.create("there")
		c := p.begin("m")
		place := p.place(c)
		all.settle()
		other := all.others[0]
		_, err := other.Find(t.Context(), key("m"), time.Hour)
		wantErr(t, "a join at the other one", err, placement.ErrUnderWay)
		_, err = other.Find(t.Context(), key("n"), time.Hour)
		wantErr(t, "a join to what nobody knows", err, placement.ErrUnknown)
		found, err := other.Find(t.Context(), key("there"), time.Hour)
		p.must(err)
		equal(t, "where the other one finds it", found.Claim, there)
		waiting := make(chan error, 2)
		go func() { _, err := p.Begin(t.Context(), key("m")); waiting <- err }()
		go func() { _, err := p.Find(t.Context(), key("m"), time.Hour); waiting <- err }()
		synctest.Wait()
		all.leader.Follow()
		synctest.Wait()
		for range 2 {
			if err := <-waiting; !errors.Is(err, placement.ErrFollower) && !errors.Is(err, placement.ErrUnderWay) {
				t.Errorf("what waited: %v", err)
			}
		}
		wantErr(t, "the create", c.Confirm(t.Context(), placement.Made{InternalID: "i"}), placement.ErrFollower)
		wantErr(t, "giving it up", c.GiveUp(t.Context()), placement.ErrFollower)
		c.End()
		follows(t, all.leader.Ledger, there)
		before := all.lead(other)
		found, err = other.Find(t.Context(), key("m"), time.Hour)
		p.must(err)
		equal(t, "where the create had put it", found.Claim.Server, place.Claim.Server)
		if err := other.Hear([]byte("{}"), false); err == nil {
			t.Error("a leader hears of another one")
		}
		all.others = append(all.others, before)
		all.subscribe(before)
		all.settle()
		p.check()
		equal(t, "meetings of the one before", before.Count(), 2)
	})
}

// follows checks that a ledger decides nothing.
func follows(t *testing.T, l *placement.Ledger, c store.Claim) {
	t.Helper()
	_, begin := l.Begin(t.Context(), c.MeetingKey)
	_, end := l.BeginEnd(t.Context(), c.MeetingKey)
	_, closing := l.Close(t.Context(), c, placement.Ended)
	_, poll := l.Reconcile(t.Context(), placement.Poll{Server: c.Server, Complete: true})
	for what, err := range map[string]error{
		"create": begin, "end": end, "close": closing, "poll": poll, "remove": l.RemoveServer(t.Context(), c.Server),
		"run": l.Run(t.Context()), "take": l.Take(frameOf(t, placement.JoinSent{Key: c.MeetingKey, From: 1, Serial: 1})),
	} {
		wantErr(t, what, err, placement.ErrFollower)
	}
	if l.TryEnd(c.MeetingKey) != nil {
		t.Error("an end has begun")
	}
	l.SetServer(placement.Server{ID: "new"})
	equal(t, "servers", len(l.Capacity().Servers), 2)
}

func frameOf(t *testing.T, c placement.Change) []byte {
	t.Helper()
	frames, err := book.Encode(c)
	if err != nil || len(frames) != 1 {
		t.Fatal(len(frames), err)
	}
	return frames[0]
}
