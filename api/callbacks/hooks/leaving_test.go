package hooks_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/callbacks/hooks"
	"github.com/bbbpool/bbbpool/api/simulator"
)

// A server that is taken out of use while its hooks are looked at is left without a relay: what that look has registered, or found
// in order, is taken away by another one.
func TestRelays_LeavesMeanwhile(t *testing.T) {
	b := newBench(t)
	sim, err := simulator.New(simulator.Config{Servers: 1})
	if err != nil {
		t.Fatal(err)
	}
	sim.Start()
	t.Cleanup(sim.Close)
	s := sim.Servers()[0]
	there, err := url.Parse(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	looks, goOn := make(chan struct{}), make(chan struct{})
	first := sync.OnceFunc(func() { close(looks); <-goOn })
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: there.Scheme, Host: there.Host})
	between := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "hooks/create") {
			first()
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(between.Close)
	var off atomic.Bool
	var passes atomic.Int64 // since it is off
	client := bbb.NewClient(bbb.Endpoint{URL: between.URL + there.Path, Secret: s.Secret()}, http.DefaultTransport, 10*time.Second)
	h := hooks.New(hooks.Parts{
		Index: b.db, Ledger: b.claim, Outbox: &b.box, Seal: b.seal, Base: func() string { return base }, Record: b.record,
		Domain: func() string { return "pool.test" }, Now: time.Now, Log: zerolog.Nop(), Every: time.Hour, Pulse: time.Millisecond,
		Servers: func() []hooks.Server {
			if off.Load() {
				passes.Add(1)
			}
			return []hooks.Server{{ID: "bbb1", Client: client, Online: true, Disabled: off.Load()}}
		},
	})
	if err := h.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- h.Run(ctx) }()
	<-looks
	off.Store(true)
	for passes.Load() < 3 {
		time.Sleep(time.Millisecond)
	}
	close(goOn)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if len(s.Hooks()) == 0 && passes.Load() > 20 {
			break
		}
		if time.Now().After(deadline) {
			t.Errorf("it has %v", s.Hooks())
			break
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
