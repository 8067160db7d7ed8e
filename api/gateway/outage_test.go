package gateway_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/api/simulator"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

// swift has everything happen faster than in life. A server goes offline after so many failed polls.
func swift(unhealthy, healthy int) func(*poller.Config, *gatewayConfig) {
	return func(c *poller.Config, g *gatewayConfig) {
		c.Interval, c.Connect, c.Failover = 100*time.Millisecond, 500*time.Millisecond, 300*time.Millisecond
		c.Unhealthy, c.Healthy, g.Connect = unhealthy, healthy, c.Connect
	}
}

const never = 1000 // failed polls

// classes creates meetings with people in them, until every server has one, and returns their internal IDs.
func (p *pool) classes(n int) map[string]string {
	p.tb.Helper()
	internal := map[string]string{}
	for i := range n {
		id := fmt.Sprintf("class-%d", i)
		p.room(id, 5)
		found, err := p.ledger.Peek(key(id))
		if err != nil {
			p.tb.Fatal(err)
		}
		internal[id] = found.Claim.Server + " " + found.Claim.InternalID
	}
	return internal
}

// claims returns where meetings are by now, in the form of classes.
func (p *pool) claims(of map[string]string) map[string]string {
	now := map[string]string{}
	for id := range of {
		if found, err := p.ledger.Peek(key(id)); err == nil {
			now[id] = found.Claim.Server + " " + found.Claim.InternalID
		}
	}
	return now
}

// unharmed fails where meetings are not where they were, or somebody was asked to end one.
func (p *pool) unharmed(before map[string]string) {
	p.tb.Helper()
	if diff := cmp.Diff(before, p.claims(before)); diff != "" {
		p.tb.Errorf("claims (-before +now):\n%s", diff)
	}
	for id := range before {
		if on := p.on(id); len(on) != 1 {
			p.tb.Errorf("%s is on %v", id, on)
		}
	}
	if n := p.ends(); n != 0 {
		p.tb.Errorf("%d calls to end a meeting, want none", n)
	}
}

// story is what the log says of a server's health, in order.
func (p *pool) story(log *syncBuffer, server string) (words []string) {
	p.tb.Helper()
	for _, l := range lines(p.tb, log, "health") {
		if l.Server == server && (words == nil || words[len(words)-1] != l.Health) {
			words = append(words, l.Health)
		}
	}
	return words
}

// One server is cut off for a while: no new meeting goes there, joins to its classes still do, there is no second copy,
// and it comes back by itself with the same meetings.
func TestOutage_OneServerIsCutOff(t *testing.T) {
	t.Parallel()
	for _, kind := range []simulator.Kind{simulator.Refuse, simulator.BlackHole} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			var log syncBuffer
			p := start(t, settings{servers: 3, log: &log, change: swift(never, 1)})
			before := p.classes(6)
			cut := p.sim(p.server("class-0"))
			if err := cut.Fault(simulator.Fault{Kind: kind}); err != nil {
				t.Fatal(err)
			}
			p.waitHealth(cut.ID(), poller.Suspect)
			for i := range 12 {
				id := fmt.Sprintf("new-%d", i)
				p.create(id)
				if p.server(id) == cut.ID() {
					t.Errorf("%s was created on the server that is cut off", id)
				}
			}
			if to := p.join("class-0", "").Host; to != hostOf(t, cut) {
				t.Errorf("the join goes to %s", to)
			}
			if err := cut.Heal(); err != nil {
				t.Fatal(err)
			}
			p.waitHealth(cut.ID(), poller.Online)
			p.polled(cut, 3)
			p.unharmed(before)
			if diff := cmp.Diff([]string{"online", "suspect", "online"}, p.story(&log, cut.ID())); diff != "" {
				t.Errorf("the log's story (-want +got):\n%s", diff)
			}
		})
	}
}

// It is cut off for longer: its class can be created elsewhere. When it comes back with people in the old copy that is
// a problem, and when these have left, the copy is ended; both are in the log.
func TestOutage_OneServerIsOffline(t *testing.T) {
	t.Parallel()
	var log syncBuffer
	p := start(t, settings{servers: 3, log: &log, change: swift(3, 1)})
	before := p.classes(3)
	cut := p.sim(p.server("class-0"))
	if err := cut.Fault(simulator.Fault{Kind: simulator.Refuse}); err != nil {
		t.Fatal(err)
	}
	p.waitHealth(cut.ID(), poller.Offline)
	p.create("class-0")
	elsewhere := p.server("class-0")
	if elsewhere == cut.ID() {
		t.Fatalf("class-0 is still on %s, which is offline", elsewhere)
	}
	if err := cut.Heal(); err != nil {
		t.Fatal(err)
	}
	p.waitFor("the problem that the class is on two servers", func() bool {
		split := lines(t, &log, "meeting is on two servers")
		return len(split) == 1 && split[0].MeetingID == "class-0" && split[0].Server == cut.ID() && split[0].Claimed == elsewhere
	})
	p.polled(cut, 3)
	if n := p.ends(); n != 0 {
		t.Fatalf("%d calls to end a meeting with people in it", n)
	}
	if to := p.join("class-0", "").Host; to != hostOf(t, p.sim(elsewhere)) {
		t.Errorf("the join goes to %s, not to %s where it is claimed", to, elsewhere)
	}
	if err := cut.Leave("class-0", 0); err != nil {
		t.Fatal(err)
	}
	p.waitFor("the empty copy to be ended", func() bool {
		ended := lines(t, &log, "ended an empty meeting that is claimed on another server")
		return len(ended) == 1 && ended[0].MeetingID == "class-0" && ended[0].Server == cut.ID()
	})
	if diff := cmp.Diff([]string{elsewhere}, p.on("class-0")); diff != "" {
		t.Errorf("servers that have class-0 (-want +got):\n%s", diff)
	}
	if n := p.ends(); n != 1 {
		t.Errorf("%d calls to end a meeting, want the one", n)
	}
	delete(before, "class-0")
	if diff := cmp.Diff(before, p.claims(before)); diff != "" {
		t.Errorf("claims of the other classes (-before +now):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"online", "suspect", "offline", "online"}, p.story(&log, cut.ID())); diff != "" {
		t.Errorf("the log's story (-want +got):\n%s", diff)
	}
}

// A server that fails one poll in three never fails for long: it leaves rotation all the same, and comes back only
// after several clean polls. Its class stays, and so does everybody in it.
func TestOutage_FlappingServer(t *testing.T) {
	t.Parallel()
	const clean = 3
	var log syncBuffer
	var f front
	var good atomic.Int64 // polls since the last bad one
	p := start(t, settings{servers: 3, log: &log, change: swift(never, clean), server: func(s *store.Server) {
		if s.ID == "sim1" {
			f.before(t, s)
		}
	}})
	before := p.classes(6)
	polls := 0
	f.set(func(call string) (string, bool) {
		if call != "/getMeetings" {
			return "", false
		}
		if polls++; polls%3 == 0 {
			good.Store(0)
			return "", true // 502
		}
		good.Add(1)
		return "", false
	})
	p.waitHealth("sim1", poller.Suspect)
	for i := range 12 {
		id := fmt.Sprintf("new-%d", i)
		p.create(id)
		if p.server(id) == "sim1" {
			t.Errorf("%s was created on the server that flaps", id)
		}
		n := f.count("/getMeetings")
		p.waitFor("another poll", func() bool { return f.count("/getMeetings") > n })
		if h := p.health("sim1"); h == poller.Online {
			t.Errorf("the server that flaps is %s after %d clean polls", h, good.Load())
		}
		if to := p.join("class-0", "").Path; to != "/bigbluebutton/api/join" {
			t.Errorf("a join goes to %s", to)
		}
	}
	f.set(func(call string) (string, bool) {
		if call == "/getMeetings" {
			good.Add(1)
		}
		return "", false
	})
	p.waitHealth("sim1", poller.Online)
	if n := good.Load(); n < clean {
		t.Errorf("back after %d clean polls, want at least %d", n, clean)
	}
	p.unharmed(before)
}

// All servers fail at once, long enough for each to go offline by itself: that is our own network. Nothing goes
// offline, joins go on, one problem says what to check, and afterwards everything is as it was.
func TestOutage_OwnNetwork(t *testing.T) {
	t.Parallel()
	var log syncBuffer
	p := start(t, settings{servers: 3, log: &log, change: swift(2, 1)})
	before := p.classes(6)
	for _, s := range p.sims {
		if err := s.Fault(simulator.Fault{Kind: simulator.Refuse}); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range p.sims {
		p.waitHealth(s.ID(), poller.Suspect)
	}
	const problem = "more than half of the pool fails at once: no server goes offline; check our own network and DNS"
	p.waitFor("the problem", func() bool { return len(lines(t, &log, problem)) == 1 })
	if a := p.call("create", createQuery("new")); a.Key != "serverUnavailable" {
		t.Errorf("create without a network: %s", a.body)
	}
	for id := range before {
		if to := p.join(id, "").Path; to != "/bigbluebutton/api/join" {
			t.Errorf("the join of %s goes to %s", id, to)
		}
	}
	failing := p.failing()
	p.waitFor("servers to fail for much longer than offline takes", func() bool { return p.failing() > failing+time.Second })
	for _, s := range p.sims {
		if h := p.health(s.ID()); h == poller.Offline {
			t.Errorf("%s is %s", s.ID(), h)
		}
		if err := s.Heal(); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range p.sims {
		p.waitHealth(s.ID(), poller.Online)
		p.polled(s, 3)
	}
	p.unharmed(before)
	if n := len(lines(t, &log, problem)); n != 1 {
		t.Errorf("%d problems, want one", n)
	}
	if n := len(lines(t, &log, "no more than half of the pool fails: our own network seems to be well")); n != 1 {
		t.Errorf("%d lines say that it is over, want one", n)
	}
}

// failing is for how long the first server has failed.
func (p *pool) failing() time.Duration {
	status, _ := p.poller.Server(p.sims[0].ID())
	return time.Since(status.Failing)
}
