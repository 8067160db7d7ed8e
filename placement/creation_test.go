package placement_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// Creates of one meeting at the same time run one after another and end up on one server.
func TestCreation_OneAtATime(t *testing.T) {
	p := newPool(t, "a", "b", "c")
	var under, places atomic.Int32
	var group sync.WaitGroup
	servers := make([]string, 16)
	for i := range servers {
		group.Go(func() {
			c, err := p.Begin(t.Context(), key("m"))
			if err != nil {
				t.Error(err)
				return
			}
			defer c.End()
			if under.Add(1) != 1 {
				t.Error("two creates of one meeting are under way")
			}
			defer under.Add(-1)
			place, err := c.Place(t.Context(), fifteen, nil)
			if err != nil {
				t.Error(err)
			}
			if !place.Known {
				places.Add(1)
			}
			if err := c.Confirm(t.Context(), placement.Made{InternalID: "x", CreateTime: 1}); err != nil {
				t.Error(err)
			}
			servers[i] = place.Claim.Server
		})
	}
	group.Wait()
	for _, server := range servers {
		equal(t, "server", server, servers[0])
	}
	equal(t, "decisions", places.Load(), int32(1))
	p.check()
}

// Whoever cannot wait for another create is told so, and leaves nothing behind.
func TestCreation_Impatient(t *testing.T) {
	p := newPool(t, "a")
	first := p.begin("m")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := p.Begin(ctx, key("m"))
	wantErr(t, "begin", err, context.Canceled)
	first.End()
	p.check()
}

// A known meeting stays where it is, also on a server that fails, until that is gone or to be avoided.
func TestCreation_Known(t *testing.T) {
	p := newPool(t, "a")
	claim := p.create("m")
	p.stand(placement.Open, "b")
	for _, standing := range []placement.Standing{placement.Open, placement.Unproven, placement.Doubtful} {
		p.stand(standing, "a")
		c := p.begin("m")
		place := p.place(c)
		equal(t, "place", []any{place.Claim, place.Known}, []any{claim, true})
		c.End()
	}
	c := p.begin("m")
	p.place(c)
	moved := p.place(c, "a")
	equal(t, "avoided", [2]any{moved.Claim.Server, moved.Known}, [2]any{"b", false})
	p.must(c.Confirm(t.Context(), placement.Made{InternalID: "m@b", CreateTime: 2}))
	c.End()
	p.check()
	p.stand(placement.Gone, "b")
	p.stand(placement.Open, "a")
	equal(t, "gone", p.create("m").Server, "a")
	p.check()
	equal(t, "history", p.history(), []string{"m@a a moved 0 0", "m@b b moved 0 0"})
}

// Somebody is in a meeting if a poll saw people in it, or if a join was sent there just now.
func TestCreation_Occupied(t *testing.T) {
	p := newPool(t, "a")
	m := p.create("m")
	occupied := func() bool {
		c := p.begin("m")
		defer c.End()
		return p.place(c).Occupied
	}
	equal(t, "new", occupied(), false)
	p.Joined(m.MeetingKey, 0)
	equal(t, "on the way", occupied(), true)
	p.clock.add(2 * time.Minute)
	equal(t, "never arrived", occupied(), false)
	p.poll("a", sees(m, 1))
	equal(t, "seen", occupied(), true)
	p.poll("a", sees(m, 0))
	equal(t, "left", occupied(), false)
}

// A new meeting that no server took leaves nothing behind, wherever it was tried.
func TestGiveUp_New(t *testing.T) {
	p := newPool(t, "a", "b")
	c := p.begin("m")
	first := p.place(c).Claim.Server
	p.place(c, first)
	p.must(c.GiveUp(t.Context()))
	p.must(c.GiveUp(t.Context()))
	c.End()
	equal(t, "where", p.where("m"), "")
	equal(t, "expected", p.ServerLoad("a").Expected+p.ServerLoad("b").Expected, 0.0)
	p.check()
}

// A known meeting that no other server took stands where it was, with the people in it.
func TestGiveUp_Known(t *testing.T) {
	p := newPool(t, "a")
	claim := p.create("m")
	p.stand(placement.Open, "b", "c")
	p.poll("a", sees(claim, 7))
	c := p.begin("m")
	p.place(c)
	second := p.place(c, "a").Claim.Server
	p.place(c, "a", second)
	p.must(c.GiveUp(t.Context()))
	c.End()
	equal(t, "where", p.where("m"), "a")
	equal(t, "people", p.ServerLoad("a").People, 7)
	p.check()

	c = p.begin("m")
	equal(t, "placed again", p.place(c).Occupied, true)
	p.must(c.GiveUp(t.Context()))
	c.End()
	p.check()
}

// A create that was never placed has nothing to take back, and nothing to confirm.
func TestGiveUp_Unplaced(t *testing.T) {
	p := newPool(t)
	c := p.begin("m")
	_, err := c.Place(t.Context(), fifteen, nil)
	wantErr(t, "place", err, placement.ErrNoServer)
	wantErr(t, "confirm", c.Confirm(t.Context(), placement.Made{InternalID: "x", CreateTime: 1}), placement.ErrUnknown)
	p.must(c.GiveUp(t.Context()))
	c.End()
	p.check()
}

// A claim that cannot be stored is undone, the fault shows until a write succeeds, and the create may try again.
func TestPlace_StoreFails(t *testing.T) {
	p := newPool(t, "a")
	p.store.fail("CreateClaim")
	c := p.begin("m")
	_, err := c.Place(t.Context(), fifteen, nil)
	wantErr(t, "place", err, errDisk)
	wantErr(t, "fault", p.Fault(), errDisk)
	equal(t, "where", p.where("m"), "")
	equal(t, "expected", p.ServerLoad("a").Expected, 0.0)

	p.store.fail()
	p.place(c)
	wantErr(t, "fault", p.Fault(), nil)
	c.End()
	found, err := p.Find(t.Context(), key("m"), time.Minute)
	wantErr(t, "find", err, nil)
	equal(t, "found", found.Claim.Server, "a")
	p.check()
}

// A move that cannot be stored leaves the meeting where it was.
func TestPlace_MoveFails(t *testing.T) {
	p := newPool(t, "a")
	claim := p.create("m")
	p.stand(placement.Open, "b")
	p.poll("a", sees(claim, 7))
	p.store.fail("UpdateClaim")
	c := p.begin("m")
	_, err := c.Place(t.Context(), fifteen, []string{"a"})
	wantErr(t, "place", err, errDisk)
	p.store.fail()
	p.must(c.GiveUp(t.Context()))
	c.End()
	equal(t, "people", p.ServerLoad("a").People, 7)
	p.check()
}

// A claim that cannot be taken back stands in memory as it does in the store.
func TestGiveUp_StoreFails(t *testing.T) {
	p := newPool(t, "a")
	c := p.begin("m")
	p.place(c)
	p.store.fail("DeleteClaim")
	wantErr(t, "give up", c.GiveUp(t.Context()), errDisk)
	c.End()
	p.check()
	p.store.fail()
	p.poll("a")
	p.poll("a")
	equal(t, "after two polls", p.where("m"), "")
	p.check()
}

// A create whose time is up says nothing about the store; and a fault does not keep the pool closed for ever, because
// nothing but a create may ever write again.
func TestFault(t *testing.T) {
	p := newPool(t, "a")
	ctx, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	c := p.begin("m")
	_, err := c.Place(ctx, fifteen, nil)
	wantErr(t, "place", err, context.DeadlineExceeded)
	wantErr(t, "fault", p.Fault(), nil)

	p.store.fail("CreateClaim")
	_, err = c.Place(t.Context(), fifteen, nil)
	wantErr(t, "place", err, errDisk)
	p.clock.add(59 * time.Second)
	wantErr(t, "fault", p.Fault(), errDisk)
	p.clock.add(time.Second)
	wantErr(t, "fault, later", p.Fault(), nil)
	c.End()
	p.check()
}

// A leftover in the store, of a write that was thought to have failed, does not stand in the way.
func TestPlace_Leftover(t *testing.T) {
	p := newPool(t, "a")
	_, err := p.store.CreateClaim(t.Context(), store.Claim{MeetingKey: key("m"), Server: "x", Placed: monday})
	p.must(err)
	p.create("m")
	p.check()
}

// What the server said is stored, once.
func TestConfirm(t *testing.T) {
	p := newPool(t, "a")
	claim := p.create("m")
	p.check()
	p.store.fail("UpdateClaim")
	equal(t, "repeated", p.create("m"), claim)
	c := p.begin("n")
	place := p.place(c)
	wantErr(t, "confirm", c.Confirm(t.Context(), placement.Made{InternalID: "n@a", CreateTime: 2}), errDisk)
	c.End()
	found, err := p.Find(t.Context(), key("n"), time.Minute)
	p.must(err)
	place.Claim.InternalID, place.Claim.CreateTime = "n@a", 2
	equal(t, "stands all the same", found.Claim, place.Claim)
}

// A meeting that ended without our notice and is created anew on its server is a session of its own.
func TestConfirm_Anew(t *testing.T) {
	p := newPool(t, "a")
	claim := p.create("m")
	p.Joined(claim.MeetingKey, 0)
	p.poll("a", sees(claim, 30))
	p.clock.add(time.Hour)
	c := p.begin("m")
	p.place(c)
	p.must(c.Confirm(t.Context(), placement.Made{InternalID: "again", CreateTime: 2}))
	c.End()
	equal(t, "history", p.history(), []string{"m@a a ended 30 1"})
	equal(t, "load", p.ServerLoad("a"), placement.Load{Server: "a", Weight: 1, Carries: 200, Expected: 15, Meetings: 1})
	p.check()
	closed, err := p.Close(t.Context(), claim, "ended") // by an end that overtook the create on its way back
	p.must(err)
	equal(t, "closed by what it was", closed, false)
}

// What a create sends along says when another meeting counts as placed, where its server makes one: both are told apart.
func TestConfirm_AnewPlaced(t *testing.T) {
	p := newPool(t, "a")
	claim := p.create("m")
	c := p.begin("m") // in the same millisecond
	anew := p.place(c).Anew
	if anew.UnixMilli() <= claim.Placed.UnixMilli() {
		t.Errorf("anew at %v, and placed before at %v", anew, claim.Placed)
	}
	p.clock.add(time.Second)
	p.must(c.Confirm(t.Context(), placement.Made{InternalID: "again", CreateTime: 2}))
	c.End()
	found, err := p.Peek(key("m"))
	p.must(err)
	equal(t, "placed", found.Claim.Placed, anew)
	p.check()
	n := p.begin("n")
	equal(t, "of what is new", p.place(n).Anew, time.Time{})
	n.End()
}

// What was before is in the history before its claim is another's: whoever is killed in between has lost nothing.
func TestConfirm_Killed(t *testing.T) {
	for name, replace := range map[string]func(p *pool){
		"created anew": func(p *pool) {
			c := p.begin("m")
			defer c.End()
			p.place(c)
			p.must(c.Confirm(t.Context(), placement.Made{InternalID: "again", CreateTime: 2}))
		},
		"found elsewhere": func(p *pool) {
			p.stand(placement.Open, "b")
			p.stand(placement.Gone, "a")
			p.poll("b", foreign("m", 2))
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPool(t, "a")
			p.create("m")
			p.clock.add(time.Minute)
			var then []string
			p.store.set(func(call string) error {
				if call == "UpdateClaim" {
					then = p.history()
				}
				return nil
			})
			replace(p)
			if len(then) != 1 {
				t.Errorf("history when the claim is replaced: %q", then)
			}
			p.check()
		})
	}
}

// An answer without a usable internal ID changes nothing that is known.
func TestConfirm_NoID(t *testing.T) {
	p := newPool(t, "a")
	p.create("m")
	for _, id := range []string{"", string(make([]byte, 5000))} {
		c := p.begin("m")
		p.place(c)
		p.must(c.Confirm(t.Context(), placement.Made{InternalID: id, CreateTime: 2}))
		c.End()
	}
	found, err := p.Peek(key("m"))
	p.must(err)
	equal(t, "internal ID", found.Claim.InternalID, "m@a")
}

// A new session whose claim could not be stored leaves nothing behind in the store once it is over.
func TestConfirm_NotStored(t *testing.T) {
	p := newPool(t, "a")
	p.create("m")
	p.clock.add(time.Minute)
	c := p.begin("m")
	p.place(c)
	p.store.fail("UpdateClaim", "CreateClaim")
	if err := c.Confirm(t.Context(), placement.Made{InternalID: "next", CreateTime: 2}); err == nil {
		t.Error("confirmed although the store fails")
	}
	equal(t, "history", p.history(), []string{"m@a a ended 0 0"})
	c.End()
	p.store.fail()
	found, err := p.Peek(key("m"))
	p.must(err)
	closed, err := p.Close(t.Context(), found.Claim, "ended")
	p.must(err)
	equal(t, "closed", closed, true)
	left, err := p.store.Claims(t.Context())
	p.must(err)
	equal(t, "claims left in the store", len(left), 0)
}

// An open server that has failed at creates comes before those that fail at everything.
func TestPlace_Shunned(t *testing.T) {
	p := newC3(t, "open")
	p.stand(placement.Doubtful, "d1", "d2", "d3")
	var avoid []string
	for range 3 {
		c := p.begin("m")
		pl, err := c.Place(t.Context(), placement.Wish{Shun: []string{"open"}}, avoid)
		c.End()
		p.must(err)
		if pl.Claim.Server == "open" {
			return
		}
		avoid = append(avoid, pl.Claim.Server)
	}
	t.Errorf("three tries, on %v", avoid)
}

// A room that nobody is in, nor on the way to, leaves a server that takes no new meetings at its next create. One with
// people in it stays, and so does one that no other server takes.
func TestPlace_EmptyRoomLeavesHeldServer(t *testing.T) {
	type step struct {
		name   string
		change func(p *pool, claim store.Claim)
		want   string
	}
	for _, s := range []step{
		{"empty", func(*pool, store.Claim) {}, "b"},
		{"with people", func(p *pool, c store.Claim) { p.poll("a", sees(c, 1)) }, "a"},
		{"with people in its breakout rooms", func(p *pool, c store.Claim) {
			seen := sees(c, 0)
			seen.Rooms = 1
			p.poll("a", seen)
		}, "a"},
		{"with somebody on the way", func(p *pool, c store.Claim) { p.Joined(c.MeetingKey, 1) }, "a"},
		{"no other server takes it", func(p *pool, _ store.Claim) { p.stand(placement.Held, "b") }, "a"},
		{"the other server fails", func(p *pool, _ store.Claim) { p.stand(placement.Doubtful, "b") }, "a"},
		{"no other server answers", func(p *pool, _ store.Claim) { p.stand(placement.Gone, "b") }, "a"},
	} {
		t.Run(s.name, func(t *testing.T) {
			p := newPool(t, "a", "b")
			claim := p.create("m", "b")
			p.clock.add(time.Hour)
			p.stand(placement.Held, "a")
			s.change(p, claim)
			c := p.begin("m")
			place := p.place(c)
			equal(t, "placed on", place.Claim.Server, s.want)
			equal(t, "known", place.Known, s.want == "a")
			c.End()
			p.check()
		})
	}
}

// If the other server does not take it after all, it stays where it was, whole.
func TestPlace_EmptyRoomComesBackToHeldServer(t *testing.T) {
	p := newPool(t, "a", "b", "c")
	claim := p.create("m", "b", "c")
	p.clock.add(time.Hour)
	p.stand(placement.Held, "a")
	c := p.begin("m")
	other := p.place(c).Claim.Server
	place := p.place(c, other)
	equal(t, "placed on", place.Claim, claim)
	equal(t, "known", place.Known, true)
	p.must(c.Confirm(t.Context(), placement.Made{InternalID: claim.InternalID, CreateTime: claim.CreateTime}))
	c.End()
	equal(t, "claimed on", p.where("m"), "a")
	equal(t, "history", p.history(), nil)
	p.check()
}
