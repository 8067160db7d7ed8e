package waiting_test

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/bolt"
)

// fake is an index that can be away.
type fake struct {
	store.Index

	mu    sync.Mutex
	away  bool
	half  bool // the next write is done, and says that the index is away, which it is from then on
	asked int  // how often it was asked while it was away
}

// pair opens an index and the journal of a state.
func pair(t testing.TB) (*fake, store.State) {
	t.Helper()
	db, err := bolt.Open(t.TempDir())
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return &fake{Index: db.Index()}, db.State()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (f *fake) set(away, half bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.away, f.half = away, half
}

func (f *fake) reach() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.away {
		f.asked++
		return fmt.Errorf("connect: %w", store.ErrAway)
	}
	return nil
}

func (f *fake) write(do func() error) error {
	if err := f.reach(); err != nil {
		return err
	}
	err := do()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.half {
		f.away, f.half = true, false
		return store.ErrAway
	}
	return err
}

func (f *fake) AddSession(ctx context.Context, s store.Session, along ...store.Along) error {
	return f.write(func() error { return f.Index.AddSession(ctx, s, along...) })
}

func (f *fake) AddUsage(ctx context.Context, list ...store.Usage) error {
	return f.write(func() error { return f.Index.AddUsage(ctx, list...) })
}

func (f *fake) AddAudit(ctx context.Context, a store.Audit) error {
	return f.write(func() error { return f.Index.AddAudit(ctx, a) })
}

func (f *fake) KeepEvents(ctx context.Context, server string, list []store.Event) error {
	return f.write(func() error { return f.Index.KeepEvents(ctx, server, list) })
}

func (f *fake) CreateRecording(ctx context.Context, r store.Recording) error {
	return f.write(func() error { return f.Index.CreateRecording(ctx, r) })
}

func (f *fake) AddCallbacks(ctx context.Context, list ...store.Callback) error {
	return f.write(func() error { return f.Index.AddCallbacks(ctx, list...) })
}

func (f *fake) KeepAnalysis(ctx context.Context, a store.Analysis) error {
	return f.write(func() error { return f.Index.KeepAnalysis(ctx, a) })
}

func (f *fake) Session(ctx context.Context, id string) (store.Session, error) {
	if err := f.reach(); err != nil {
		return store.Session{}, err
	}
	return f.Index.Session(ctx, id)
}

func (f *fake) Recordings(ctx context.Context, filter store.RecordingFilter) ([]store.Recording, int, error) {
	if err := f.reach(); err != nil {
		return nil, 0, err
	}
	return f.Index.Recordings(ctx, filter)
}

// rowsOf are all rows of an index.
func rowsOf(t testing.TB, s store.Whole) (list []string) {
	t.Helper()
	must(t, s.Dump(context.Background(), func(r store.Row) error {
		list = append(list, fmt.Sprintf("%s %q %q", r.Kind, r.Key, bytes.Clone(r.Value)))
		return nil
	}))
	return list
}
