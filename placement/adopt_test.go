package placement_test

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

func foreign(id string, people int) placement.Sighting {
	return placement.Sighting{
		Key: key(id), InternalID: id + "-internal", CreateTime: monday.Add(-5 * time.Minute).UnixMilli(),
		People: people, Recorded: true,
	}
}

// A meeting that nobody has claimed is claimed for the server that has it, from when it was created.
func TestAdopt(t *testing.T) {
	p := newPool(t, "a")
	p.poll("a", foreign("m", 4), ended(foreign("over", 0)))
	want := store.Claim{
		MeetingKey: key("m"), Server: "a", InternalID: "m-internal", CreateTime: foreign("m", 0).CreateTime,
		Placed: monday.Add(-5 * time.Minute), Expected: 15, Recorded: true,
	}
	equal(t, "meetings", p.Meetings(), []placement.Info{{Claim: want, People: 4, Peak: 4, Remaining: 11.125}})
	p.check()
	p.poll("a", foreign("m", 4))
	p.poll("a")
	p.poll("a")
	equal(t, "history", p.history(), []string{"m-internal a gone 4 0"})
	p.check()
}

// What a server says of itself is believed only as far as it can be true, and spoils neither sums nor the store.
func TestAdopt_Nonsense(t *testing.T) {
	p := newPool(t, "a")
	for _, s := range []placement.Sighting{
		{},
		{Key: key("no internal ID")},
		{Key: key(""), InternalID: "no meeting ID"},
		{Key: key(strings.Repeat("m", 2000)), InternalID: "long"},
		{Key: key("long internal ID"), InternalID: strings.Repeat("m", 2000)},
		{Key: store.MeetingKey{Tenant: "a\x00b", MeetingID: "m"}, InternalID: "zero"},
	} {
		p.poll("a", s)
	}
	equal(t, "adopted", len(p.Meetings()), 0)
	wantErr(t, "fault", p.Fault(), nil)
	odd := func(id string, created int64) placement.Sighting {
		return placement.Sighting{Key: key(id), InternalID: id, CreateTime: created, People: math.MaxInt}
	}
	p.poll("a", odd("0", 0), odd("past", math.MinInt64), odd("future", math.MaxInt64))
	for _, m := range p.Meetings() {
		equal(t, "placed", m.Placed, p.clock.now())
	}
	equal(t, "people", p.ServerLoad("a").People, 300_000)
	p.check()
}

// A meeting that is claimed on another server is a stray there, and claimed nowhere else.
func TestAdopt_Stray(t *testing.T) {
	p := newPool(t, "a")
	claim := p.create("m")
	p.stand(placement.Held, "b")
	stray := foreign("m", 2)
	equal(t, "strays", p.poll("b", stray, ended(foreign("n", 0))), []placement.Sighting{stray})
	equal(t, "where", p.where("m"), claim.Server)
	p.check()
}

// A claim on a server that is gone goes over to the server that has the meeting. Where the first one comes back with
// it, that is the stray.
func TestAdopt_Reattach(t *testing.T) {
	p := newPool(t, "a")
	claim := p.create("m")
	p.poll("a", sees(claim, 9))
	p.stand(placement.Open, "b")
	p.stand(placement.Gone, "a")
	equal(t, "strays", p.poll("b", foreign("m", 2)), nil)
	equal(t, "where", p.where("m"), "b")
	equal(t, "people", []int{p.ServerLoad("a").People, p.ServerLoad("b").People}, []int{0, 2})
	equal(t, "history", p.history(), []string{"m@a a moved 9 0"})
	p.stand(placement.Open, "a")
	equal(t, "strays", p.poll("a", sees(claim, 9)), []placement.Sighting{sees(claim, 9)})
	p.check()
}

// What a front end wants to be called back goes over with the claim, and all else where it is the same meeting under another name
// of its server.
func TestAdopt_Leaves(t *testing.T) {
	for internal, same := range map[string]bool{"m@1": true, "m@2": false} {
		p := newPool(t, "a")
		claim := p.calls("m")
		p.stand(placement.Open, "b")
		p.stand(placement.Gone, "a")
		seen := sees(claim, 3)
		seen.InternalID = internal
		p.poll("b", seen)
		found, err := p.Peek(key("m"))
		p.must(err)
		got := found.Claim
		equal(t, "server, whose secret, and addresses", [3]any{got.Server, got.Signer, got.Back}, [3]any{"b", "second", wanted})
		equal(t, "password and bridge", got.Moderator != "" && got.Voice != "", same)
		p.check()
	}
}

// A meeting that is found where another one by its name has vanished was made by a create whose answer was lost, by a crash: its
// front end is to be told of its end, too.
func TestAdopt_Anew(t *testing.T) {
	p := newPool(t, "a")
	claim := p.calls("m")
	p.restart("a")
	anew := sees(claim, 1)
	anew.InternalID, anew.CreateTime = "m@2", p.clock.now().Add(time.Second).UnixMilli()
	p.poll("a", anew)
	p.poll("a", anew)
	found, err := p.Peek(key("m"))
	p.must(err)
	got := found.Claim
	equal(t, "which, whose secret, and addresses", []any{got.InternalID, got.Signer, got.Back}, []any{"m@2", "second", wanted})
	p.check()
	p.poll("a", ended(anew))
	equal(t, "told", p.told(), []string{"gone second true", "ended second true"})
}

// A server that comes back keeps the meetings that nobody has created anew.
func TestAdopt_Return(t *testing.T) {
	p := newPool(t, "a")
	claim := p.create("m")
	p.stand(placement.Gone, "a")
	p.poll("a", sees(claim, 2), foreign("n", 1))
	p.stand(placement.Open, "a")
	equal(t, "where, and what is not adopted by a server that is gone", p.where("m")+p.where("n"), "a")
	p.poll("a", sees(claim, 2), foreign("n", 1))
	equal(t, "adopted now", p.where("n"), "a")
	p.check()
}

// An adoption that cannot be stored is undone, and tried again with the next poll.
func TestAdopt_StoreFails(t *testing.T) {
	p := newPool(t, "a")
	p.store.fail("CreateClaim")
	_, err := p.Reconcile(t.Context(), placement.Poll{Server: "a", Meetings: []placement.Sighting{foreign("m", 1)}})
	wantErr(t, "reconcile", err, errDisk)
	p.check()
	p.store.fail()
	p.poll("a", foreign("m", 1))
	equal(t, "where", p.where("m"), "a")
	p.check()
}

// What happens between a poll and the adoption counts: an end, and the removal of the server.
func TestAdopt_InBetween(t *testing.T) {
	p := newPool(t, "a")
	p.poll("a", foreign("m", 1))
	m, err := p.Peek(key("m"))
	p.must(err)
	p.stand(placement.Open, "b")
	p.stand(placement.Gone, "a")
	for name, between := range map[string]func(){
		"m is ended": func() {
			_, err := p.Close(t.Context(), m.Claim, "ended")
			p.must(err)
		},
		"b leaves": func() { wantErr(t, "remove", p.RemoveServer(expired, "b"), context.Canceled) },
	} {
		once := true
		p.store.set(func(call string) error { // while the first is being adopted
			if once && call == "CreateClaim" {
				once = false
				between()
			}
			return nil
		})
		p.poll("b", foreign("first "+name, 1), foreign("m", 1))
		if p.where("m") == "b" {
			t.Errorf("m was adopted although %s", name)
		}
		p.must(p.RemoveServer(t.Context(), "b"))
		p.stand(placement.Open, "b")
	}
	p.check()
}
