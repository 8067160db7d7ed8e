package placement_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// end ends a meeting as its front end does.
func (p *pool) end(id string, copies ...placement.Copy) error {
	p.t.Helper()
	e, err := p.BeginEnd(p.t.Context(), key(id))
	p.must(err)
	defer e.Release()
	return e.Ended(p.t.Context(), copies)
}

// overs returns the servers' strays that were ended, by internal ID.
func overs(strays []placement.Sighting) (list []string) {
	for _, s := range strays {
		if s.Over {
			list = append(list, s.InternalID)
		}
	}
	return list
}

// owed returns what the store says servers owe, as "meeting server internal ID".
func (p *pool) owed() (list []string) {
	p.t.Helper()
	endings, err := p.store.Endings(p.t.Context())
	p.must(err)
	for _, e := range endings {
		list = append(list, e.MeetingID+" "+e.Server+" "+e.InternalID)
	}
	return list
}

// What was ended is adopted from no server, with people in it or not, also by a ledger that was started anew, until the
// servers have let go of it.
func TestEnding_IsOver(t *testing.T) {
	p := newPool(t, "a", "b")
	claim := p.create("m", "b")
	twin, other := sees(claim, 7), sees(claim, 3)
	other.InternalID = "another" // nobody knew of it
	p.must(p.end("m", placement.Copy{Server: "b", InternalID: twin.InternalID}))
	equal(t, "claimed on", p.where("m"), "")
	for _, restart := range []bool{false, true} {
		if restart {
			p.restart("a", "b")
		}
		if !restart {
			equal(t, "another on a", overs(p.poll("a", twin, other)), []string{"m@a", "another"})
			equal(t, "another on a later", overs(p.poll("a", twin, other)), []string{"m@a", "another"})
		}
		equal(t, "on a", overs(p.poll("a", twin)), []string{"m@a"})
		equal(t, "on b", overs(p.poll("b", twin)), []string{"m@a"})
		equal(t, "claimed on", p.where("m"), "")
		equal(t, "owed", p.owed(), []string{"m a m@a", "m b m@a"})
		equal(t, "over", p.Over("a", twin) && p.Over("b", twin), true)
	}
	p.poll("a")
	p.poll("b", ended(twin))
	equal(t, "owed while it is listed as over", p.owed(), []string{"m b m@a"})
	p.poll("b")
	equal(t, "owed", p.owed(), nil)
	equal(t, "history", p.history(), []string{"m@a a ended 0 0"})
	p.check()
}

// A poll that began before the end, or is not complete, proves nothing.
func TestEnding_PollsThatProveNothing(t *testing.T) {
	p := newPool(t, "a")
	p.create("m")
	began := p.clock.now()
	p.clock.add(time.Second)
	p.must(p.end("m"))
	p.pollSince(began, "a")
	_, err := p.Reconcile(t.Context(), placement.Poll{Server: "a", Began: p.clock.now().Add(time.Second)})
	p.must(err)
	equal(t, "owed", p.owed(), []string{"m a m@a"})
}

// A meeting that is created by that name afterwards is another one: it goes where nobody owes the end of the old one, if it
// can, and what servers owe does not touch it, even where it is on the same server by the same internal ID.
func TestEnding_CreatedAnew(t *testing.T) {
	p := newPool(t, "a", "b")
	p.poll("b")
	old := p.create("m", "b")
	p.must(p.end("m"))
	p.clock.add(time.Second)
	made := p.create("m")
	equal(t, "created anew on", made.Server, "b")
	equal(t, "on a", overs(p.poll("a", sees(old, 5))), []string{"m@a"})
	equal(t, "on b", overs(p.poll("b", sees(made, 5))), nil)
	equal(t, "claimed on", p.where("m"), "b")
	c := p.begin("m")
	p.place(c, "b")
	p.must(c.Confirm(t.Context(), placement.Made{InternalID: "m@a", CreateTime: old.CreateTime})) // as good as never ended
	c.End()
	equal(t, "owed", p.owed(), nil)
	equal(t, "on a", overs(p.poll("a", sees(old, 5))), nil)
	equal(t, "claimed on", p.where("m"), "a")
	p.check()
}

// A server that nobody could look at when a meeting was ended may have a copy from before. It owes the end of that, too, also
// to a ledger that was started anew, until it is seen without; what is created by that name since is another one.
func TestEnding_NobodyCouldLook(t *testing.T) {
	p := newPool(t, "a", "b")
	claim := p.create("m", "b")
	p.poll("a", sees(claim, 1))
	p.must(p.end("m"))
	equal(t, "owed", p.owed(), []string{"m a m@a", "m b "})
	copied := sees(claim, 4)
	copied.InternalID = "m@b"
	copied.CreateTime += time.Hour.Milliseconds() // our clock was an hour behind at the end, and is set since
	p.restart("a", "b")
	equal(t, "on b", overs(p.poll("b", copied)), []string{"m@b"})
	equal(t, "claimed on", p.where("m"), "")
	equal(t, "owed while it is listed", p.owed(), []string{"m a m@a", "m b "})
	p.poll("a")
	p.poll("b")
	equal(t, "owed", p.owed(), nil)
	p.check()

	p.restart("a", "b")
	p.create("m", "b")
	p.clock.add(time.Second)
	p.must(p.end("m"))
	p.clock.add(time.Minute)
	made := p.create("m", "a")
	made.CreateTime = claim.CreateTime // by a clock that is far behind
	equal(t, "what was created since", overs(p.poll("b", sees(made, 4))), nil)
	equal(t, "claimed on", p.where("m"), "b")
	equal(t, "owed", p.owed(), []string{"m a m@a"})
}

// Whoever has missed a poll cannot be looked at; who is being asked can.
func TestEnding_MissedPoll(t *testing.T) {
	p := newPool(t, "a")
	for _, step := range []struct {
		what string
		do   func()
		owed []string
	}{
		{"never asked", func() {}, []string{"m a "}},
		{"seen", func() { p.poll("a") }, nil},
		{"being asked", func() { p.BeginPoll("a") }, nil},
		{"has not answered", func() { p.BeginPoll("a") }, []string{"m a "}},
	} {
		step.do()
		p.must(p.end("m"))
		equal(t, step.what, p.owed(), step.owed)
		p.clock.add(time.Second)
	}
}

// What the store refuses is not acknowledged; a crash between the two writes ends the meeting at the next start.
func TestEnding_StoreFails(t *testing.T) {
	for _, call := range []string{"AddEndings", "AddSession", "DeleteClaim"} {
		t.Run(call, func(t *testing.T) {
			p := newPool(t, "a")
			claim := p.create("m")
			p.store.fail(call)
			wantErr(t, "end", p.end("m"), errDisk)
			equal(t, "claimed on", p.where("m"), "a")
			p.check()
			p.store.fail()
			p.restart("a")
			want := "a"
			if call != "AddEndings" {
				want = ""
			}
			equal(t, "claimed after the restart on", p.where("m"), want)
			p.poll("a", sees(claim, 1))
			equal(t, "claimed after a poll on", p.where("m"), want)
			p.check()
		})
	}
}

// A server that leaves the pool takes along what it owes.
func TestEnding_ServerLeaves(t *testing.T) {
	p := newPool(t, "a", "b")
	p.poll("b")
	p.create("m", "b")
	p.create("n", "b")
	p.must(p.end("m"))
	p.must(p.end("n"))
	p.must(p.RemoveServer(t.Context(), "a"))
	equal(t, "owed", p.owed(), nil)
	p.must(p.store.AddEndings(t.Context(), store.Ending{MeetingKey: key("m"), Server: "a", InternalID: "m@a"}))
	p.restart("b")
	equal(t, "owed after a restart", p.owed(), nil)
}

// A room that comes back to a server which still has its old copy goes on there: its session is as long as all of it.
func TestEnding_SessionGoesOn(t *testing.T) {
	p := newPool(t, "a", "b")
	first := p.create("m", "b")
	p.poll("a", sees(first, 30))
	p.clock.add(time.Hour)
	p.stand(placement.Gone, "a")
	p.create("m")
	p.clock.add(time.Minute)
	p.stand(placement.Open, "a")
	p.stand(placement.Gone, "b")
	again := p.create("m")
	equal(t, "internal ID", again.InternalID, first.InternalID)
	p.clock.add(2 * time.Second)
	p.must(p.end("m"))
	session, err := p.store.Session(t.Context(), first.InternalID)
	p.must(err)
	equal(t, "length", session.End.Sub(session.Start) > time.Hour, true)
	equal(t, "peak", session.Peak, 30)
}

// Whatever clocks say, also when ours is set in between: what a server had before the end is over, and what it is seen with
// for the first time after it was seen without is a new meeting.
func TestEnding_Clocks(t *testing.T) {
	for _, server := range []time.Duration{0, -time.Hour, time.Hour} {
		for _, jump := range []time.Duration{0, -24 * time.Hour, 24 * time.Hour} {
			for _, before := range []bool{false, true} { // the end, or after it
				t.Run(fmt.Sprint(server, jump, before), func(t *testing.T) {
					p := newPool(t, "a", "b")
					var set time.Duration // how far our clock was set
					theirs := func() int64 { return p.clock.now().Add(server - set).UnixMilli() }
					poll := func(on string, list ...placement.Sighting) []placement.Sighting {
						p.clock.add(10 * time.Second)
						p.BeginPoll(on)
						found, err := p.Reconcile(t.Context(), placement.Poll{
							Server: on, Began: p.clock.now(), Complete: true, Ahead: server - set, Meetings: list,
						})
						p.must(err)
						return found.Strays
					}
					spring := func() { p.clock.add(jump); set += jump }
					p.create("m", "b")
					poll("a")
					poll("b")
					old := placement.Sighting{Key: key("m"), InternalID: "old", CreateTime: theirs() - 1, People: 3}
					if before {
						spring()
					}
					p.must(p.end("m"))
					if !before {
						spring()
					}
					equal(t, "the old one", overs(poll("b", old)), []string{"old"})
					equal(t, "the old one again", overs(poll("b", old)), []string{"old"})
					equal(t, "claimed", p.where("m"), "")
					poll("a")
					made := placement.Sighting{Key: key("m"), InternalID: "new", CreateTime: theirs(), People: 2}
					equal(t, "a new one that nobody has created here", overs(poll("a", made)), nil)
					equal(t, "claimed", p.where("m"), "a")
					p.must(p.end("m"))
					c := p.begin("m")
					p.place(c, "b")
					p.must(c.Confirm(t.Context(), placement.Made{InternalID: "third", CreateTime: theirs()}))
					c.End()
					third := placement.Sighting{Key: key("m"), InternalID: "third", CreateTime: theirs(), People: 4}
					equal(t, "a new one that was", overs(poll("a", third)), nil)
					equal(t, "claimed", p.where("m"), "a")
				})
			}
		}
	}
}

// An end that was asked for by a clock that was set back before a restart is forgotten like any other; so is one on a server
// whose answers can never be read whole, after a day.
func TestEnding_Forgotten(t *testing.T) {
	p := newPool(t, "a")
	p.create("m")
	p.must(p.end("m"))
	p.clock.add(-30 * 24 * time.Hour)
	p.restart("a")
	p.poll("a")
	equal(t, "owed", p.owed(), nil)
	p.create("n")
	p.must(p.end("n"))
	broken := func() {
		p.clock.add(10 * time.Second)
		p.BeginPoll("a")
		_, err := p.Reconcile(t.Context(), placement.Poll{Server: "a", Began: p.clock.now()})
		p.must(err)
	}
	broken()
	equal(t, "owed", p.owed(), []string{"n a n@a"})
	p.clock.add(24 * time.Hour)
	broken()
	equal(t, "owed after a day", p.owed(), nil)
}

// A server that lists a meeting thousands of times over costs no more than others.
func TestEnding_ManyCopies(t *testing.T) {
	p := newPool(t, "a")
	p.create("m")
	p.must(p.end("m"))
	var list []placement.Sighting
	for i := range 20_000 {
		list = append(list, placement.Sighting{Key: key("m"), InternalID: fmt.Sprint(i), CreateTime: 1})
	}
	equal(t, "over", len(overs(p.poll("a", list...))), len(list))
	equal(t, "over later", len(overs(p.poll("a", list...))), placement.MaxCopies-1)
}

// What a server owes that nobody can look at is forgotten after a day, with the poll of whichever server that can be.
func TestEnding_LongGone(t *testing.T) {
	p := newPool(t, "a", "b")
	claim := p.create("m", "b")
	p.poll("a", sees(claim, 1))
	p.must(p.end("m"))
	p.poll("a")
	equal(t, "owed at first", p.owed(), []string{"m b "})
	p.clock.add(23 * time.Hour)
	p.poll("a")
	equal(t, "owed for nearly a day", p.owed(), []string{"m b "})
	p.clock.add(time.Hour)
	p.poll("a")
	equal(t, "owed after a day", p.owed(), nil)
	p.check()
}
