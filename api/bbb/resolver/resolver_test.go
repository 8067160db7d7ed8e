package resolver_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/bbb/resolver"
)

const connectTimeout = 2 * time.Second

// network is names, and what listens at addresses, for a bubble: its connections are pipes.
type network struct {
	mu      sync.Mutex
	names   map[string][]string
	lookUp  func(ctx context.Context) error // what happens to lookups before they succeed
	dead    map[string]bool                 // addresses that do not answer
	refused map[string]bool
	lookups int
	dialled []string
}

func (n *network) Lookup(ctx context.Context, host string) ([]string, error) {
	n.mu.Lock()
	n.lookups++
	before, addrs := n.lookUp, n.names[host]
	n.mu.Unlock()
	if before != nil {
		if err := before(ctx); err != nil {
			return nil, err
		}
	}
	if addrs == nil {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return addrs, nil
}

func (n *network) Dial(ctx context.Context, _, addr string) (net.Conn, error) {
	n.mu.Lock()
	n.dialled = append(n.dialled, addr)
	dead, refused := n.dead[addr], n.refused[addr]
	n.mu.Unlock()
	if dead {
		<-ctx.Done()
		return nil, &net.OpError{Op: "dial", Err: ctx.Err()}
	}
	if refused {
		return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	}
	ours, _ := net.Pipe()
	return ours, nil
}

// set changes something between calls.
func (n *network) set(change func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	change()
	n.dialled = nil
}

func (n *network) dialer() *resolver.Dialer {
	d := resolver.New(connectTimeout)
	d.Lookup, d.Dial = n.Lookup, n.Dial
	return d
}

// open connects, and hangs up.
func open(ctx context.Context, d *resolver.Dialer, addr string) error {
	c, err := d.Open(ctx, addr, nil)
	if err == nil {
		_ = c.Close()
	}
	return err
}

// call connects, and tells how long that took.
func call(t *testing.T, d *resolver.Dialer, addr string) (took time.Duration, err error) {
	t.Helper()
	began := time.Now()
	err = open(t.Context(), d, addr)
	return time.Since(began), err
}

func isDNS(err error) bool {
	_, ok := errors.AsType[*net.DNSError](err)
	return ok
}

func serverFailure(context.Context) error {
	return &net.DNSError{Err: "server misbehaving", Name: "h", IsTemporary: true}
}

func hang(ctx context.Context) error {
	<-ctx.Done()
	return &net.DNSError{Err: "timeout", Name: "h", IsTimeout: true}
}

// A resolver that fails for five minutes, in whatever way, costs a server that was reached before no call, and the
// server is named meanwhile.
func TestDialer_LookupFails(t *testing.T) {
	for name, test := range map[string]struct {
		fail        func(context.Context) error
		first, then time.Duration // what a call may take
	}{
		"error":   {serverFailure, 0, 0},
		"unknown": {func(context.Context) error { return &net.DNSError{Err: "no such host", IsNotFound: true} }, 0, 0},
		"hangs":   {hang, connectTimeout / 2, connectTimeout / 20},
		"slow": {func(context.Context) error {
			time.Sleep(connectTimeout * 3 / 4)
			return nil
		}, connectTimeout / 2, connectTimeout / 2},
		"deaf": { // to the end of its context
			func(context.Context) error {
				time.Sleep(time.Minute)
				return errors.New("at last")
			}, connectTimeout / 2, connectTimeout / 20,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &network{names: map[string][]string{"h": {"10.0.0.1"}}}
				dialer := n.dialer()
				if _, err := call(t, dialer, "h:80"); err != nil || dialer.Unresolved() != nil {
					t.Fatal(err, dialer.Unresolved())
				}
				n.set(func() { n.lookUp = test.fail })
				limit := test.first
				for began := time.Now(); time.Since(began) < 5*time.Minute; time.Sleep(10 * time.Second) {
					if took, err := call(t, dialer, "h:80"); err != nil || took > limit {
						t.Fatalf("after %v: %v, took %v", time.Since(began), err, took)
					}
					if diff := cmp.Diff([]string{"h"}, dialer.Unresolved()); diff != "" {
						t.Fatal(diff)
					}
					limit = test.then
				}
				n.set(func() { n.lookUp = nil })
				time.Sleep(2 * time.Minute) // whoever hung has come back
				if _, err := call(t, dialer, "h:80"); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				_ = dialer.Unresolved() // asks once more if nobody has
				synctest.Wait()
				if list := dialer.Unresolved(); list != nil {
					t.Errorf("still %v", list)
				}
			})
		})
	}
}

// The list empties also when no call needs a new connection, without asking all the time.
func TestDialer_Unresolved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{names: map[string][]string{"b": {"10.0.0.1"}, "a": {"10.0.0.2"}}}
		dialer := n.dialer()
		_, _ = call(t, dialer, "b:80")
		_, _ = call(t, dialer, "a:80")
		n.set(func() { n.lookUp = serverFailure })
		_, _ = call(t, dialer, "b:80")
		_, _ = call(t, dialer, "a:80")
		n.set(func() { n.lookups = 0 })
		for range 300 {
			if diff := cmp.Diff([]string{"a", "b"}, dialer.Unresolved()); diff != "" {
				t.Fatal(diff)
			}
			time.Sleep(100 * time.Millisecond)
		}
		n.set(func() { n.lookUp = nil })
		if n.lookups == 0 || n.lookups > 2*6 {
			t.Errorf("%d lookups in 30 seconds", n.lookups)
		}
		time.Sleep(5 * time.Second)
		_ = dialer.Unresolved()
		synctest.Wait()
		if list := dialer.Unresolved(); list != nil {
			t.Errorf("still %v", list)
		}
	})
}

// Names that were never resolved are errors that say so, after the connect timeout at most.
func TestDialer_NeverResolved(t *testing.T) {
	for name, fail := range map[string]func(context.Context) error{
		"error": serverFailure, "hangs": hang, "nothing": nil,
		"deaf": func(context.Context) error {
			time.Sleep(time.Minute)
			return nil
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			n := &network{lookUp: fail}
			dialer := n.dialer()
			for range 3 {
				took, err := call(t, dialer, "h:80")
				if !isDNS(err) || took > connectTimeout {
					t.Errorf("%s: %v, took %v", name, err, took)
				}
			}
			if list := dialer.Unresolved(); list != nil || len(n.dialled) > 0 {
				t.Errorf("%s: %v, dialled %v", name, list, n.dialled)
			}
			time.Sleep(time.Minute)
		})
	}
}

// However many calls wait for a name, it is asked for once.
func TestDialer_LookupShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{names: map[string][]string{"h": {"10.0.0.1"}}, lookUp: func(context.Context) error {
			time.Sleep(time.Second)
			return nil
		}}
		dialer := n.dialer()
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if i == 0 { // whoever asked first goes away
					time.AfterFunc(time.Millisecond, cancel)
				}
				if err := open(ctx, dialer, "h:80"); err != nil && ctx.Err() == nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		synctest.Wait()
		if n.lookups != 1 {
			t.Errorf("%d lookups", n.lookups)
		}
	})
}

// Addresses are tried in turn; a dead one takes its share of the time, and is not tried first again.
func TestDialer_Addresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{
			names: map[string][]string{"h": {"2001:db8::1", "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"}},
			dead:  map[string]bool{"[2001:db8::1]:80": true}, refused: map[string]bool{"10.0.0.1:80": true},
		}
		dialer := n.dialer()
		f := func(why string, limit time.Duration, want ...string) {
			t.Helper()
			if took, err := call(t, dialer, "h:80"); err != nil || took > limit {
				t.Errorf("%s: %v, took %v", why, err, took)
			}
			if diff := cmp.Diff(want, n.dialled); diff != "" {
				t.Error(why, diff)
			}
			n.set(func() {})
		}
		f("one after another", connectTimeout/4, "[2001:db8::1]:80", "10.0.0.1:80", "10.0.0.2:80")
		f("the good one first", 0, "10.0.0.2:80")
		n.set(func() { n.names["h"] = []string{"10.9.9.9"} })
		f("the server has moved", 0, "10.9.9.9:80")
		n.set(func() { n.lookUp = serverFailure })
		f("the last one is remembered", 0, "10.9.9.9:80")
		n.set(func() { n.refused["10.9.9.9:80"] = true })
		_, err := call(t, dialer, "h:80")
		if !errors.Is(err, syscall.ECONNREFUSED) || !strings.Contains(err.Error(), "cannot be resolved now") {
			t.Errorf("a stale address: %v", err)
		}
		n.set(func() { n.lookUp, n.names["h"] = nil, []string{"10.0.0.6"} })
		f("moved while the resolver was away", 0, "10.0.0.6:80")
		n.set(func() {
			n.names["h"] = nil
			for i := range 50 {
				n.names["h"] = append(n.names["h"], fmt.Sprint("10.1.0.", i))
				n.dead[fmt.Sprintf("10.1.0.%d:80", i)] = true
			}
		})
		if took, err := call(t, dialer, "h:80"); !errors.Is(err, context.DeadlineExceeded) || took > connectTimeout ||
			len(n.dialled) > 4 {
			t.Errorf("nobody answers: %v, took %v, dialled %v", err, took, n.dialled)
		}
	})
}

// IP addresses are never looked up.
func TestDialer_Literals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{lookUp: serverFailure}
		dialer := n.dialer()
		for host, want := range map[string]string{
			"10.0.0.1:80": "10.0.0.1:80", "[2001:db8::1]:8080": "[2001:db8::1]:8080", "127.0.0.1:1": "127.0.0.1:1",
		} {
			n.set(func() {})
			if _, err := call(t, dialer, host); err != nil || !slices.Equal(n.dialled, []string{want}) {
				t.Errorf("%s: %v, dialled %v", host, err, n.dialled)
			}
		}
		if n.lookups != 0 || dialer.Unresolved() != nil {
			t.Errorf("%d lookups", n.lookups)
		}
	})
}

// However many names there are, no more than some are remembered, and not those that were called last go.
func TestDialer_HostLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{names: map[string][]string{}}
		for i := range 4100 {
			n.names[fmt.Sprint("h", i)] = []string{"10.0.0.1"}
		}
		dialer := n.dialer()
		for i := range 4100 {
			if _, err := call(t, dialer, fmt.Sprint("h", i, ":80")); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
		}
		n.set(func() { n.lookUp = serverFailure })
		if _, err := call(t, dialer, "h4099:80"); err != nil {
			t.Error(err)
		}
		if _, err := call(t, dialer, "h0:80"); !isDNS(err) {
			t.Error(err)
		}
	})
}

// The addresses of a real name, over a real socket.
func TestDialer_Localhost(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	if err := open(t.Context(), resolver.New(connectTimeout), "localhost:"+port); err != nil {
		t.Error(err)
	}
}

// A name that has no addresses is one that cannot be resolved.
func TestDialer_NoAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{names: map[string][]string{"h": {}}}
		_, err := call(t, n.dialer(), "h:80")
		if !isDNS(err) || !strings.Contains(err.Error(), "no addresses") {
			t.Errorf("a name without addresses: %v", err)
		}
		if n.dialled != nil {
			t.Errorf("dialled %v", n.dialled)
		}
	})
}

// Where nobody got further than TCP a host is not remembered as reached: what answers there may be somebody else.
func TestDialer_Begin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{names: map[string][]string{"h": {"10.0.0.1"}}}
		dialer := n.dialer()
		stranger := errors.New("the certificate is not for h")
		for _, want := range []error{stranger, nil} {
			c, err := dialer.Open(t.Context(), "h:80", func(c net.Conn, name string) (net.Conn, error) {
				if name != "h" {
					t.Errorf("called %s", name)
				}
				return c, want
			})
			if (c == nil) != (want != nil) || !errors.Is(err, want) {
				t.Fatalf("%v %v, want %v", c, err, want)
			}
			n.set(func() { n.lookUp = serverFailure })
			if _, err := call(t, dialer, "h:80"); isDNS(err) != (want != nil) {
				t.Errorf("after %v: %v", want, err)
			}
			n.set(func() { n.lookUp = nil })
		}
	})
}
