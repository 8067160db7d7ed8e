package gateway_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// createAll creates n meetings at once and returns how many ended up on each server.
func createAll(t *testing.T, p *pool, n int) map[string]int {
	t.Helper()
	var wg sync.WaitGroup
	errs := make(chan error, n)
	for i := range n {
		wg.Go(func() {
			a, err := p.try("create", createQuery(fmt.Sprintf("room-%d", i)))
			if err == nil && a.Returncode != "SUCCESS" {
				err = fmt.Errorf("create: %s", a.body)
			}
			errs <- err
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
	count := map[string]int{}
	for _, s := range p.sims {
		count[s.ID()] = len(s.Meetings())
	}
	return count
}

// 200 front ends press "start" in the same second; the servers are equal and idle, and nobody polls them meanwhile.
func TestHerd_SpreadsEvenly(t *testing.T) {
	p := start(t, settings{servers: 22, poll: time.Hour})
	before := polls(p)
	began := time.Now()
	for id, n := range createAll(t, p, 200) {
		if n < 9 || n > 10 {
			t.Errorf("%s has %d meetings, want 9 or 10", id, n)
		}
	}
	t.Logf("200 creates took %s", time.Since(began).Round(time.Millisecond))
	if now := polls(p); now != before {
		t.Errorf("%d polls during the creates, want none", now-before)
	}
}

func polls(p *pool) (n int) {
	for _, s := range p.sims {
		n += s.Calls("getMeetings")
	}
	return n
}

// A server of weight 2 takes twice as many as the others: of 23 shares it has two.
func TestHerd_SpreadsByWeight(t *testing.T) {
	p := start(t, settings{servers: 22, weights: []float64{2}, poll: time.Hour})
	for id, n := range createAll(t, p, 200) {
		low, high := 8, 9 // 200/23 = 8.7
		if id == "sim1" {
			low, high = 16, 18 // 17.4
		}
		if n < low || n > high {
			t.Errorf("%s has %d meetings, want %d to %d", id, n, low, high)
		}
	}
}

// Each decision is one line in the log, with the numbers that it was made with, and so is a move.
func TestPlacement_EachDecisionIsLogged(t *testing.T) {
	var log syncBuffer
	p := start(t, settings{servers: 3, log: &log})
	createAll(t, p, 30)
	p.call("create", createQuery("hinted")+"&meta_bbb-meeting-size-hint=40")
	placed := map[string]line{}
	for _, l := range lines(t, &log, "placed") {
		if _, twice := placed[l.MeetingID]; twice {
			t.Errorf("%s was placed twice", l.MeetingID)
		}
		placed[l.MeetingID] = l
	}
	if len(placed) != 31 {
		t.Errorf("%d decisions in the log, want 31", len(placed))
	}
	for _, m := range p.ledger.Meetings() {
		l := placed[m.MeetingID]
		if l.Server != m.Server || l.Why != placement.Explain(m.Server, m.Why) || l.Basis != m.Why.Basis ||
			l.Expected != m.Expected || l.Hint != m.Hint || l.From != "" {
			t.Errorf("%s: the log says %+v, the claim %+v", m.MeetingID, l, m.Claim)
		}
	}
	if l := placed["hinted"]; l.Hint != 40 || l.Basis != string(placement.FromHint) || l.Expected != 20 {
		t.Errorf("40 people announced: %+v, want half of them expected", l)
	}
	p.poller.SetServer(p.as(p.server("room-0"), store.Disabled))
	from := p.server("room-0")
	p.create("room-0")
	moves := lines(t, &log, "placed")[31:]
	if len(moves) != 1 || moves[0].From != from || moves[0].Server != p.server("room-0") || moves[0].Server == from {
		t.Errorf("a move from %s is logged as %+v", from, moves)
	}
}
