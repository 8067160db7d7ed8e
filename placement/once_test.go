package placement_test

import (
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/placement"
)

// A meeting that two empty polls have closed, and that is seen again, is a session of its own from then on, since the end of the
// first was told. It is one more on the same day, and was there once.
func TestOnce_SeenAgain(t *testing.T) {
	p := newC3(t, "a")
	p.at(monday, 10, 15)
	claim := p.create("m")
	p.poll("a", sees(claim, 100))
	p.clock.add(10 * time.Minute)
	p.poll("a", sees(claim, 100))
	p.poll("a")
	p.poll("a")                   // gone
	p.poll("a", sees(claim, 100)) // back
	p.clock.add(30 * time.Minute)
	p.poll("a", sees(claim, 100))
	p.poll("a", ended(sees(claim, 0)))
	equal(t, "history", p.history(), []string{"m@a a gone 100 0", "m@a~1767608750000 a ended 100 0"})
	p.at(monday.AddDate(0, 0, 7), 10, 10)
	equal(t, "seat after one session", p.kept("a"), []float64{0})
}

// A session whose end the store refuses again and again counts once.
func TestOnce_StoreFails(t *testing.T) {
	p := newC3(t, "a")
	p.at(monday, 10, 15)
	claim := p.create("m")
	p.poll("a", sees(claim, 100))
	p.clock.add(time.Hour)
	p.store.fail("DeleteClaim")
	for range 5 {
		p.clock.add(10 * time.Second)
		p.BeginPoll("a")
		_, err := p.Reconcile(t.Context(), placement.Poll{Server: "a", Began: p.clock.now(), Complete: true, Meetings: []placement.Sighting{ended(sees(claim, 0))}})
		if err == nil {
			t.Fatal("no error")
		}
	}
	p.store.fail()
	p.poll("a", ended(sees(claim, 0)))
	p.at(monday.AddDate(0, 0, 7), 10, 10)
	equal(t, "seat after one session", p.kept("a"), []float64{0})
	equal(t, "tightest", p.Capacity().Tightest.People, 100.0)
}

// A meeting that moved to another server in its first minutes was there once on that day.
func TestOnce_Moved(t *testing.T) {
	p := newC3(t, "a", "b")
	p.at(monday, 10, 15)
	claim := p.create("m", "b")
	p.clock.add(5 * time.Minute)
	p.poll("a", sees(claim, 100))
	p.stand(placement.Gone, "a")
	claim = p.create("m")
	p.clock.add(30 * time.Minute)
	p.poll("b", sees(claim, 100))
	p.poll("b", ended(sees(claim, 0)))
	p.stand(placement.Open, "a")
	p.at(monday.AddDate(0, 0, 7), 10, 15)
	equal(t, "seat after one session", p.kept("a", "b"), []float64{0, 0})
}

// A server that now and then lists nothing and then everything again: memory makes of it what a restart makes of the rows, and the reason why the meeting is there stays.
func TestOnce_Restart(t *testing.T) {
	p := newC3(t, "a")
	p.at(monday, 10, 15)
	claim := p.create("class")
	p.poll("a", sees(claim, 100))
	for range 3 {
		p.clock.add(10 * time.Minute)
		p.poll("a", sees(claim, 100))
		p.poll("a")
		p.poll("a")
		p.poll("a", sees(claim, 100))
	}
	p.poll("a", ended(sees(claim, 0)))
	p.clock.add(2 * time.Hour)
	before := p.Capacity().Tightest
	p.restart("a")
	list, err := p.store.SessionsSince(t.Context(), time.Time{}, "", 100)
	p.must(err)
	for _, s := range list {
		p.Learn(s)
	}
	equal(t, "the busiest time, before a restart against after", before.People, p.Capacity().Tightest.People)
	equal(t, "why", list[0].Why, claim.Why)
}
