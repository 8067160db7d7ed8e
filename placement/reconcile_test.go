package placement_test

import (
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// A claim is closed when two complete polls in a row have not seen its meeting, and leaves a session with its figures.
func TestReconcile_Gone(t *testing.T) {
	p := newPool(t, "a")
	claim := p.create("m")
	p.Joined(claim.MeetingKey, 0)
	p.poll("a", sees(claim, 12))
	p.poll("a", sees(claim, 5))
	p.poll("a")
	equal(t, "missed once", p.where("m"), "a")
	p.poll("a", sees(claim, 5))
	p.poll("a")
	equal(t, "missed once more, but not in a row", p.where("m"), "a")
	p.poll("a")
	equal(t, "missed twice", p.where("m"), "")
	equal(t, "history", p.history(), []string{"m@a a gone 12 1"})
	p.check()
	p.poll("a", sees(claim, 5))
	equal(t, "there after all", p.where("m"), "a")
	p.check()
}

// A poll that could not read everything says nothing about what it did not see.
func TestReconcile_Incomplete(t *testing.T) {
	p := newPool(t, "a")
	p.create("m")
	for range 5 {
		p.clock.add(10 * time.Second)
		_, err := p.Reconcile(t.Context(), placement.Poll{Server: "a", Began: p.clock.now()})
		p.must(err)
	}
	equal(t, "where", p.where("m"), "a")
	p.check()
}

// Polls that began before the server had the meeting do not close it, however many they are.
func TestReconcile_OldPoll(t *testing.T) {
	p := newPool(t, "a")
	began := p.clock.now()
	p.clock.add(time.Second)
	claim := p.create("m")
	for range 3 {
		p.pollSince(began, "a")
		p.pollSince(p.clock.now(), "a")
	}
	p.poll("a")
	p.create("m") // the server said again that it has it
	p.pollSince(p.clock.now(), "a")
	p.poll("a")
	equal(t, "where", p.where("m"), "a")
	p.poll("a", sees(claim, 0))
	p.check()
}

// A meeting that is being created is not closed, adopted or taken for a stray, whatever polls see.
func TestReconcile_Creating(t *testing.T) {
	p := newPool(t, "a")
	claim := p.create("m")
	p.stand(placement.Open, "b")
	c := p.begin("m")
	p.place(c)
	for range 3 {
		p.poll("a")
		p.poll("a", ended(sees(claim, 0)))
	}
	closed, err := p.Close(t.Context(), claim, "ended")
	p.must(err)
	equal(t, "closed", closed, false)
	p.place(c, "a")
	equal(t, "strays", p.poll("a", sees(claim, 0)), nil)
	other := p.begin("n")
	p.poll("a", placement.Sighting{Key: key("n"), InternalID: "n@a", CreateTime: 1})
	equal(t, "not adopted", p.where("n"), "")
	other.End()
	p.must(c.Confirm(t.Context(), placement.Made{InternalID: "m@b", CreateTime: 2}))
	c.End()
	equal(t, "where", p.where("m"), "b")
	equal(t, "strays after it", p.poll("a", sees(claim, 0)), []placement.Sighting{sees(claim, 0)})
	p.check()
}

// A poll may see a meeting before its create has come back. What the server answered is stored all the same.
func TestReconcile_SeenFirst(t *testing.T) {
	p := newPool(t, "a")
	c := p.begin("m")
	claim := p.place(c).Claim
	claim.InternalID, claim.CreateTime = "x", 5
	p.poll("a", sees(claim, 1))
	p.must(c.Confirm(t.Context(), placement.Made{InternalID: "x", CreateTime: 5}))
	c.End()
	equal(t, "people", p.ServerLoad("a").People, 1)
	p.check()
}

// What is decided on a poll is looked at once more before it is done: a create in between was told that it has its
// meeting, and keeps it.
func TestReconcile_CreateInBetween(t *testing.T) {
	p := newPool(t, "a")
	p.create("a first")
	p.create("m")
	p.poll("a")
	p.clock.add(10 * time.Second)
	began := p.clock.now()
	p.clock.add(time.Second)
	once := true
	p.store.set(func(call string) error { // while one of them is being closed the other is created again
		if once && call == "AddSession" {
			once = false
			for _, m := range p.Meetings() {
				c, err := p.Begin(expired, m.MeetingKey)
				if err != nil {
					continue // this is the one
				}
				p.place(c)
				p.must(c.Confirm(t.Context(), placement.Made{InternalID: m.InternalID, CreateTime: m.CreateTime}))
				c.End()
			}
		}
		return nil
	})
	p.pollSince(began, "a")
	equal(t, "meetings left", len(p.Meetings()), 1)
	p.check()
}

// A meeting that its server lists as over is closed at once.
func TestReconcile_Ended(t *testing.T) {
	p := newPool(t, "a")
	claim := p.create("m")
	p.poll("a", sees(claim, 3))
	p.poll("a", ended(sees(claim, 0)))
	equal(t, "where", p.where("m"), "")
	equal(t, "history", p.history(), []string{"m@a a ended 3 0"})
	p.poll("a", ended(sees(claim, 0)))
	p.check()
}

// A session that is over does not end the one that came after it, nor hide that this one is missing.
func TestReconcile_FormerSession(t *testing.T) {
	p := newPool(t, "a")
	former := p.create("m")
	former.InternalID = "former"
	p.poll("a", ended(sees(former, 0)))
	equal(t, "where", p.where("m"), "a")
	p.poll("a", ended(sees(former, 0)))
	equal(t, "missed twice", p.where("m"), "")
	p.check()
}

// A poll that was on its way does not bring back what has been closed, nor its internal ID into the next claim.
func TestReconcile_Tombstone(t *testing.T) {
	p := newPool(t, "a")
	claim := p.create("m")
	closed, err := p.Close(t.Context(), claim, "ended")
	p.must(err)
	equal(t, "closed", closed, true)
	p.poll("a", sees(claim, 3))
	equal(t, "after a late poll", p.where("m"), "")

	c := p.begin("m")
	p.place(c)
	p.must(c.Confirm(t.Context(), placement.Made{InternalID: "next", CreateTime: 2}))
	c.End()
	p.poll("a", sees(claim, 3))
	p.poll("a", sees(claim, 3), placement.Sighting{Key: key("m"), InternalID: "next", CreateTime: 2, People: 1})
	equal(t, "people", p.ServerLoad("a").People, 1)
	p.check()

	p.stand(placement.Open, "b")
	equal(t, "strays", len(p.poll("b", sees(claim, 0))), 1) // another server's meeting is another meeting
	p.clock.add(time.Hour)
	for range 2 { // tombstones go as others come
		_, err = p.Close(t.Context(), p.create("n"), "ended")
		p.must(err)
		p.clock.add(time.Hour)
	}
	equal(t, "strays later on", len(p.poll("b", sees(claim, 0))), 1)
}

// A meeting that a server still has after we took it for ended is as good as any other once a create got it.
func TestReconcile_Revived(t *testing.T) {
	p := newPool(t, "a")
	claim := p.create("m")
	_, err := p.Close(t.Context(), claim, "ended")
	p.must(err)
	claim = p.create("m")
	for range 3 {
		p.poll("a", sees(claim, 2))
	}
	equal(t, "where", p.where("m"), "a")
	equal(t, "people", p.ServerLoad("a").People, 2)
	p.check()
}

// A session that was begun without us counts once the claimed one is found to be gone.
func TestReconcile_BegunWithoutUs(t *testing.T) {
	p := newPool(t, "a")
	claim := p.create("m")
	next := claim
	next.InternalID, next.CreateTime = "next", claim.CreateTime+1000
	p.poll("a", sees(claim, 3), sees(next, 4))
	p.poll("a", sees(next, 4), sees(claim, 3))
	equal(t, "people while both are there", p.ServerLoad("a").People, 3)
	p.poll("a", sees(next, 4))
	p.poll("a", sees(next, 4))
	found, err := p.Find(t.Context(), key("m"), time.Minute)
	p.must(err)
	equal(t, "found", found.Claim.InternalID, "next")
	equal(t, "people", p.ServerLoad("a").People, 4)
	equal(t, "history", p.history(), []string{"m@a a gone 3 0"})
	p.check()
}

// A claim that the store cannot close stands until it can.
func TestClose_StoreFails(t *testing.T) {
	p := newPool(t, "a")
	claim := p.create("m")
	for _, call := range []string{"AddSession", "DeleteClaim"} {
		p.store.fail(call)
		closed, err := p.Close(t.Context(), claim, "ended")
		wantErr(t, call, err, errDisk)
		equal(t, call, closed, false)
		p.check()
	}
	wantErr(t, "fault", p.Fault(), errDisk)
	p.store.fail()
	closed, err := p.Close(t.Context(), claim, "operator")
	p.must(err)
	equal(t, "closed", closed, true)
	wantErr(t, "fault", p.Fault(), nil)
	equal(t, "history", p.history(), []string{"m@a a operator 0 0"})
	p.check()
}

// A claim that has changed since it was found is not closed; one that has got its internal ID since is.
func TestClose_Changed(t *testing.T) {
	p := newPool(t, "a")
	claim := p.create("m")
	for _, change := range []func(*store.Claim){
		func(c *store.Claim) { c.Server = "b" },
		func(c *store.Claim) { c.Placed = c.Placed.Add(1) },
		func(c *store.Claim) { c.InternalID = "other" },
		func(c *store.Claim) { c.MeetingID = "other" },
	} {
		changed := claim
		change(&changed)
		closed, err := p.Close(t.Context(), changed, "ended")
		p.must(err)
		equal(t, "closed", closed, false)
	}
	p.check()
	claim.InternalID = ""
	closed, err := p.Close(t.Context(), claim, "ended")
	p.must(err)
	equal(t, "closed without its internal ID", closed, true)
	p.check()
}

// A server cannot bury another's meeting by giving one of its own the other's internal ID, nor get its recording: what is
// going on elsewhere is not adopted under another name.
func TestReconcile_BorrowedInternalID(t *testing.T) {
	p := newPool(t, "a")
	claim := p.create("m")
	p.stand(placement.Open, "b")
	decoy := placement.Sighting{Key: key("decoy"), InternalID: claim.InternalID, CreateTime: 1}
	p.poll("b", decoy)
	equal(t, "decoy", p.where("decoy"), "")
	p.poll("b", ended(decoy))
	for range 3 {
		p.poll("a", sees(claim, 3))
	}
	equal(t, "the meeting", p.where("m"), "a")
	p.check()
}

// A server that is in the pool under two names shows one meeting twice. It is no copy.
func TestReconcile_Twin(t *testing.T) {
	p := newPool(t, "a", "alias")
	claim := p.create("m")
	other := map[string]string{"a": "alias", "alias": "a"}[claim.Server]
	strays := p.poll(other, sees(claim, 0))
	equal(t, "twin", len(strays) == 1 && strays[0].Twin, true)
	copied := sees(claim, 0)
	copied.InternalID = "copy"
	equal(t, "copy", p.poll(other, copied)[0].Twin, false)
}

// A copy with people in it outlives the meeting that it is a copy of: they are still there.
func TestReconcile_CopyLeft(t *testing.T) {
	p := newPool(t, "a", "b")
	claim := p.create("m", "b")
	p.clock.add(time.Minute)
	copied := placement.Sighting{Key: key("m"), InternalID: "copy", CreateTime: claim.CreateTime, People: 2}
	equal(t, "stray", len(p.poll("b", copied)), 1)
	_, err := p.Close(t.Context(), claim, "panic")
	p.must(err)
	equal(t, "no stray any more", len(p.poll("b", copied)), 0)
	equal(t, "where", p.where("m"), "b")
	p.check()
}

// Where two meetings have one internal ID each is the other's: the server that tells of it takes over neither, although the
// server of the one that it names is gone.
func TestReconcile_OneInternalID(t *testing.T) {
	p := newPool(t, "a", "b", "c")
	for id, avoid := range map[string][]string{"m": {"b", "c"}, "n": {"a", "c"}} {
		c := p.begin(id)
		p.place(c, avoid...)
		p.must(c.Confirm(t.Context(), placement.Made{InternalID: "i", CreateTime: 1}))
		c.End()
	}
	p.stand(placement.Gone, "a")
	for range 20 {
		p.poll("c", placement.Sighting{Key: key("m"), InternalID: "i", CreateTime: 1})
		equal(t, "where", p.where("m"), "a")
	}
	p.check()
}
