package gateway_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// Two rooms whose last five sessions had 250 people each are created one second after the other. Nobody is in them yet,
// and by the number of meetings both belong on the server that is empty; they go to different ones.
func TestPlacement_LargeRoomsApart(t *testing.T) {
	p := start(t, settings{servers: 3, poll: time.Hour})
	p.past("lecture-1", 5, 250)
	p.past("lecture-2", 5, 250)
	for _, s := range p.sims[1:] { // three small meetings on each of the other servers
		if err := s.Populate(3, 6); err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			p.past(fmt.Sprintf("%s-load-%d", s.ID(), i+1), 5, 2)
		}
	}
	p.waitFor("the meetings to be adopted", func() bool {
		p.poller.Refresh(t.Context())
		return len(p.ledger.Meetings()) == 6
	})
	p.create("lecture-1")
	p.create("lecture-2")
	first, second := p.server("lecture-1"), p.server("lecture-2")
	if first != "sim1" || second == "sim1" {
		t.Errorf("the lectures are on %s and %s; want sim1, which is empty, and another one", first, second)
	}
	for _, id := range []string{"lecture-1", "lecture-2"} {
		if found, err := p.ledger.Peek(key(id)); err != nil || found.Claim.Expected != 250 {
			t.Errorf("%v, %s expects %g, want 250", err, id, found.Claim.Expected)
		}
	}
}

// past gives a room sessions with so many people, one a day until yesterday.
func (p *pool) past(id string, sessions, people int) {
	p.tb.Helper()
	for i := range sessions {
		began := time.Now().AddDate(0, 0, i-sessions)
		s := store.Session{
			ID: fmt.Sprintf("%s-%d", id, i), Tenant: store.DefaultTenant, Server: "sim1", Start: began, End: began.Add(time.Hour),
			Peak: people, Reason: "ended", Meeting: p.ledger.Hash(key(id)),
		}
		if err := p.stores.Index.AddSession(p.tb.Context(), s); err != nil {
			p.tb.Fatal(err)
		}
		p.ledger.Learn(s)
	}
}

// A server with a hard capacity takes nothing beyond it, however idle it looks beside its weight. When all have reached
// it a create fails with a key of its own, a metric moves, and nothing is left behind; known meetings go on.
func TestPlacement_HardCapacity(t *testing.T) {
	p := start(t, settings{servers: 3, poll: time.Hour, weights: []float64{100}, server: func(s *store.Server) {
		if s.Hard = true; s.Weight > 1 {
			s.Capacity = 40 // two meetings of 15 and no third
		} else {
			s.Capacity = 60
		}
	}})
	for i := range 10 {
		p.create(fmt.Sprintf("room-%d", i))
	}
	for id, want := range map[string]int{"sim1": 2, "sim2": 4, "sim3": 4} {
		if n := len(p.sim(id).Meetings()); n != want {
			t.Errorf("%s has %d meetings, want %d", id, n, want)
		}
	}
	const full = `bbbpool_placement_refusals_total{cause="full"}`
	if n := p.metric(full); n != "0" {
		t.Errorf("%s %q before anything was refused, want 0", full, n)
	}
	if a := p.call("create", createQuery("beyond")); a.Returncode != "FAILED" || a.Key != "serverCapacityReached" {
		t.Errorf("create on full servers: %s", a.body)
	}
	if n := p.metric(full); n != "1" {
		t.Errorf("%s %q, want 1", full, n)
	}
	if p.server("beyond") != "" || len(p.ledger.Meetings()) != 10 {
		t.Errorf("the refused create left a claim; %d meetings", len(p.ledger.Meetings()))
	}
	p.create("room-0")
	if a := p.call("end", "meetingID=room-0&password=mp"); a.Returncode != "SUCCESS" {
		t.Fatal(a.body)
	}
	p.create("beyond")
}
