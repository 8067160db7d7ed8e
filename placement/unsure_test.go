package placement_test

import (
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/placement"
)

// A write that fails may have been done all the same. A create of the meeting comes to no server before the store has what the
// ledger goes by: whoever leads next would make it anew elsewhere.
func TestPlace_Unsure(t *testing.T) {
	for _, how := range []struct {
		what, call string
		fail       func(p *pool)
		known      bool // the meeting counts as known all the same
	}{
		{"an end", "DeleteClaim", failedEnd, true},
		{"an end", "DeleteClaim done", failedEnd, true},
		{"an end that counts", "DeleteClaim", insistedEnd, false},
		{"an end that counts", "DeleteClaim done", insistedEnd, false},
		{"an end that counts", "AddEndings", insistedEnd, false},
		{"a meeting that is over", "DeleteClaim done", func(p *pool) {
			found, err := p.Peek(key("m"))
			p.must(err)
			_, err = p.Close(p.t.Context(), found.Claim, placement.Ended)
			wantErr(p.t, "close", err, errDisk)
		}, true},
		{"a move", "UpdateClaim done", func(p *pool) {
			c := p.begin("m")
			defer c.End()
			_, err := c.Place(p.t.Context(), fifteen, []string{"a"})
			wantErr(p.t, "place", err, errDisk)
		}, true},
	} {
		t.Run(how.what+" "+how.call, func(t *testing.T) {
			p := newPool(t, "a")
			p.create("m")
			p.stand(placement.Open, "b")
			p.store.fail(how.call)
			how.fail(p)

			p.store.fail("AddEndings", "DeleteEnding", "CreateClaim", "UpdateClaim")
			c := p.begin("m")
			_, err := c.Place(t.Context(), fifteen, nil)
			wantErr(t, "place while nothing can be written", err, errDisk)
			c.End()

			p.store.fail()
			p.clock.add(time.Second)
			c = p.begin("m")
			equal(t, "it is known", p.place(c).Known, how.known)
			p.must(c.Confirm(t.Context(), placement.Made{InternalID: "anew", CreateTime: p.clock.now().UnixMilli()}))
			c.End()
			p.check()
			p.store.fail("CreateClaim", "UpdateClaim") // nothing is in doubt any more
			c = p.begin("m")
			equal(t, "it is known", p.place(c).Known, true)
			c.End()
			p.store.fail()
			p.restart("a", "b")
			equal(t, "claimed after a restart", p.where("m") != "", true)
		})
	}
}

func failedEnd(p *pool) { wantErr(p.t, "end", p.end("m"), errDisk) }

func insistedEnd(p *pool) {
	e, err := p.BeginEnd(p.t.Context(), key("m"))
	p.must(err)
	defer e.Release()
	copies := []placement.Copy{{Server: "a", InternalID: "m@a"}}
	wantErr(p.t, "end", e.Ended(p.t.Context(), copies), errDisk)
	e.Insist(copies)
}

// What could not be written is written with a poll, whoever creates the meeting or nobody.
func TestReconcile_Unsure(t *testing.T) {
	for _, how := range []struct {
		what string
		fail func(p *pool)
		on   string
	}{
		{"an end", failedEnd, "a"},
		{"an end that counts", insistedEnd, ""},
	} {
		t.Run(how.what, func(t *testing.T) {
			p := newPool(t, "a", "b")
			claim := p.create("m", "b")
			p.store.fail("DeleteClaim done")
			how.fail(p)
			p.store.fail()
			p.poll("b")
			p.check()
			p.restart("a", "b")
			equal(t, "claimed on", p.where("m"), how.on)
			p.poll("a", sees(claim, 1))
			equal(t, "claimed after a poll on", p.where("m"), how.on)
		})
	}
}

// What was to be taken back is in doubt, too.
func TestGiveUp_Unsure(t *testing.T) {
	p := newPool(t, "a")
	c := p.begin("m")
	p.place(c)
	p.store.fail("DeleteClaim done")
	wantErr(t, "give up", c.GiveUp(t.Context()), errDisk)
	c.End()
	p.store.fail()
	c = p.begin("m")
	equal(t, "it is known", p.place(c).Known, true)
	c.End()
	p.check()
}

// An end that could not be written is written only while it is about the same meeting.
func TestPlace_UnsureOfAnother(t *testing.T) {
	p := newPool(t, "a")
	claim := p.create("m")
	p.store.fail("DeleteClaim")
	insistedEnd(p)
	p.store.fail()
	p.clock.add(time.Minute)
	p.poll("a")
	p.poll("a") // which closes it
	p.clock.add(time.Minute)
	claim.InternalID, claim.CreateTime = "made by somebody else", p.clock.now().UnixMilli()
	p.poll("a", sees(claim, 3))
	c := p.begin("m")
	defer c.End()
	place := p.place(c)
	equal(t, "it is known", place.Known, true)
	equal(t, "its ID", place.Claim.InternalID, claim.InternalID)
}
