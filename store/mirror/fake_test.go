package mirror_test

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/bolt"
	"github.com/bbbpool/bbbpool/store/mirror"
)

// marked is a state that can be mirrored.
type marked interface {
	store.State
	mirror.Marks
}

func config(s marked, c mirror.Config) mirror.Config {
	c.Store, c.Marks = s, s
	return c
}

// fake is a store with a sequence, that can be away, and can lose what it has.
type fake struct {
	store.State

	mu       sync.Mutex
	sequence uint64
	seen     uint64
	losses   uint64
	home     uint64
	life     int
	vouched  string
	away     bool
	fenced   bool
	half     bool   // writes are done, and say that the store is away
	loading  func() // called once before rows are loaded
	dumping  func() // called once before all is read
}

func newFake(t testing.TB) *fake {
	t.Helper()
	db, err := bolt.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return &fake{State: db.State()}
}

func (f *fake) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// Close leaves it open, for the next to open it.
func (*fake) Close() error { return nil }

// reach is the way of a read to the store.
func (f *fake) reach() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.away {
		return fmt.Errorf("read: %w", store.ErrAway)
	}
	return nil
}

// write is the way of a write to the store.
func (f *fake) write(lease bool, do func() error) error {
	if err := f.reach(); err != nil {
		return err
	}
	f.mu.Lock()
	fenced, half := f.fenced && lease, f.half
	f.mu.Unlock()
	if fenced {
		return store.ErrFenced
	}
	err := do()
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil {
		f.saw()
		f.sequence++
		f.seen = f.sequence
	}
	if half {
		f.away = true
		return store.ErrAway
	}
	return err
}

func (f *fake) Sequence(context.Context) (uint64, error) {
	err := f.reach()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.saw()
	return f.sequence, err
}

func (f *fake) Raise(_ context.Context, from, to uint64) error {
	if err := f.reach(); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.sequence < from || f.sequence >= to {
		return store.ErrConflict
	}
	f.sequence = to
	return nil
}

func (f *fake) Incarnation(context.Context) (string, error) {
	err := f.reach()
	f.mu.Lock()
	defer f.mu.Unlock()
	return fmt.Sprint(f.life), err
}

func (f *fake) Vouched(context.Context) (string, error) {
	err := f.reach()
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.vouched, err
}

func (f *fake) Vouch(_ context.Context, life string) error {
	err := f.reach()
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil && f.fenced {
		err = store.ErrFenced
	}
	if err == nil {
		f.vouched = life
	}
	return err
}

func (f *fake) Home(context.Context) (uint64, error) {
	err := f.reach()
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.home, err
}

func (f *fake) Settle(_ context.Context, home uint64) error {
	f.set(func() { f.home = max(f.home, home) })
	return nil
}

// saw notices, as Redis' adapter does, that the sequence has gone back.
func (f *fake) saw() {
	if f.sequence < f.seen {
		f.losses++
	}
	f.seen = f.sequence
}

func (f *fake) Losses() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.losses
}

// saved is what the store was at a moment.
type saved struct {
	rows     []store.Row
	sequence uint64
}

func (f *fake) save(t testing.TB) saved {
	t.Helper()
	s := saved{rows: rowsOf(t, f.State)}
	f.set(func() { s.sequence = f.sequence })
	return s
}

// lose makes the store what it was; with the zero value it is empty.
func (f *fake) lose(t testing.TB, s saved) {
	t.Helper()
	ctx := context.Background()
	must(t, f.State.Wipe(ctx))
	must(t, f.State.Load(ctx, s.rows))
	f.set(func() { f.sequence = s.sequence })
}

// rowsOf are all rows of a store.
func rowsOf(t testing.TB, s store.Whole) (list []store.Row) {
	t.Helper()
	must(t, s.Dump(context.Background(), func(r store.Row) error {
		list = append(list, store.Row{Kind: r.Kind, Key: bytes.Clone(r.Key), Value: bytes.Clone(r.Value)})
		return nil
	}))
	return list
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (f *fake) CreateServer(ctx context.Context, s store.Server) error {
	return f.write(true, func() error { return f.State.CreateServer(ctx, s) })
}

func (f *fake) UpdateServer(ctx context.Context, id string, change func(*store.Server) error) (s store.Server, err error) {
	err = f.write(true, func() error { s, err = f.State.UpdateServer(ctx, id, change); return err })
	return s, err
}

func (f *fake) DeleteServer(ctx context.Context, id string) error {
	return f.write(true, func() error { return f.State.DeleteServer(ctx, id) })
}

func (f *fake) CreateTenant(ctx context.Context, x store.Tenant) (s store.Tenant, err error) {
	err = f.write(true, func() error { s, err = f.State.CreateTenant(ctx, x); return err })
	return s, err
}

func (f *fake) UpdateTenant(ctx context.Context, id string, change func(*store.Tenant) error) (s store.Tenant, err error) {
	err = f.write(true, func() error { s, err = f.State.UpdateTenant(ctx, id, change); return err })
	return s, err
}

func (f *fake) DeleteTenant(ctx context.Context, id string) error {
	return f.write(true, func() error { return f.State.DeleteTenant(ctx, id) })
}

func (f *fake) CreateClaim(ctx context.Context, c store.Claim) (s store.Claim, err error) {
	err = f.write(true, func() error { s, err = f.State.CreateClaim(ctx, c); return err })
	return s, err
}

func (f *fake) UpdateClaim(
	ctx context.Context, key store.MeetingKey, change func(*store.Claim) error,
) (s store.Claim, err error) {
	err = f.write(true, func() error { s, err = f.State.UpdateClaim(ctx, key, change); return err })
	return s, err
}

func (f *fake) DeleteClaim(ctx context.Context, c store.Claim) error {
	return f.write(true, func() error { return f.State.DeleteClaim(ctx, c) })
}

func (f *fake) AddEndings(ctx context.Context, list ...store.Ending) error {
	return f.write(true, func() error { return f.State.AddEndings(ctx, list...) })
}

func (f *fake) DeleteEnding(ctx context.Context, e store.Ending) error {
	return f.write(true, func() error { return f.State.DeleteEnding(ctx, e) })
}

func (f *fake) SpendToken(ctx context.Context, id string, now, expires time.Time) error {
	return f.write(false, func() error { return f.State.SpendToken(ctx, id, now, expires) })
}

func (f *fake) NoteUses(ctx context.Context, uses map[store.Credential]time.Time) error {
	return f.write(false, func() error { return f.State.NoteUses(ctx, uses) })
}

func (f *fake) AddWaiting(ctx context.Context, w store.Wait) error {
	return f.write(false, func() error { return f.State.AddWaiting(ctx, w) })
}

func (f *fake) DeleteWaiting(ctx context.Context, ids ...string) error {
	return f.write(false, func() error { return f.State.DeleteWaiting(ctx, ids...) })
}

func (f *fake) Waiting(ctx context.Context, limit int) ([]store.Wait, error) {
	if err := f.reach(); err != nil {
		return nil, err
	}
	return f.State.Waiting(ctx, limit)
}

func (f *fake) Dump(ctx context.Context, each func(store.Row) error) error {
	if err := f.reach(); err != nil {
		return err
	}
	f.once(&f.dumping)
	return f.State.Dump(ctx, each)
}

func (f *fake) Load(ctx context.Context, list []store.Row) error {
	f.once(&f.loading)
	return f.write(true, func() error { return f.State.Load(ctx, list) })
}

// once calls what is to be called once.
func (f *fake) once(do *func()) {
	f.mu.Lock()
	call := *do
	*do = nil
	f.mu.Unlock()
	if call != nil {
		call()
	}
}

func (f *fake) Wipe(ctx context.Context) error {
	return f.write(true, func() error { return f.State.Wipe(ctx) })
}
