package lease_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/instances/lease"
	"github.com/bbbpool/bbbpool/store"
)

const leaseTime = 3 * time.Second

// shared is a store that several keepers share, as the contract of [store.Leases] has it.
type shared struct {
	mu    sync.Mutex
	lease store.Lease
	away  map[string]bool // holders that cannot reach it
}

// client is how one keeper sees it.
type client struct {
	*shared

	id string
}

func (c client) reach() error {
	if c.away[c.id] {
		return store.ErrAway
	}
	return nil
}

func (c client) Lease(context.Context) (store.Lease, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lease, c.reach()
}

func (c client) TakeLease(_ context.Context, was, mine store.Lease) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.reach(); err != nil {
		return err
	}
	if c.lease != was || mine.Epoch <= was.Epoch {
		return store.ErrConflict
	}
	c.lease = mine
	return nil
}

func (c client) RenewLease(_ context.Context, mine store.Lease) (store.Lease, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.reach(); err != nil {
		return store.Lease{}, err
	}
	if c.lease.Holder != mine.Holder || c.lease.Epoch != mine.Epoch {
		return store.Lease{}, store.ErrFenced
	}
	c.lease.Beat++
	return c.lease, nil
}

func (c client) DropLease(_ context.Context, mine store.Lease) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lease.Holder == mine.Holder && c.lease.Epoch == mine.Epoch {
		c.lease = store.Lease{Epoch: mine.Epoch}
	}
	return c.reach()
}

// world is some keepers on one store, and a clock that they share.
type world struct {
	t      *testing.T
	shared *shared
	now    time.Time
	terms  sync.Map // by holder: the context of its last term
}

func newWorld(t *testing.T) *world {
	return &world{t: t, shared: &shared{away: map[string]bool{}}, now: time.Date(2026, 3, 1, 8, 15, 0, 0, time.UTC)}
}

// keeper makes one whose terms are ready at once.
func (w *world) keeper(id string) *lease.Keeper {
	k := &lease.Keeper{
		ID: id, Address: id + ":3001", Dir: w.t.TempDir(), Leases: client{w.shared, id}, Time: leaseTime,
		Now: func() time.Time { return w.now },
	}
	k.Term = func(ctx context.Context, t lease.Tenure) error {
		w.terms.Store(id, ctx)
		t.Ready()
		<-ctx.Done()
		return nil
	}
	if err := k.Open(); err != nil {
		w.t.Fatal(err)
	}
	return k
}

// steps has keepers make a step every tenth of a second, for a time.
func (w *world) steps(d time.Duration, keepers ...*lease.Keeper) {
	for end := w.now.Add(d); w.now.Before(end); w.now = w.now.Add(100 * time.Millisecond) {
		for _, k := range keepers {
			k.Step(w.t.Context())
		}
	}
}

// leads waits until a keeper leads: its term is ready in a goroutine of its own.
func (w *world) leads(k *lease.Keeper) store.Lease {
	w.t.Helper()
	for {
		l, changed := k.Leader()
		if k.Leading() {
			return l
		}
		if _, _, held := k.Held(); !held {
			w.t.Fatalf("%s has no lease", k.ID)
		}
		<-changed
	}
}

// until steps until a keeper has begun so many terms, without that the clock moves: the one before has to end first, in its
// goroutine.
func (w *world) until(k *lease.Keeper, terms uint64) {
	for ; k.Terms() < terms; runtime.Gosched() {
		k.Step(w.t.Context())
	}
}

// take has a keeper take a lease that nobody has ever had.
func (w *world) take(k *lease.Keeper) store.Lease {
	w.t.Helper()
	w.steps(leaseTime+400*time.Millisecond, k)
	return w.leads(k)
}

// What has vanished counts as held for one lease time, also for whoever has never seen it.
func TestKeeper_Vanished(t *testing.T) {
	w := newWorld(t)
	a := w.keeper("a")
	w.steps(leaseTime, a)
	if _, _, held := a.Held(); held {
		t.Fatal("it took a lease before a lease time was over")
	}
	w.steps(400*time.Millisecond, a)
	first := w.leads(a)
	if now := uint64(w.now.UnixMilli()); first.Epoch > now || first.Epoch < now-1000 {
		t.Errorf("epoch %d at %d", first.Epoch, now)
	}

	b := w.keeper("b")
	w.steps(time.Second, a, b)
	w.shared.lease = store.Lease{}
	w.steps(200*time.Millisecond, b)
	w.steps(600*time.Millisecond, a, b)
	w.until(a, 2) // its holder takes it again at once, the other does not
	w.steps(time.Second, a, b)
	if l := w.leads(a); l.Epoch <= first.Epoch || b.Leading() {
		t.Errorf("after it vanished: %+v, and the other leads: %v", l, b.Leading())
	}
}

// A store that was emptied goes to whoever knows what it had, be that there for a moment only; who knows nothing takes it where
// nobody else does.
func TestKeeper_Blank(t *testing.T) {
	for _, alone := range []bool{false, true} {
		w := newWorld(t)
		fresh, knows := w.keeper("fresh"), w.keeper("knows")
		fresh.Blank = func() bool { return true }
		w.steps(leaseTime/2, fresh)
		others := []*lease.Keeper{fresh, knows}
		if alone {
			others = others[:1]
		}
		w.steps(leaseTime+leaseTime/4, others...) // the newcomer has waited for more than a lease time, the other for one and more
		if _, _, held := fresh.Held(); held {
			t.Error("who knows nothing took the lease of what has vanished as soon as anybody may")
		}
		if !alone {
			w.leads(knows)
		}
		w.steps(2*leaseTime, others...)
		if alone {
			w.leads(fresh)
		} else if !knows.Leading() || fresh.Leading() {
			t.Error("who knows nothing leads")
		}
	}
}

// A lease whose beat stands still is taken after one lease time, and not before; the one that had it has stopped by then.
func TestKeeper_Takeover(t *testing.T) {
	w := newWorld(t)
	a, b := w.keeper("a"), w.keeper("b")
	first := w.take(a)
	w.steps(time.Second, a, b)
	if l, _ := b.Leader(); l.Holder != "a" || l.Address != "a:3001" {
		t.Errorf("the leader of the other is %+v", l)
	}
	w.shared.away["a"] = true
	for !b.Leading() {
		w.steps(100*time.Millisecond, a, b)
		if _, _, held := b.Held(); held {
			w.leads(b)
		}
		if _, _, held := a.Held(); held && b.Leading() {
			t.Fatal("both lead")
		}
	}
	if l := w.leads(b); l.Epoch <= first.Epoch {
		t.Errorf("epoch %d after %d", l.Epoch, first.Epoch)
	}
	ctx, _ := w.terms.Load("a")
	if ctx.(context.Context).Err() == nil {
		t.Error("what ran at the old leader goes on")
	}
	w.shared.away["a"] = false
	w.steps(leaseTime*2, a, b)
	if l, _ := a.Leader(); l.Holder != "b" || a.Leading() {
		t.Errorf("the old leader follows %+v", l)
	}
}

// A leader that was stopped knows by its clock that it is none any more, before it has asked anybody.
func TestKeeper_Stopped(t *testing.T) {
	w := newWorld(t)
	a := w.keeper("a")
	first := w.take(a)
	w.now = w.now.Add(leaseTime)
	if l, _ := a.Leader(); a.Leading() || l.Holder != "" {
		t.Fatal("it leads on")
	}
	// Nobody was there to take over: its next term has an epoch of its own.
	w.until(a, 2)
	if l := w.leads(a); l.Epoch <= first.Epoch {
		t.Errorf("epoch %d after %d", l.Epoch, first.Epoch)
	}
}

// Looks that fail are none: a beat that was not seen to move meanwhile has to stand still for one more lease time.
func TestKeeper_Gap(t *testing.T) {
	w := newWorld(t)
	a, b := w.keeper("a"), w.keeper("b")
	w.take(a)
	w.steps(time.Second, a, b)
	w.shared.away["b"] = true
	w.steps(2*leaseTime, b)
	w.shared.away["b"] = false
	w.steps(leaseTime-300*time.Millisecond, b)
	if _, _, held := b.Held(); held {
		t.Error("it took a lease that it has not watched")
	}
}

// A lease that was given back is taken at once, and whoever gave it back leaves it to others.
func TestKeeper_StepDown(t *testing.T) {
	w := newWorld(t)
	a, b := w.keeper("a"), w.keeper("b")
	w.take(a)
	w.steps(time.Second, a, b)
	told, settled := false, false
	a.Told = func() { told = true }
	err := a.StepDown(t.Context(), func(context.Context) {
		if settled = true; a.Leading() {
			t.Error("something new may be decided while it waits for what is under way")
		}
		if _, _, held := a.Held(); !held {
			t.Error("what is under way cannot be written")
		}
	})
	if err != nil || !told || !settled {
		t.Fatalf("%v, told %v, settled %v", err, told, settled)
	}
	a.Step(t.Context())
	a.Step(t.Context())
	if _, _, held := a.Held(); held {
		t.Error("it took the lease back")
	}
	b.Step(t.Context())
	w.leads(b)
	if err := a.StepDown(t.Context(), nil); err == nil {
		t.Error("it stepped down twice")
	}
	w.steps(time.Second, a)
	if l, _ := a.Leader(); l.Holder != "b" {
		t.Errorf("it follows %+v", l)
	}
}

// A term that does not end, as with work on a disk that hangs, keeps nobody from leading: its lease is given back all the same.
func TestKeeper_StepDownHangs(t *testing.T) {
	w := newWorld(t)
	a, b := w.keeper("a"), w.keeper("b")
	hangs := make(chan struct{})
	defer close(hangs)
	a.Term = func(_ context.Context, t lease.Tenure) error {
		t.Ready()
		<-hangs
		return nil
	}
	w.take(a)
	w.steps(time.Second, a, b)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := a.StepDown(ctx, nil); err != nil {
		t.Fatal(err)
	}
	if _, _, held := a.Held(); held {
		t.Error("what it does is still written")
	}
	b.Step(t.Context())
	w.leads(b)
	w.steps(time.Second, a, b)
	if _, _, held := b.Held(); !held || a.Leading() {
		t.Error("the next one does not lead")
	}
}

// A term that fails is over: others have time to take the lease, and where there are none it is tried again.
func TestKeeper_TermFails(t *testing.T) {
	w := newWorld(t)
	a := w.keeper("a")
	ended := make(chan struct{}, 8)
	a.Term = func(context.Context, lease.Tenure) error { ended <- struct{}{}; return errors.New("no disk") }
	w.steps(leaseTime+400*time.Millisecond, a)
	<-ended
	for w.shared.lease.Holder != "" {
		w.steps(100*time.Millisecond, a)
	}
	w.steps(leaseTime-200*time.Millisecond, a)
	if w.shared.lease.Holder != "" || len(ended) > 0 {
		t.Error("it did not leave the lease to others")
	}
	w.steps(500*time.Millisecond, a)
	<-ended
}

// Epochs only go up, whatever clock and store say, and are written down before they are used.
func TestKeeper_Epoch(t *testing.T) {
	w := newWorld(t)
	a := w.keeper("a")
	first := w.take(a)
	kept, err := os.ReadFile(filepath.Join(a.Dir, "epoch"))
	if err != nil || len(kept) < 10 {
		t.Fatalf("%q: %v", kept, err)
	}
	w.now = w.now.AddDate(-10, 0, 0)
	w.shared.lease = store.Lease{}
	b := w.keeper("b")
	b.Dir = a.Dir
	if err := b.Open(); err != nil {
		t.Fatal(err)
	}
	if l := w.take(b); l.Epoch <= first.Epoch {
		t.Errorf("epoch %d after %d", l.Epoch, first.Epoch)
	}
	c := w.keeper("c")
	c.Seen(first.Epoch + 1_000_000_000_000)
	c.Step(t.Context())
	if l, _ := c.Leader(); l.Holder != "" {
		t.Errorf("news of a later leader has come, and it follows %+v", l)
	}
}

// What is no epoch is not taken for one, nor is one that leaves no room for another.
func TestKeeper_EpochStrange(t *testing.T) {
	w := newWorld(t)
	for _, text := range []string{"", "x", "-1", "18446744073709551615"} {
		a := w.keeper("a")
		if err := os.WriteFile(filepath.Join(a.Dir, "epoch"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := a.Open(); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
	w.shared.lease = store.Lease{Epoch: 1 << 60}
	a := w.keeper("a")
	w.steps(2*leaseTime, a)
	if a.Away() == nil || a.Leading() {
		t.Error("it went on from an epoch that is too large")
	}
}

// Run takes, renews, and gives the lease back at its end.
func TestKeeper_Run(t *testing.T) {
	s := &shared{lease: store.Lease{Epoch: 1}}
	a := &lease.Keeper{ID: "a", Leases: client{s, "a"}, Time: 50 * time.Millisecond}
	renewed := make(chan struct{})
	a.Term = func(ctx context.Context, t lease.Tenure) error {
		first, _, _ := a.Held()
		t.Ready()
		for ctx.Err() == nil {
			if until, _, ok := a.Held(); ok && until.After(first) {
				close(renewed)
				<-ctx.Done()
			}
			select {
			case <-ctx.Done():
			case <-time.After(time.Millisecond):
			}
		}
		return nil
	}
	if err := a.Open(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- a.Run(ctx) }()
	<-renewed
	cancel()
	if err := <-done; err != nil || s.lease.Holder != "" || s.lease.Epoch == 0 {
		t.Errorf("%v, %+v", err, s.lease)
	}
}

// Who is alone goes on while the store does not answer, and leads no more once it says that another has the lease.
func TestKeeper_Alone(t *testing.T) {
	w := newWorld(t)
	a := w.keeper("a")
	alone := true
	a.Alone = func() bool { return alone }
	first := w.take(a)
	w.shared.away["a"] = true
	w.steps(3*leaseTime, a)
	if l := w.leads(a); l.Epoch != first.Epoch {
		t.Errorf("epoch %d after %d", l.Epoch, first.Epoch)
	}
	w.shared.away["a"] = false
	w.shared.lease = store.Lease{Holder: "b", Epoch: first.Epoch + 1}
	w.steps(time.Second, a)
	if a.Leading() {
		t.Error("another has the lease, and it leads on")
	}

	b := w.keeper("b")
	b.Alone = a.Alone
	w.shared.lease = store.Lease{Epoch: first.Epoch + 1}
	w.take(b)
	w.now = w.now.Add(2 * leaseTime) // it was stopped: who knows what happened meanwhile
	if b.Leading() {
		t.Error("it was stopped for two lease times, and leads on")
	}
	alone = false
}
