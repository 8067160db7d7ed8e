package callbacks_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/callbacks"
	"github.com/bbbpool/bbbpool/api/callbacks/guard"
	"github.com/bbbpool/bbbpool/api/callbacks/outbox"
	"github.com/bbbpool/bbbpool/store"
)

// fresh is a store that finds nothing to tell before somebody has nudged: the look that comes by itself is too late.
type fresh struct {
	store.Index

	nudged chan struct{} // closed then
}

func (f fresh) Callbacks(ctx context.Context, filter store.CallbackFilter) ([]store.Callback, error) {
	select {
	case <-f.nudged:
		return f.Index.Callbacks(ctx, filter)
	default:
		return nil, nil
	}
}

// The outbox looks as soon as a recording is committed whose front end is to be told, when it is there, and only then.
func TestNudging(t *testing.T) {
	got := make(chan string, 1)
	front := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- r.URL.Path }))
	defer front.Close()
	nudged, rows := make(chan struct{}), make(chan int, 1)
	var box *outbox.Outbox
	k := open(t, func(c *callbacks.Callbacks) {
		c.Nudge = func() {
			list, err := c.Index.Callbacks(t.Context(), store.CallbackFilter{})
			if err != nil {
				t.Error(err)
			}
			rows <- len(list)
			close(nudged) // which panics where it is nudged twice for one
			box.Nudge()
		}
	})
	box = run(t, fresh{k.index, nudged})
	index, job := k.Nudging(k.index), store.Job{ID: "a.tar", State: store.JobPlacing}
	came := func(r *store.Recording) error {
		r.Tenant, r.State, r.Formats = "a", store.Published, []store.Format{{Type: "video"}}
		return nil
	}
	s := over(asked(), "ended")
	s.Back = &store.Back{Meta: []store.MetaField{{Name: store.MetaReady, Value: front.URL + "/ready"}}}
	tell := func(r store.Recording) []store.Callback { return k.Ready(r, s, false) }
	refused := errors.New("refused")
	_, failed := index.Commit(t.Context(), job, []string{"i-1"}, func(*store.Recording) error { return refused }, tell)
	_, silent := index.Commit(t.Context(), job, []string{"i-0"}, came)
	if !errors.Is(failed, refused) || silent != nil || index.AddCallbacks(t.Context()) != nil || len(rows) > 0 {
		t.Fatalf("%v, %v, nudged %d times", failed, silent, len(rows))
	}
	if _, err := index.Commit(t.Context(), job, []string{"i-1"}, came, tell); err != nil {
		t.Fatal(err)
	}
	if n, path := <-rows, <-got; n != 1 || path != "/ready" {
		t.Errorf("%d rows at the nudge, told %s", n, path)
	}
}

// run runs an outbox, at a time at which what was written is due.
func run(t *testing.T, db store.Callbacks) *outbox.Outbox {
	t.Helper()
	allowed, err := guard.Allow([]string{"127.0.0.0/8"})
	if err != nil {
		t.Fatal(err)
	}
	parts := outbox.Parts{
		Config: outbox.Config{RetryFor: time.Hour, Keep: time.Hour, Max: 100, MaxBytes: 1 << 20}, Store: db,
		Guard: &guard.Guard{Allowed: allowed}, Now: func() time.Time { return monday.Add(time.Minute) }, Log: zerolog.Nop(),
		Tenants: func(context.Context, string) (outbox.Tenant, error) {
			return outbox.Tenant{Secrets: []store.TenantSecret{{Name: "second", Secret: "secret"}}}, nil
		},
	}
	box := outbox.New(parts)
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() { defer close(over); _ = box.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-over; parts.Guard.Close() })
	return box
}
