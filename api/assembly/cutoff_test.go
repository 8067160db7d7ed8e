package assembly_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/store"
)

// ways are the connections of one instance to others, which can be cut.
type ways struct {
	mu    sync.Mutex
	cut   bool
	conns []net.Conn
}

func (w *ways) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cut {
		return nil, errors.Join(errors.New("cut"), conn.Close())
	}
	w.conns = append(w.conns, conn)
	return conn, nil
}

func (w *ways) sever() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = true
	for _, c := range w.conns {
		_ = c.Close()
	}
}

// An instance that cannot hear the leader looks into Redis before it answers from what it has heard last: a meeting that has moved
// meanwhile is found where it is, and one that was made is found. That there is none it does not say.
func TestInstances_CutOff(t *testing.T) {
	t.Parallel()
	var leads, all ways
	c := newCluster(t)
	for _, w := range []*ways{&leads, &all} {
		c.dial = w.dial
		m := c.open()
		m.stop = run(t, m.Pool)
	}
	c.addServers(0)
	for _, m := range c.pools {
		ready(t, m.Pool)
	}
	leader, followers := c.leader()
	if leader != c.pools[0] {
		if err := leader.Instance.StepDown(t.Context(), leader.Instance.ID()); err != nil {
			t.Fatal(err)
		}
		leader, followers = c.leader()
	}
	const room = "meetingID=room-a&name=Room+A&moderatorPW=mp&attendeePW=ap"
	before := element(c.succeeds(leader, "create", room), "internalMeetingID")
	other := followers[0]
	heard := func(id string) bool {
		_, err := other.Ledger.Peek(store.MeetingKey{Tenant: store.DefaultTenant, MeetingID: id})
		return err == nil
	}
	for !heard("room-a") {
		time.Sleep(time.Millisecond)
	}
	all.sever()
	for deadline := time.Now().Add(10 * time.Second); other.Instance.Fresh(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it hears on")
		}
	}
	for _, s := range c.sim.Servers() {
		if _, is := s.Meeting(before); is {
			if err := s.Fault(simulator.Fault{Kind: "5xx", Status: 503, Calls: []string{"create"}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	after := element(c.succeeds(leader, "create", room), "internalMeetingID")
	if after == before {
		t.Fatal("it has not moved")
	}
	if got := element(c.succeeds(other, "getMeetingInfo", "meetingID=room-a"), "internalMeetingID"); got != after {
		t.Errorf("it is %s, and was %s: there it is %s", after, before, got)
	}
	c.succeeds(leader, "create", "meetingID=room-b&name=Room+B")
	c.succeeds(other, "getMeetingInfo", "meetingID=room-b")
	c.succeeds(leader, "end", "meetingID=room-a&password=mp")
	if got := call(t, other.Pool, secret, "getMeetingInfo", "meetingID=room-a"); !strings.Contains(got, "poolUnavailable") {
		t.Errorf("after its end: %s", got)
	}
}
