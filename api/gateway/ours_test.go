package gateway_test

import (
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/poller"
)

// lacking is a way to the servers that finds no descriptor left for some calls, by the end of their paths.
type lacking struct {
	http.RoundTripper
	lacks atomic.Pointer[func(path string) bool]
}

func (l *lacking) RoundTrip(r *http.Request) (*http.Response, error) {
	if lacks := l.lacks.Load(); lacks != nil && (*lacks)(r.URL.Path) {
		return nil, os.NewSyscallError("socket", syscall.EMFILE)
	}
	return l.RoundTripper.RoundTrip(r)
}

func (l *lacking) set(lacks func(path string) bool) { l.lacks.Store(&lacks) }

func startLacking(t *testing.T, servers int) (*pool, *lacking) {
	t.Helper()
	way := &lacking{RoundTripper: bbb.NewTransport(bbb.Timeouts{Connect: 2 * time.Second})}
	return start(t, settings{servers: servers, change: func(c *poller.Config, _ *gatewayConfig) { c.Transport = way }}), way
}

// A create for which we have no descriptor ourselves is tried again on the same server, and nobody is suspected for it.
func TestCreate_OwnLack(t *testing.T) {
	t.Parallel()
	p, way := startLacking(t, 3)
	p.create("known")
	server := p.server("known")
	for _, id := range []string{"known", "new"} {
		var failed atomic.Int32
		way.set(func(path string) bool { return strings.HasSuffix(path, "/create") && failed.Add(1) <= 5 })
		p.create(id)
	}
	if on := p.server("known"); on != server {
		t.Errorf("the room has moved from %s to %s", server, on)
	}
	for _, s := range p.poller.Servers() {
		if s.Health != poller.Online {
			t.Errorf("%s is %s: %s", s.ID, s.Health, s.Reason)
		}
	}
	if on := len(p.on("new")); on != 1 {
		t.Errorf("the new room is on %d servers", on)
	}
}

// A lack that lasts fails the create, moves nothing and leaves no claim.
func TestCreate_OwnLackLasts(t *testing.T) {
	t.Parallel()
	p, way := startLacking(t, 2)
	p.create("known")
	server := p.server("known")
	way.set(func(path string) bool { return strings.HasSuffix(path, "/create") })
	for _, id := range []string{"known", "new"} {
		if a := p.call("create", createQuery(id)); a.Key != "serverUnavailable" {
			t.Errorf("create %s: %s", id, a.body)
		}
	}
	if on := p.server("known"); on != server {
		t.Errorf("the room has moved from %s to %q", server, on)
	}
	if on := p.server("new"); on != "" {
		t.Errorf("the new room is claimed on %s", on)
	}
	way.set(func(string) bool { return false })
	p.create("new")
}

// A slow create is not given up because we have no descriptor for the probe beside it; nor does a server that answers one
// create with an error suffer for that.
func TestCreate_OwnLackOfProbes(t *testing.T) {
	t.Parallel()
	p, way := startLacking(t, 1)
	way.set(func(path string) bool { return strings.HasSuffix(path, "/api") })
	p.fail(p.sims[0], simulator.Fault{Kind: simulator.Slow, Delay: 4 * time.Second, Calls: []string{"create"}})
	p.create("slow")
	if n := p.sims[0].Calls("create"); n != 1 {
		t.Errorf("the server saw %d creates, want 1", n)
	}
	p.fail(p.sims[0], simulator.Fault{Kind: simulator.ServerError, Calls: []string{"create"}})
	p.call("create", createQuery("bad"))
	if h := p.health(p.sims[0].ID()); h != poller.Online {
		t.Errorf("the server is %s", h)
	}
}
