package gateway_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/simulator"
)

// faults are the ways in which a server dies.
var faults = []simulator.Kind{simulator.Refuse, simulator.BlackHole, simulator.Hang, simulator.ServerError}

// room creates a meeting and returns the server that it is on.
func (p *pool) room(id string, people int) *simulator.Server {
	p.tb.Helper()
	p.create(id)
	server := p.sim(p.server(id))
	if people == 0 {
		return server
	}
	if err := server.AddPeople(id, simulator.Crowd{Count: people}); err != nil {
		p.tb.Fatal(err)
	}
	p.waitFor("the people to be seen", func() bool {
		m, ok := p.poller.Meeting(server.ID(), key(id))
		return ok && m.Participants == people
	})
	return server
}

// A server dies under a stream of creates, of new meetings and of known ones that nobody is in: none fails, and the
// known ones land elsewhere inside the same request.
func TestCreate_ServerDies(t *testing.T) {
	t.Parallel()
	for _, kind := range faults {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			p := start(t, settings{servers: 4})
			dead := p.room("known", 0)
			p.room("known-2", 0)
			if err := dead.Fault(simulator.Fault{Kind: kind}); err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			for i := range 40 {
				wg.Go(func() {
					id := fmt.Sprintf("new-%d", i)
					if i%4 == 0 {
						id = "known"
					}
					a, err := p.try("create", createQuery(id))
					if err != nil || a.Returncode != "SUCCESS" {
						t.Errorf("create %s: %v %s", id, err, a.body)
					}
				})
			}
			wg.Wait()
			if on := p.server("known"); on == dead.ID() {
				t.Errorf("the known room is still on the dead server %s", on)
			}
			if to := p.join("known", "").Host; to == hostOf(t, dead) {
				t.Errorf("the join goes to the dead server")
			}
		})
	}
}

// With people in it a room moves, too, but only after the server has been silent for the time that a blip may take.
func TestCreate_ServerDiesWithPeople(t *testing.T) {
	t.Parallel()
	for _, kind := range faults[:2] {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			p := start(t, settings{servers: 3})
			dead := p.room("class", 5)
			if err := dead.Fault(simulator.Fault{Kind: kind}); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			p.create("class")
			if on := p.server("class"); on == dead.ID() {
				t.Errorf("the room is still on the dead server %s", on)
			}
			if took := time.Since(began); took < 3*time.Second {
				t.Errorf("moved after %s, want not before --failover-after (3s)", took)
			}
			if err := dead.Heal(); err != nil {
				t.Fatal(err)
			}
			p.waitFor("the server to come back", func() bool { return !p.poller.Failing(dead.ID()) })
			if _, ok := dead.Meeting("class"); !ok {
				t.Error("a meeting with people in it was ended")
			}
			if err := dead.Leave("class", 0); err != nil {
				t.Fatal(err)
			}
			p.waitFor("the old copy to be ended once it is empty", func() bool { return len(p.on("class")) == 1 })
			if diff := cmp.Diff([]string{p.server("class")}, p.on("class")); diff != "" {
				t.Errorf("servers that have the meeting (-want +got):\n%s", diff)
			}
		})
	}
}

// A blip of two seconds moves no room that has people in it: the create waits, and goes where the people are.
func TestCreate_BlipMovesNobody(t *testing.T) {
	t.Parallel()
	for _, kind := range faults[:2] {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			p := start(t, settings{servers: 3})
			server := p.room("class", 5)
			before, _ := server.Meeting("class")
			if err := server.Fault(simulator.Fault{Kind: kind}); err != nil {
				t.Fatal(err)
			}
			healed := make(chan error, 1)
			time.AfterFunc(2*time.Second, func() { healed <- server.Heal() })
			a := p.create("class")
			if err := <-healed; err != nil {
				t.Fatal(err)
			}
			if a.InternalID != before.InternalID || a.Key != "duplicateWarning" {
				t.Errorf("create answered %s %q, want a repeat of %s", a.InternalID, a.Key, before.InternalID)
			}
			if diff := cmp.Diff([]string{server.ID()}, p.on("class")); diff != "" {
				t.Errorf("servers that have the meeting (-want +got):\n%s", diff)
			}
		})
	}
}

// Somebody who was sent to a room a moment ago counts as being in it, although no poll has seen them yet.
func TestCreate_BlipMovesNobodyOnTheWay(t *testing.T) {
	t.Parallel()
	p := start(t, settings{servers: 3, poll: time.Minute})
	server := p.room("class", 0)
	p.join("class", "")
	if err := server.Fault(simulator.Fault{Kind: simulator.Refuse}); err != nil {
		t.Fatal(err)
	}
	healed := make(chan error, 1)
	time.AfterFunc(time.Second, func() { healed <- server.Heal() })
	p.create("class")
	if err := <-healed; err != nil {
		t.Fatal(err)
	}
	if on := p.server("class"); on != server.ID() {
		t.Errorf("the room moved to %s", on)
	}
}

// A slow create on a live server is waited for, and polls every second meanwhile do not take the meeting for missing.
// A join that comes meanwhile waits for the create; so does the question after the meeting.
func TestCreate_SlowServerIsWaitedFor(t *testing.T) {
	t.Parallel()
	p := start(t, settings{servers: 1, poll: time.Second})
	slow := simulator.Fault{Kind: simulator.Slow, Delay: 8 * time.Second, Calls: []string{"create"}}
	if err := p.sims[0].Fault(slow); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if a, err := p.try("create", createQuery("slow")); err != nil || a.Returncode != "SUCCESS" {
			t.Errorf("create: %v %s", err, a.body)
		}
	})
	p.waitFor("the claim", func() bool { return p.server("slow") != "" })
	wg.Go(func() {
		if a, err := p.try("getMeetingInfo", "meetingID=slow"); err != nil || a.Returncode != "SUCCESS" {
			t.Errorf("getMeetingInfo: %v %s", err, a.body)
		}
	})
	wg.Go(func() {
		if to := p.join("slow", ""); to.Host != hostOf(t, p.sims[0]) {
			t.Errorf("join goes to %s", to)
		}
	})
	wg.Wait()
	if n := p.sims[0].Calls("create"); n != 1 {
		t.Errorf("the server saw %d creates, want 1", n)
	}
	for range 3 {
		if a := p.call("getMeetings", ""); len(a.Meetings) != 1 {
			t.Errorf("getMeetings: %s", a.body)
		}
	}
}

// A server that has died costs a create its deadline once; after that nobody tries it again.
func TestCreate_DeadServerCostsOnce(t *testing.T) {
	t.Parallel()
	p := start(t, settings{servers: 3, poll: time.Minute})
	dead := p.sims[0]
	if err := dead.Fault(simulator.Fault{Kind: simulator.Hang}); err != nil {
		t.Fatal(err)
	}
	for i := range 12 {
		p.create(fmt.Sprintf("room-%d", i))
	}
	if n := dead.Calls("create"); n > 1 {
		t.Errorf("%d creates were sent to the dead server, want 1 at most", n)
	}
}
