package assembly_test

import (
	"context"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/assembly"
	"github.com/bbbpool/bbbpool/store"
)

// hole is a network that swallows what is sent from some moment on, as a firewall or a cable that was pulled does: nobody is told.
type hole struct{ open atomic.Bool }

func (h *hole) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if h.open.Load() {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &swallowed{Conn: conn, hole: h, closed: make(chan struct{})}, nil
}

// swallowed is a connection through it.
type swallowed struct {
	net.Conn

	hole   *hole
	gone   atomic.Bool
	closed chan struct{}
}

func (s *swallowed) Read(b []byte) (int, error) {
	n, err := s.Conn.Read(b)
	if s.hole.open.Load() {
		<-s.closed
		return 0, os.ErrClosed
	}
	return n, err
}

func (s *swallowed) Write(b []byte) (int, error) {
	if s.hole.open.Load() {
		return len(b), nil
	}
	return s.Conn.Write(b)
}

func (s *swallowed) Close() error {
	if s.gone.CompareAndSwap(false, true) {
		close(s.closed)
	}
	return s.Conn.Close()
}

// An instance whose way to a leader that lives swallows everything refuses creates in BigBlueButton's form, as one does that is
// told that it cannot reach it. It does not wait for an answer for ever.
func TestInstances_Swallowed(t *testing.T) {
	t.Parallel()
	var way hole
	c := newCluster(t)
	leader := c.open()
	leader.stop = run(t, leader.Pool)
	c.addServers(0)
	ready(t, leader.Pool)
	c.dial = way.dial
	follower := c.open()
	follower.stop = run(t, follower.Pool)
	ready(t, follower.Pool)
	c.succeeds(follower, "create", "meetingID=room-a&name=Room+A") // there are connections
	way.open.Store(true)
	began := time.Now()
	answer := call(t, follower.Pool, secret, "create", "meetingID=room-b&name=Room+B")
	if !strings.Contains(answer, "<messageKey>poolUnavailable</messageKey>") {
		t.Errorf("%s", answer)
	}
	t.Logf("refused after %s", time.Since(began))
	c.succeeds(leader, "create", "meetingID=room-b&name=Room+B")
}

// Two pools that have one Redis by mistake, and a PostgreSQL each, are not made one: the second is refused.
func TestInstances_OtherIndex(t *testing.T) {
	t.Parallel()
	c := several(t, 1)
	second := options(t)
	second.Settings.Stores.RedisURL, second.Settings.Stores.DatabaseURL = c.stores.RedisURL, store.Secret(servers.Postgres(t).URL(t))
	second.Settings.Instances.Listen, second.Settings.Instances.Lease = "127.0.0.1:0", time.Second
	p, err := assembly.Open(t.Context(), second)
	if err == nil || !strings.Contains(err.Error(), "DATABASE_URL") {
		t.Errorf("%v", err)
	}
	if err == nil {
		_ = p.Close()
	}
}
