package placement_test

import (
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
		equal(t, "on a", overs(p.poll("a", twin)), []string{"m@a"})
		equal(t, "on b", overs(p.poll("b", twin)), []string{"m@a"})
		equal(t, "claimed on", p.where("m"), "")
		equal(t, "owed", p.owed(), []string{"m a m@a", "m b m@a"})
		equal(t, "over", p.Over("a", twin) && p.Over("b", twin), true)
		if !restart {
			equal(t, "another on a", overs(p.poll("a", twin, other)), []string{"m@a", "another"})
		}
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
	p.must(c.Confirm(t.Context(), "m@a", old.CreateTime)) // as good as never ended
	c.End()
	equal(t, "owed", p.owed(), nil)
	equal(t, "on a", overs(p.poll("a", sees(old, 5))), nil)
	equal(t, "claimed on", p.where("m"), "a")
	p.check()
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
