package placement_test

import (
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/placement"
)

// One person who follows a link again and again counts once, until a poll has looked: whoever was sent before it is among
// the people that it saw, or counts no more, and counts once again when sent after it.
func TestJoined_SamePerson(t *testing.T) {
	p := newPool(t, "a")
	claim := p.create("m")
	flood := func(who ...placement.Person) {
		for range 400 {
			for _, one := range who {
				p.Joined(claim.MeetingKey, one)
			}
		}
	}
	step := func(what string, people int) {
		t.Helper()
		equal(t, what, p.ServerLoad("a").People, people)
		p.check()
	}
	flood(1)
	step("one", 1)
	flood(1, 2)
	step("two", 2)
	p.BeginPoll("a")
	flood(2, 3)
	step("during a poll that has not looked yet", 3)
	_, err := p.Reconcile(t.Context(), placement.Poll{
		Server: "a", Began: p.clock.now(), Complete: true, Meetings: []placement.Sighting{sees(claim, 2)},
	})
	p.must(err)
	step("two are there, one is on the way", 3)
	flood(3)
	step("the same again", 3)
	flood(1)
	step("one comes again", 4)
	p.poll("a", sees(claim, 3))
	step("all are there", 3)
}

// A flood of made-up people costs little memory, and counts no more than any meeting has within one poll's time.
func TestJoined_Bounded(t *testing.T) {
	p := newPool(t, "a")
	claim := p.create("m")
	for i := range 20_000 {
		p.Joined(claim.MeetingKey, placement.Person(i+1))
	}
	equal(t, "people", p.ServerLoad("a").People, 5_000)
	p.poll("a", sees(claim, 1))
	equal(t, "after a poll", p.ServerLoad("a").People, 1)
}

// 400 requests of one link fill no server that has a hard capacity.
func TestJoined_FillsNoServer(t *testing.T) {
	p := newPool(t)
	p.SetServer(placement.Server{ID: "a", Weight: 1, Capacity: 100, Hard: true, Standing: placement.Open})
	claim := p.create("m")
	p.clock.add(time.Hour)
	for range 400 {
		p.Joined(claim.MeetingKey, 7)
	}
	equal(t, "another is created on", p.create("n").Server, "a")
}
