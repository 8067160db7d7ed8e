package placement_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bbbpool/bbbpool/placement"
)

// expired is the patience of somebody who has none.
var expired = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// After a restart meetings are where they were, and what is expected of them has gone on fading: until a poll has looked,
// those that are not expected any more are taken to be there.
func TestLoad(t *testing.T) {
	p := newPool(t, "a")
	claim := p.create("m")
	p.clock.add(5 * time.Minute)
	p.restart("a")
	equal(t, "load", p.ServerLoad("a"), placement.Load{Server: "a", Weight: 1, Carries: 200, People: 3, Expected: 11.25, Meetings: 1})
	found, err := p.Find(t.Context(), key("m"), time.Minute)
	p.must(err)
	equal(t, "found", found, placement.Found{Claim: claim, Standing: placement.Open})
	p.check()
	p.clock.add(time.Hour)
	equal(t, "faded", p.ServerLoad("a").Expected, 0.0)
}

// Until a poll has looked, nobody knows that a meeting is empty: it must not be moved as if it were.
func TestLoad_Occupied(t *testing.T) {
	p := newPool(t, "a")
	claim := p.create("m")
	p.restart("a")
	c := p.begin("m")
	defer c.End()
	equal(t, "after a restart", p.place(c).Occupied, true)
	p.clock.add(5 * time.Minute)
	p.poll("a", sees(claim, 0))
	equal(t, "after a poll", p.place(c).Occupied, false)
}

// A claim that no server had answered for when the process died gets its internal ID from the next poll.
func TestLoad_Unconfirmed(t *testing.T) {
	p := newPool(t, "a")
	c := p.begin("m")
	claim := p.place(c).Claim
	p.restart("a")
	claim.InternalID, claim.CreateTime = "x", 7
	p.poll("a", sees(claim, 1))
	found, err := p.Find(t.Context(), key("m"), time.Minute)
	p.must(err)
	equal(t, "found", found.Claim, claim)
	p.must(p.Check())
}

// A clock that was set back while the process was down makes a claim look as if it came from the future: it is new.
func TestLoad_ClockSetBack(t *testing.T) {
	p := newPool(t, "a")
	p.create("m")
	p.clock.add(-time.Hour)
	p.restart("a")
	equal(t, "expected", p.ServerLoad("a").Expected, 15.0)
	p.clock.add(10 * time.Minute)
	equal(t, "half-way", p.ServerLoad("a").Expected, 7.5)
	p.check()
}

// Claims on servers that left the pool while the process was down are closed.
func TestLoad_UnknownServer(t *testing.T) {
	p := newPool(t, "a", "b")
	p.create("m", "b")
	p.create("n", "a")
	p.restart("b")
	equal(t, "where", p.where("m")+p.where("n"), "b")
	equal(t, "history", p.history(), []string{"m@a a removed 0 0"})
	p.check()
}

// A store that cannot be read or written stops the start.
func TestLoad_StoreFails(t *testing.T) {
	p := newPool(t, "a")
	p.create("m")
	p.store.fail("AddSession")
	_, err := placement.OpenLedger(t.Context(), p.parts())
	wantErr(t, "load", err, errDisk)
	_, err = placement.OpenLedger(expired, p.parts())
	wantErr(t, "load", err, context.Canceled)
}

// A server that leaves takes its claims along; one that comes back gets what is still there.
func TestRemoveServer(t *testing.T) {
	p := newPool(t, "a", "b")
	claim := p.create("m", "b")
	p.create("n", "a")
	p.poll("a", sees(claim, 8))
	p.must(p.RemoveServer(t.Context(), "a"))
	p.must(p.RemoveServer(t.Context(), "a"))
	equal(t, "where", p.where("m")+p.where("n"), "b")
	equal(t, "history", p.history(), []string{"m@a a removed 8 0"})
	equal(t, "load", p.ServerLoad("a"), placement.Load{Server: "a"})
	equal(t, "strays", p.poll("a", sees(claim, 8)), nil)
	p.check()
	p.stand(placement.Open, "a")
	p.poll("a", sees(claim, 8))
	equal(t, "adopted", p.where("m"), "a")
	p.check()
}

// A removal that the store refuses can be repeated.
func TestRemoveServer_StoreFails(t *testing.T) {
	p := newPool(t, "a")
	p.create("m")
	p.store.fail("AddSession")
	wantErr(t, "remove", p.RemoveServer(t.Context(), "a"), errDisk)
	p.store.fail()
	found, err := p.Find(t.Context(), key("m"), time.Minute)
	p.must(err)
	equal(t, "its server", found.Standing, placement.Gone)
	p.must(p.RemoveServer(t.Context(), "a"))
	equal(t, "where", p.where("m"), "")
	p.check()
}

// A create that is under way on a server that leaves does not bring its claim through.
func TestRemoveServer_Creating(t *testing.T) {
	bubble(t, func(t *testing.T, p *pool) {
		c := p.begin("m")
		p.place(c)
		wantErr(t, "no patience", p.RemoveServer(expired, "a"), context.Canceled)
		removed := make(chan error)
		go func() { removed <- p.RemoveServer(t.Context(), "a") }()
		p.must(c.Confirm(t.Context(), placement.Made{InternalID: "x", CreateTime: 1}))
		c.End()
		p.must(<-removed)
		equal(t, "where", p.where("m"), "")
		equal(t, "history", p.history(), []string{"x a removed 0 0"})
		p.check()
	})
}

// An end that is being written while its server leaves the pool is waited for: what the server owes by that is forgotten, too.
func TestRemoveServer_Ending(t *testing.T) {
	bubble(t, func(t *testing.T, p *pool) {
		p.create("m")
		e, err := p.BeginEnd(t.Context(), key("m"))
		p.must(err)
		writing, ended, removed := make(chan struct{}), make(chan error), make(chan error)
		p.store.set(func(call string) error {
			if call == "AddEndings" {
				<-writing
			}
			return nil
		})
		go func() {
			defer e.Release()
			ended <- e.Ended(t.Context(), nil)
		}()
		synctest.Wait()
		go func() { removed <- p.RemoveServer(t.Context(), "a") }()
		synctest.Wait()
		close(writing)
		p.must(<-ended)
		p.must(<-removed)
		equal(t, "owed", p.owed(), nil)
		p.check()
	})
}

// A server that is back before its claims are closed keeps those that are left.
func TestRemoveServer_Back(t *testing.T) {
	bubble(t, func(t *testing.T, p *pool) {
		c := p.begin("m")
		p.place(c)
		removed := make(chan error)
		go func() { removed <- p.RemoveServer(t.Context(), "a") }()
		synctest.Wait()
		p.stand(placement.Open, "a")
		p.must(c.Confirm(t.Context(), placement.Made{InternalID: "x", CreateTime: 1}))
		c.End()
		p.must(<-removed)
		equal(t, "where", p.where("m"), "a")
		p.check()
	})
}

// A claim whose server is added later is attached to it.
func TestSetServer_Late(t *testing.T) {
	p := newPool(t, "a")
	claim := p.create("m")
	p.store.fail("DeleteClaim")
	wantErr(t, "remove", p.RemoveServer(t.Context(), "a"), errDisk)
	p.Joined(claim.MeetingKey, 0)
	p.stand(placement.Open, "a")
	equal(t, "load", p.ServerLoad("a"), placement.Load{Server: "a", Weight: 1, Carries: 200, People: 1, Expected: 15, Meetings: 1})
	p.store.fail()
	p.check()
}
