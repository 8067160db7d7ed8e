package outbox_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/callbacks/guard"
	"github.com/bbbpool/bbbpool/api/callbacks/outbox"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/bolt"
)

var epoch = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

// clock is a time that tests set.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// request is what a receiver was sent.
type request struct {
	method, path, query, body string
	header                    http.Header
}

// receiver answers as a test wants.
type receiver struct {
	*httptest.Server
	got chan request
	say chan int // the answers; each request waits for one
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{got: make(chan request, 1000), say: make(chan int, 1000)}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		r.got <- request{q.Method, q.URL.Path, q.URL.RawQuery, string(body), q.Header}
		select {
		case code := <-r.say:
			if code == http.StatusServiceUnavailable {
				w.Header().Set("Retry-After", "600")
			}
			w.WriteHeader(code)
		case <-q.Context().Done():
		}
	}))
	t.Cleanup(func() { r.CloseClientConnections(); r.Close() })
	return r
}

// box is an outbox under test, on a real store.
type box struct {
	*outbox.Outbox
	t     *testing.T
	db    *watched
	clock *clock
	stop  func()
}

func openDB(t testing.TB) *watched {
	t.Helper()
	db, err := bolt.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return &watched{kept: db.Index(), written: make(chan struct{})}
}

// kept is the store, under a name that is none of its methods.
type kept = store.Callbacks

// watched is a store that tells tests when a row was changed.
type watched struct {
	kept
	mu      sync.Mutex
	written chan struct{} // closed at the next change
}

func (w *watched) UpdateCallback(
	ctx context.Context, id string, change func(*store.Callback) error,
) (store.Callback, error) {
	c, err := w.kept.UpdateCallback(ctx, id, change)
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.written)
	w.written = make(chan struct{})
	return c, err
}

func (w *watched) next() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.written
}

var tenants = map[string]outbox.Tenant{
	"default": {Secrets: []store.TenantSecret{
		{Name: "old", Secret: "old-secret", Created: epoch.Add(-3 * time.Hour)},
		{Name: "gone", Secret: "gone-secret", Created: epoch.Add(-2 * time.Hour), Expires: epoch.Add(-time.Hour)},
		{Name: "new", Secret: "new-secret", Created: epoch.Add(-time.Hour)},
	}},
	"physics": {Secrets: []store.TenantSecret{{Name: "p", Secret: "p-secret", Created: epoch}}, Algorithm: "HS384"},
	"bare":    {},
}

func newBox(t testing.TB, db store.Callbacks, c *clock, change ...func(*outbox.Parts)) *outbox.Outbox {
	t.Helper()
	allowed, err := guard.Allow([]string{"127.0.0.0/8"})
	if err != nil {
		t.Fatal(err)
	}
	p := outbox.Parts{
		Config: outbox.Config{RetryFor: 72 * time.Hour, Keep: 168 * time.Hour, Max: 1000, MaxBytes: 1 << 20},
		Store:  db, Now: c.Now, Version: "1.2", Log: zerolog.Nop(),
		Guard: &guard.Guard{Allowed: allowed, Lookup: func(_ context.Context, host string) ([]netip.Addr, error) {
			if strings.HasPrefix(host, "private") {
				return []netip.Addr{netip.MustParseAddr("10.1.2.3")}, nil
			}
			return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
		}},
		Tenants: func(_ context.Context, id string) (outbox.Tenant, error) {
			if t, ok := tenants[id]; ok {
				return t, nil
			}
			return outbox.Tenant{}, store.ErrNotFound
		},
	}
	for _, f := range change {
		f(&p)
	}
	t.Cleanup(p.Guard.Close)
	return outbox.New(p)
}

// start runs an outbox over a store of its own.
func start(t *testing.T, change ...func(*outbox.Parts)) *box {
	t.Helper()
	b := &box{t: t, db: openDB(t), clock: &clock{now: epoch}}
	b.Outbox = newBox(t, b.db, b.clock, change...)
	b.run()
	return b
}

func (b *box) run() {
	ctx, cancel := context.WithCancel(b.t.Context())
	over := make(chan struct{})
	go func() { defer close(over); _ = b.Run(ctx) }()
	b.stop = func() { cancel(); <-over }
	b.t.Cleanup(b.stop)
}

// tell writes rows.
func (b *box) tell(rows ...store.Callback) {
	b.t.Helper()
	if err := b.db.AddCallbacks(b.t.Context(), rows...); err != nil {
		b.t.Fatal(err)
	}
	b.Nudge()
}

// later lets time pass, and has the outbox look.
func (b *box) later(d time.Duration) {
	b.clock.add(d)
	b.Nudge()
}

// row waits until a callback is as a test wants it.
func (b *box) row(id string, so func(store.Callback) bool) store.Callback {
	b.t.Helper()
	for {
		changed := b.db.next()
		c, err := b.db.Callback(b.t.Context(), id)
		if err != nil {
			b.t.Fatal(err)
		}
		if so(c) {
			return c
		}
		select {
		case <-changed:
		case <-time.After(20 * time.Second): // of a test that fails
			b.t.Fatalf("it stays %+v", c)
		}
	}
}

// mentions waits until the problems say all of this: in memory it is a moment later than in the store.
func (b *box) mentions(words ...string) {
	b.t.Helper()
	texts, until := "", time.Now().Add(20*time.Second) // of a test that fails
	lacks := func(word string) bool { return !strings.Contains(texts, word) }
	for slices.ContainsFunc(words, lacks) {
		if time.Now().After(until) {
			b.t.Fatalf("problems lack some of %q:\n%s", words, texts)
		}
		runtime.Gosched()
		texts = ""
		for _, p := range b.Problems(b.t.Context()) {
			texts += p.String() + "\n"
		}
	}
}

func in(state store.CallbackState) func(store.Callback) bool {
	return func(c store.Callback) bool { return c.State == state }
}

func tried(n int) func(store.Callback) bool {
	return func(c store.Callback) bool { return c.Attempts >= n }
}

func callback(kind store.CallbackKind, subject, to string, change ...func(*store.Callback)) store.Callback {
	c := store.Callback{
		ID: store.CallbackID(kind, subject, to), Kind: kind, Tenant: "default", MeetingID: "room 1", Subject: subject, URL: to,
		Created: epoch, Changed: epoch, State: store.CallbackWaiting, Signer: "old",
	}
	for _, f := range change {
		f(&c)
	}
	return c
}
