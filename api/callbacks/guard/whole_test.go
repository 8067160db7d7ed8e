package guard_test

import (
	"context"
	"maps"
	"net"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/callbacks/guard"
	"github.com/bbbpool/bbbpool/api/callbacks/outbox"
	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/bolt"
)

// A query is sent in a form that no receiver takes for the end of the line's address.
func TestParse_Query(t *testing.T) {
	g := &guard.Guard{}
	for in, want := range map[string]string{
		"http://public.example.org/a b?x=y z HTTP/1.1":     "http://public.example.org/a%20b?x=y%20z%20HTTP/1.1",
		"http://public.example.org/?q=\xff\u00fc\"<>%20+&": "http://public.example.org/?q=%FF%C3%BC%22%3C%3E%20+&",
		"http://public.example.org/?":                      "http://public.example.org/?",
	} {
		if u, err := g.Parse(in); err != nil || u.String() != want {
			t.Errorf("%q: %v, %v", in, u, err)
		}
	}
}

// What the table of hostile addresses says holds for rows of the outbox, whatever they tell: nobody is dialled, and each row says
// which rule it was refused by.
func TestGuard_Outbox(t *testing.T) {
	db, err := bolt.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var dialled atomic.Int64
	g := guarded(t, nil)
	g.Dial = func(context.Context, string, string) (net.Conn, error) {
		dialled.Add(1)
		return nil, errDialled
	}
	now := time.Now()
	box := outbox.New(outbox.Parts{
		Config: outbox.Config{RetryFor: time.Hour, Keep: time.Hour, Max: 10_000, MaxBytes: 1 << 20}, Store: db.Index(), Guard: g,
		Now: time.Now, Log: zerolog.Nop(), Tenants: func(context.Context, string) (outbox.Tenant, error) {
			return outbox.Tenant{Secrets: []store.TenantSecret{{Name: "one", Secret: "secret", Created: now}}}, nil
		},
	})
	kinds := []store.CallbackKind{store.CallbackEnded, store.CallbackEnd, store.CallbackReady, store.CallbackAnalytics}
	ids := map[string]string{}
	for n, address := range slices.Sorted(maps.Keys(hostile)) {
		if hostile[address] == "" {
			continue
		}
		c := store.Callback{
			ID: store.CallbackID(kinds[n%4], address, address), Kind: kinds[n%4], Tenant: "a", MeetingID: strconv.Itoa(n), Subject: address,
			URL: address, Body: []byte("{}"), State: store.CallbackWaiting, Created: now, Changed: now,
		}
		if err := db.Index().AddCallbacks(t.Context(), c); err != nil {
			t.Fatalf("%q: %v", address, err)
		}
		ids[address] = c.ID
	}
	stop := run(t, box)
	for address, id := range ids {
		c := settled(t, db.Index(), id)
		if !strings.Contains(c.Outcome, hostile[address]) || c.State == store.CallbackDone || c.Attempts > 0 {
			t.Errorf("%q: %s, %q, %d attempts; want %q", address, c.State, c.Outcome, c.Attempts, hostile[address])
		}
	}
	stop()
	if n := dialled.Load(); n > 0 || len(ids) < 60 {
		t.Errorf("%d of %d were dialled", n, len(ids))
	}
}

// run has an outbox send until stop is called.
func run(t *testing.T, box *outbox.Outbox) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() { defer close(over); _ = box.Run(ctx) }()
	return func() { cancel(); <-over }
}

// settled is a row once something has become of it.
func settled(t *testing.T, index store.Callbacks, id string) store.Callback {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; {
		c, err := index.Callback(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case c.Outcome != "":
			return c
		case time.Now().After(end): // of a test that fails
			t.Fatalf("nothing becomes of %q", c.URL)
		}
		runtime.Gosched()
	}
}
