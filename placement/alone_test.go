package placement_test

import (
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// A book needs no ledger: whoever has a clock of his own proposes, applies, and asks.
func TestBook_Alone(t *testing.T) {
	now := monday
	b := placement.NewBook(placement.Config{}, now)
	for _, id := range []string{"a", "b"} {
		b.Apply(placement.ServerSet{Server: placement.Server{ID: id, Weight: 1, Standing: placement.Open}})
	}
	place := func(id string, avoid ...string) store.Claim {
		t.Helper()
		c, err := b.Propose(now, key(id), 1, placement.Wish{}, avoid)
		if err != nil {
			t.Fatal(err)
		}
		b.Apply(placement.ClaimPlaced{At: now, Claim: c, Room: 1})
		return c
	}
	confirm := func(c store.Claim) store.Claim {
		made := placement.Made{InternalID: c.MeetingID + "@" + c.Server, CreateTime: now.UnixMilli()}
		confirmed, _, _ := b.Confirmation(now, c.MeetingKey, made)
		b.Apply(confirmed)
		b.Apply(placement.CreateOver{Key: c.MeetingKey})
		return confirmed.Claim
	}
	first := confirm(place("m"))
	second := confirm(place("n"))
	equal(t, "not where the first one is expected", first.Server != second.Server, true)

	// A proposal changes nothing, and one that is taken back leaves nothing.
	before := b.ServerLoad(now, first.Server)
	place("o", second.Server)
	b.Apply(placement.ClaimTakenBack{Key: key("o")})
	equal(t, "as before", b.ServerLoad(now, first.Server), before)

	// Two people on their way, of whom a poll has seen one.
	for range 2 {
		b.Join(placement.JoinSent{At: now, Key: key("m")})
	}
	equal(t, "on their way", b.ServerLoad(now, first.Server).People, 2)
	now = now.Add(10 * time.Second)
	b.Apply(placement.PollBegun{Server: first.Server})
	found := b.See(placement.PollSeen{At: now, Poll: placement.Poll{
		Server: first.Server, Began: now, Complete: true, Meetings: []placement.Sighting{sees(first, 1), sees(store.Claim{
			MeetingKey: key("new"), InternalID: "x", CreateTime: 1,
		}, 7)},
	}})
	equal(t, "seen", b.ServerLoad(now, first.Server).People, 1)

	// What nobody claimed is adopted by whoever wants to.
	equal(t, "unclaimed", len(found.Unclaimed), 1)
	adopted, ok := b.Adoption(now, first.Server, found.Unclaimed[0], now, 2)
	equal(t, "to be adopted", ok, true)
	b.Apply(adopted)
	b.Apply(placement.CreateOver{Key: key("new")})
	equal(t, "with those in it", b.ServerLoad(now, first.Server).People, 8)
	_, ok = b.Adoption(now, first.Server, found.Unclaimed[0], now, 2)
	equal(t, "once more", ok, false)

	// Ended by its server, it is over for polls that were on their way.
	over := b.Finish(now, key("m"), placement.Ended)
	equal(t, "peak", over.Session.Peak, 1)
	equal(t, "it tells something", over.Telling(), true)
	b.Apply(placement.ClaimClosed{At: now, Claim: over.Claim, Reason: placement.Ended})
	equal(t, "meetings", b.Count(), 2)
	found = b.See(placement.PollSeen{At: now, Poll: placement.Poll{
		Server: first.Server, Began: now, Meetings: []placement.Sighting{sees(first, 1)},
	}})
	equal(t, "to be adopted", len(found.Unclaimed), 0)
	equal(t, "nothing there", b.Finish(now, key("m"), placement.Ended), placement.Finished{})
	if err := b.Check(now); err != nil {
		t.Error(err)
	}
}
