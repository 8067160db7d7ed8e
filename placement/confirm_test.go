package placement_test

import (
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/placement"
)

// What could not be stored is stored by whoever confirms it once more, or else with the next poll of any server that finds the
// store again: the claim as a session of its own, and the one before in the history, once.
func TestConfirm_Again(t *testing.T) {
	next := placement.Made{InternalID: "next", CreateTime: 2}
	for _, before := range []bool{false, true} {
		for _, lacks := range [][]string{{"UpdateClaim"}, {"AddSession"}, {"UpdateClaim", "AddSession"}} {
			for name, again := range map[string]func(p *pool, c *placement.Creation){
				"at once": func(p *pool, c *placement.Creation) { p.must(c.Confirm(t.Context(), next)) },
				"another create": func(p *pool, c *placement.Creation) {
					c.End()
					c = p.begin("m")
					p.place(c)
					p.must(c.Confirm(t.Context(), next))
					c.End()
				},
				"a poll": func(p *pool, c *placement.Creation) { c.End(); p.poll("b") },
			} {
				p := newPool(t, "a", "b")
				if before {
					p.create("m", "b")
					p.clock.add(time.Minute)
				}
				c := p.begin("m")
				anew := p.place(c, "b")
				p.store.fail(lacks...)
				failed := c.Confirm(t.Context(), next)
				if stored := lacks[0] == "AddSession"; c.Durable() != (stored || failed == nil) {
					t.Errorf("%s, %q fails: durable: %t", name, lacks, c.Durable())
				}
				p.poll("b") // while it still fails
				p.store.fail()
				again(p, c)
				if !c.Durable() && name == "at once" {
					t.Errorf("%s, %q fails: not durable", name, lacks)
				}
				found, err := p.Peek(key("m"))
				p.must(err)
				equal(t, "it is", found.Claim.InternalID, "next")
				if before {
					equal(t, "placed", found.Claim.Placed, anew.Anew)
					equal(t, "history", p.history(), []string{"m@a a ended 0 0"})
				}
				p.restart("a", "b")
				found, err = p.Peek(key("m"))
				p.must(err)
				equal(t, name+": after a restart it is", found.Claim.InternalID, "next")
				p.check()
			}
		}
	}
}

// What is over before it could be stored is not stored any more, and its sessions are in the history.
func TestConfirm_OverBefore(t *testing.T) {
	p := newPool(t, "a")
	p.create("m")
	p.clock.add(time.Minute)
	c := p.begin("m")
	p.place(c)
	p.store.fail("UpdateClaim", "AddSession")
	wantErr(t, "confirm", c.Confirm(t.Context(), placement.Made{InternalID: "next", CreateTime: 2}), errDisk)
	c.End()
	p.store.fail("UpdateClaim")
	found, err := p.Peek(key("m"))
	p.must(err)
	closed, err := p.Close(t.Context(), found.Claim, placement.Ended)
	p.must(err)
	equal(t, "closed", closed, true)
	p.clock.add(time.Second)
	p.store.fail()
	p.poll("a")
	equal(t, "claims", len(p.Meetings()), 0)
	if list := p.history(); len(list) != 2 {
		t.Errorf("history %q", list)
	}
	p.check()
}

// What the leader has told of, and could not write any more, is written by the next one with its first poll, and so is the session
// before.
func TestConfirm_TakeOver(t *testing.T) {
	for _, before := range []bool{false, true} {
		p := newPool(t)
		all := newInstances(p, 1, "a")
		all.stand(placement.Open, "a")
		if before {
			all.create("m")
			p.clock.add(time.Minute)
		}
		next := all.join()
		c := all.begin("m")
		all.place(c)
		all.lease.holder = next.self
		p.store.fail("AddSession")
		wantErr(t, "confirm", c.Confirm(t.Context(), placement.Made{InternalID: "next", CreateTime: 2}), placement.ErrFollower)
		equal(t, "durable", c.Durable(), false)
		c.End()
		all.settle()
		all.Follow()
		p.store.fail()
		p.must(next.Lead(t.Context()))
		p.clock.add(time.Second)
		_, err := next.Reconcile(t.Context(), placement.Poll{Server: "a", Began: p.clock.now()})
		p.must(err)
		stored, err := p.store.Claims(t.Context())
		p.must(err)
		if len(stored) != 1 || stored[0].InternalID != "next" {
			t.Errorf("stored is %+v", stored)
		}
		found, err := next.Peek(key("m"))
		p.must(err)
		equal(t, "and known", found.Claim, stored[0])
		if list := p.history(); (len(list) == 1) != before {
			t.Errorf("one before: %t, history %q", before, list)
		}
	}
}
