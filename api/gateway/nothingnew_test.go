package gateway_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// All servers are cordoned, or drained, while a class goes on: new rooms are refused with one clear error, the class can
// be created again and joined, what is counted stays true, and no server is moved to another state.
func TestCreate_AllServersTakeNothingNew(t *testing.T) {
	t.Parallel()
	for _, state := range []store.ServerState{store.Cordoned, store.Draining} {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			p := start(t, settings{servers: 3, poll: 100 * time.Millisecond})
			server := p.room("class", 30)
			for _, s := range p.sims {
				p.poller.SetServer(p.as(s.ID(), state))
			}
			for i := range 3 {
				if a := p.call("create", createQuery(fmt.Sprintf("new-%d", i))); a.Returncode != "FAILED" || a.Key != "serverUnavailable" {
					t.Errorf("create of a new room: %s", a.body)
				}
			}
			if n := p.metric(`bbbpool_placement_refusals_total{cause="none"}`); n != "3" {
				t.Errorf("%s refusals are counted, want 3", n)
			}
			if a := p.create("class"); a.Key != "duplicateWarning" {
				t.Errorf("the repeat: %s", a.body)
			}
			if to := p.join("class", "").Host; to != hostOf(t, server) {
				t.Errorf("the join goes to %s", to)
			}
			p.polled(server, 3)
			status, _ := p.poller.Server(server.ID())
			if status.State != state || status.Users != 30 || status.Meetings != 1 {
				t.Errorf("%s: %d people in %d meetings on a server that is %s", status.ID, status.Users, status.Meetings, status.State)
			}
			if a := p.call("getMeetings", ""); len(a.Meetings) != 1 || a.Meetings[0].People != 30 {
				t.Errorf("getMeetings: %s", a.body)
			}
			if a := p.call("end", "meetingID=class&password=mp"); a.Returncode != "SUCCESS" {
				t.Fatal(a.body)
			}
			p.waitFor("the servers to be empty", func() bool {
				status, _ := p.poller.Server(server.ID())
				return status.Meetings == 0 && len(p.ledger.Meetings()) == 0
			})
			for _, status := range p.poller.Servers() {
				if status.State != state {
					t.Errorf("%s is %s behind the operator's back", status.ID, status.State)
				}
			}
		})
	}
}

// A room that is empty when its server is cordoned moves at its next create, and one with people in it stays.
func TestCreate_LeavesCordonedServer(t *testing.T) {
	t.Parallel()
	p := start(t, settings{servers: 2, poll: 100 * time.Millisecond})
	server, other := p.sims[0], p.sims[1]
	p.poller.SetServer(p.as(other.ID(), store.Cordoned))
	p.room("empty", 0)
	p.room("class", 5)
	p.poller.SetServer(p.as(other.ID(), store.Enabled))
	p.poller.SetServer(p.as(server.ID(), store.Cordoned))
	p.create("empty")
	p.create("class")
	if on := p.server("empty"); on == server.ID() {
		t.Errorf("the empty room is still on %s", on)
	}
	if on := p.server("class"); on != server.ID() {
		t.Errorf("the class has moved to %s", on)
	}
	p.waitFor("the old copy to be ended", func() bool { return len(p.on("empty")) == 1 })
	if n := len(p.call("getMeetings", "").Meetings); n != 2 {
		t.Errorf("%d meetings are listed, want 2", n)
	}
}

// In a total outage every create that fails is counted, those that were tried in vain and those that nobody was left for.
func TestCreate_TotalOutageIsCounted(t *testing.T) {
	t.Parallel()
	p := start(t, settings{servers: 2})
	for _, cause := range []string{"failed", "none"} {
		if n := p.metric(`bbbpool_placement_refusals_total{cause="` + cause + `"}`); n != "0" {
			t.Errorf("%q are counted as %s before", n, cause)
		}
	}
	for _, s := range p.sims {
		p.fail(s, refuse)
	}
	unavailable := func(n int) {
		t.Helper()
		for i := range n {
			if a := p.call("create", createQuery(fmt.Sprintf("room-%d", i))); a.Key != "serverUnavailable" {
				t.Errorf("create: %s", a.body)
			}
		}
	}
	unavailable(3)
	if n := p.metric(`bbbpool_placement_refusals_total{cause="failed"}`); n != "3" {
		t.Errorf("%s are counted as failed, want 3", n)
	}
	for _, s := range p.sims {
		p.poller.SetServer(p.as(s.ID(), store.Disabled))
	}
	unavailable(2)
	if n := p.metric(`bbbpool_placement_refusals_total{cause="none"}`); n != "2" {
		t.Errorf("%s are counted as none, want 2", n)
	}
}
