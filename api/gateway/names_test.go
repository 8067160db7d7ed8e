package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

// Our resolver fails, or does not answer at all: servers are called where they were last reached and stay online, new
// meetings are created, none is ended, and one problem names the resolver.
func TestOutage_NamesDoNotResolve(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(context.Context) error{
		"fails": func(context.Context) error { return errors.New("no such host") },
		"hangs": func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log syncBuffer
			var broken atomic.Bool
			var asked atomic.Int64
			transport := bbb.NewTransport(bbb.Timeouts{Connect: 500 * time.Millisecond})
			transport.Lookup = func(ctx context.Context, host string) ([]string, error) {
				if !strings.HasSuffix(host, ".example") {
					return nil, fmt.Errorf("look up %s: want a name", host)
				}
				if broken.Load() {
					asked.Add(1)
					return nil, fail(ctx)
				}
				return []string{"127.0.0.1"}, nil
			}
			p := start(t, settings{
				servers: 4, log: &log, change: func(c *poller.Config, g *gatewayConfig) {
					swift(2, 1)(c, g)
					c.Transport = transport
				},
				server: func(s *store.Server) { rename(t, s) },
			})
			before := p.classes(4)
			broken.Store(true)
			for i := range 12 {
				transport.CloseIdleConnections() // as servers close them now and then
				p.create(fmt.Sprintf("new-%d", i))
				p.polled(p.sims[i%4], 2)
			}
			if asked.Load() == 0 {
				t.Fatal("nothing was looked up while the resolver was broken")
			}
			for _, s := range p.poller.Servers() {
				if s.Health != poller.Online {
					t.Errorf("%s is %s: %s", s.ID, s.Health, s.Reason)
				}
			}
			p.waitFor("a problem about names", func() bool { return strings.Contains(strings.Join(p.poller.Alarms(), "\n"), "resolve") })
			if to := p.join("class-0", "").Hostname(); !strings.HasSuffix(to, ".example") {
				t.Errorf("the join goes to %s, want the server's name", to)
			}
			broken.Store(false)
			p.waitFor("the problem to be over", func() bool { return len(p.poller.Alarms()) == 0 })
			p.unharmed(before)
		})
	}
}

// rename gives a server an address with a name of its own.
func rename(t *testing.T, s *store.Server) {
	t.Helper()
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = s.ID + ".example:" + u.Port()
	s.URL = u.String()
}
