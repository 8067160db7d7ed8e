package gateway_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

// A server that answers noise is dead, however many calls besides creates it "answers" with it: a room with people in
// it moves once a blip is over, and no noise reaches a front end.
func TestCreate_NoiseIsNoSignOfLife(t *testing.T) {
	t.Parallel()
	for _, kind := range []simulator.Kind{simulator.Garbage, simulator.Truncated} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			p := start(t, settings{servers: 3})
			dead := p.room("class", 5)
			if err := dead.Fault(simulator.Fault{Kind: kind}); err != nil {
				t.Fatal(err)
			}
			stop := make(chan struct{})
			var chat sync.WaitGroup
			chat.Go(func() {
				for tick := time.NewTicker(100 * time.Millisecond); ; {
					select {
					case <-stop:
						tick.Stop()
						return
					case <-tick.C:
					}
					if a, err := p.try("sendChatMessage", "meetingID=class&message=hi"); err != nil {
						t.Errorf("chat: %v %s", err, a.body)
					}
				}
			})
			p.create("class")
			close(stop)
			chat.Wait()
			if on := p.server("class"); on == dead.ID() {
				t.Errorf("the room is still on %s", on)
			}
		})
	}
}

// A server that lives and fails at creates alone: its room with people in it stays, and a repeated create is answered
// with what was seen of it, by BigBlueButton's rule for repeats.
func TestCreate_RepeatOnServerThatFailsAtCreates(t *testing.T) {
	t.Parallel()
	p := start(t, settings{servers: 3})
	made := p.create("class")
	server := p.room("class", 5)
	if err := server.Fault(simulator.Fault{Kind: simulator.ServerError, Calls: []string{"create"}}); err != nil {
		t.Fatal(err)
	}
	a := p.create("class")
	if a.Key != "duplicateWarning" || a.InternalID != made.InternalID || a.CreateTime != made.CreateTime {
		t.Errorf("create: %s", a.body)
	}
	if a := p.call("create", "name=Room&meetingID=class&attendeePW=other&moderatorPW=mp"); a.Key != "idNotUnique" {
		t.Errorf("create with another password: %s", a.body)
	}
	if on := p.server("class"); on != server.ID() {
		t.Errorf("the room moved to %s", on)
	}
}

// Such a server looks emptiest, and is not tried first by every new meeting all the same.
func TestCreate_ShunsServerThatFailsAtCreates(t *testing.T) {
	p := start(t, settings{servers: 3})
	bad := p.sims[1]
	if err := bad.Fault(simulator.Fault{Kind: simulator.ServerError, Calls: []string{"create"}}); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		p.create(fmt.Sprintf("room-%d", i))
	}
	if n := bad.Calls("create"); n > 1 {
		t.Errorf("%d of 20 creates were tried on it", n)
	}
	if err := bad.Heal(); err != nil {
		t.Fatal(err)
	}
}

// A request that no server can digest is answered with an error and costs no server its health.
func TestCreate_BadRequestPoisonsNobody(t *testing.T) {
	p := start(t, settings{servers: 3})
	for _, query := range []string{"isBreakout=true&sequence=1", "isBreakout=true&parentMeetingID=x&sequence=abc"} {
		if a := p.call("create", createQuery("breakout")+"&"+query); a.Returncode != "FAILED" {
			t.Errorf("%s: %s", query, a.body)
		}
	}
	for _, s := range p.sims {
		if s.Calls("create") > 0 {
			t.Errorf("%s saw the create", s.ID())
		}
		if err := s.Fault(simulator.Fault{Kind: simulator.ServerError, Calls: []string{"create", "insertDocument"}}); err != nil {
			t.Fatal(err)
		}
	}
	if a := p.call("create", createQuery("bad")); a.Key != "serverUnavailable" {
		t.Errorf("create: %s", a.body)
	}
	for _, s := range p.poller.Servers() {
		if s.Health != poller.Online {
			t.Errorf("%s is %s: %s", s.ID, s.Health, s.Reason)
		}
	}
}

// Names of calls that a front end makes up do not become series.
func TestMetrics_MadeUpCalls(t *testing.T) {
	t.Parallel()
	p := start(t, settings{servers: 1})
	p.create("room")
	if err := p.sims[0].Fault(simulator.Fault{Kind: simulator.Hang}); err != nil {
		t.Fatal(err)
	}
	p.waitFor("the server to be known to hang", func() bool { return p.poller.Failing("sim1") })
	if err := p.sims[0].Heal(); err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		p.call(fmt.Sprintf("fake%d", i), "meetingID=room")
	}
	var page strings.Builder
	p.gateway.Metrics.Set.WritePrometheus(&page)
	if strings.Contains(page.String(), "fake") {
		t.Errorf("made-up calls in\n%s", page.String())
	}
}

// A server that takes longer for everything than it may for a probe, while it goes on answering other calls, does not
// make the repeated creates of its room fail.
func TestCreate_RepeatOnSlowServer(t *testing.T) {
	t.Parallel()
	p := start(t, settings{servers: 3})
	server := p.room("class", 5)
	if err := server.Fault(simulator.Fault{Kind: simulator.Slow, Delay: 3 * time.Second}); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var asking sync.WaitGroup
	for range 6 {
		asking.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := p.try("isMeetingRunning", "meetingID=class"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 2 {
		p.create("class")
	}
	close(stop)
	asking.Wait()
}

// A server whose secret was changed accepts nothing of ours: creates go elsewhere, and it takes no new meetings.
func TestCreate_WrongSecret(t *testing.T) {
	p := start(t, settings{servers: 2, poll: time.Hour})
	bad := p.sims[0]
	p.poller.SetServer(store.Server{ID: bad.ID(), URL: bad.URL(), Secret: "wrong", State: store.Enabled, Weight: 1})
	for i := range 4 {
		p.create(fmt.Sprintf("room-%d", i))
	}
	if n := len(bad.Meetings()); n != 0 {
		t.Errorf("%d meetings on a server that does not accept our secret", n)
	}
}
