package placement_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// A full server is not chosen; when all are, that is told apart from having none.
func TestHard(t *testing.T) {
	p := newPool(t)
	for _, id := range []string{"a", "b"} {
		p.SetServer(placement.Server{ID: id, Weight: 1, Capacity: 40, Hard: true, Standing: placement.Open})
	}
	equal(t, "meetings", len(p.createUntil(placement.ErrFull)), 4)
	p.SetServer(placement.Server{ID: "soft", Weight: 1, Capacity: 40, Standing: placement.Open, Tag: "x"})
	place, err := p.begin("tagged").Place(t.Context(), placement.Wish{Tag: "x!"}, nil)
	p.must(err)
	equal(t, "tagged", place.Claim.Server, "soft")
	_, err = p.begin("untagged").Place(t.Context(), placement.Wish{Tag: "none!"}, nil)
	wantErr(t, "required", err, placement.ErrFull)
	p.stand(placement.Gone, "a", "b")
	_, err = p.begin("nobody").Place(t.Context(), placement.Wish{}, nil)
	wantErr(t, "gone", err, placement.ErrNoServer)
}

// createUntil creates meetings until that error.
func (p *pool) createUntil(end error) (claims []store.Claim) {
	p.t.Helper()
	for i := range 1000 {
		c := p.begin(string(rune('A' + i)))
		place, err := c.Place(p.t.Context(), placement.Wish{}, nil)
		c.End()
		if err != nil {
			wantErr(p.t, "the end", err, end)
			return claims
		}
		claims = append(claims, place.Claim)
	}
	p.t.Fatal("no end")
	return nil
}

// A meeting that asks for no tag goes to tagged servers only where that is wanted, and nothing else is left.
func TestAnyTag(t *testing.T) {
	p := newPool(t)
	p.config.AnyTag = true
	p.restart()
	p.SetServer(placement.Server{ID: "a", Tag: "x", Weight: 1, Standing: placement.Open})
	equal(t, "tagged", p.create("m").Server, "a")
	_, err := p.begin("n").Place(t.Context(), placement.Wish{Tag: "none!"}, nil)
	wantErr(t, "untagged alone", err, placement.ErrNoTag)
	p.SetServer(placement.Server{ID: "b", Weight: 0.1, Standing: placement.Open})
	equal(t, "untagged", p.create("o").Server, "b")
}

// Considering a create changes nothing, and gives the numbers.
func TestConsider(t *testing.T) {
	p := newC3(t, "a", "b")
	busy := p.create("busy")
	p.SetServer(placement.Server{ID: "full", Weight: 1, Capacity: 1, Hard: true, Standing: placement.Open})
	p.stand(placement.Held, "held")
	before := p.Meetings()
	got := p.Consider(key("m"), placement.Wish{Hint: 20})
	equal(t, "nothing changed", p.Meetings(), before)
	equal(t, "known", got.Known, false)
	if got.Claim.Server == busy.Server || got.Err != nil {
		t.Errorf("would go to %q, %v", got.Claim.Server, got.Err)
	}
	equal(t, "options", len(got.Servers), 4)
	equal(t, "the last one", got.Servers[3].Standing, placement.Held)
	equal(t, "where it is", p.Consider(key("busy"), placement.Wish{}).Claim, busy)
	_, err := p.begin("m").Place(t.Context(), placement.Wish{Hint: 20}, nil)
	p.must(err)
	none := p.Consider(key("n"), placement.Wish{Tag: "x!"})
	wantErr(t, "tag", none.Err, placement.ErrNoTag)
}

// A breakout room goes where its parent is, also while that server takes no new meetings, and adds nobody.
func TestBeside(t *testing.T) {
	p := newPool(t, "a", "b")
	parent := p.create("parent")
	p.poll(parent.Server, sees(parent, 30))
	p.clock.add(time.Hour)
	p.stand(placement.Held, parent.Server)
	for _, id := range []string{"r1", "r2", "r3"} {
		c := p.begin(id)
		place, err := c.Place(t.Context(), placement.Wish{Beside: parent.Server}, nil)
		p.must(err)
		p.must(c.Confirm(t.Context(), placement.Made{InternalID: id, CreateTime: 1}))
		c.End()
		equal(t, "server", place.Claim.Server, parent.Server)
		p.Joined(key(id), 0)
	}
	found, err := p.Breakout("t", "r1")
	p.must(err)
	equal(t, "by its internal ID", found.Claim.MeetingID, "r1")
	_, err = p.Breakout("t", "parent@"+parent.Server)
	wantErr(t, "no breakout room", err, placement.ErrUnknown)
	found, err = p.ByInternalID("t", "parent@"+parent.Server)
	p.must(err)
	equal(t, "the parent", found.Claim.MeetingID, "parent")
	_, err = p.ByInternalID("other", "parent@"+parent.Server)
	wantErr(t, "another tenant's", err, placement.ErrUnknown)
	l := p.ServerLoad(parent.Server)
	equal(t, "people", l.People, 30)
	equal(t, "expected", l.Expected, 0.0)
	room := placement.Sighting{Key: key("r1"), InternalID: "r1", CreateTime: 1, People: 10, Breakout: true}
	foreign := placement.Sighting{Key: key("r9"), InternalID: "r9", CreateTime: 1, People: 10, Breakout: true}
	p.poll(parent.Server, sees(parent, 30), room, foreign)
	p.poll(parent.Server, sees(parent, 30), room, foreign)
	equal(t, "people", p.ServerLoad(parent.Server).People, 30)
	equal(t, "seen, not seen, never claimed", []string{p.where("r1"), p.where("r2"), p.where("r9")},
		[]string{parent.Server, "", ""})
	c := p.begin("r4")
	_, err = c.Place(t.Context(), placement.Wish{Beside: "gone"}, nil)
	c.End()
	wantErr(t, "no parent", err, placement.ErrNoServer)
	p.check()
	p.poll(parent.Server, sees(parent, 30))
	p.poll(parent.Server, sees(parent, 30))
	_, err = p.Breakout("t", "r1")
	wantErr(t, "over", err, placement.ErrUnknown)
}

// People in a copy of a meeting that is claimed elsewhere take room where they are.
func TestStrays(t *testing.T) {
	p := newPool(t, "a", "b")
	claim := p.create("m", "b")
	copied := claim
	copied.InternalID = "m@b"
	p.poll("b", sees(copied, 12))
	equal(t, "people", p.ServerLoad("b").People, 12)
	p.poll("b", sees(copied, 4))
	equal(t, "fewer", p.ServerLoad("b").People, 4)
	p.poll("b")
	equal(t, "gone", p.ServerLoad("b").People, 0)
	p.check()
}

// What the pool carries, what is left without its largest server, and what a drain would do.
func TestCapacity(t *testing.T) {
	p := newC3(t, "a")
	p.SetServer(placement.Server{ID: "b", Weight: 2, Standing: placement.Open})
	p.SetServer(placement.Server{ID: "c", Weight: 1, Capacity: 50, Standing: placement.Held})
	claim := p.create("m", "b", "c")
	p.poll("a", sees(claim, 70))
	p.clock.add(time.Hour)
	for weeks := range 3 { // tomorrow at ten, and in two days more
		start := monday.AddDate(0, 0, 1-7*(weeks+1)).Add(2 * time.Hour)
		p.Learn(p.held("x", start, 300, 0, "a"))
		p.Learn(p.held("y", start.Add(30*time.Minute), 100+weeks, 0, "a"))
		p.Learn(p.held("z", start.AddDate(0, 0, 2), 450, 0, "a"))
	}
	c := p.Capacity()
	equal(t, "carries", c.Carries, 600.0)
	equal(t, "without the largest", c.Largest, "b")
	equal(t, "carries without it", c.Without, 200.0)
	equal(t, "now", c.Now.People, 70.0)
	equal(t, "tightest", c.Tightest, placement.Crowd{
		At: monday.AddDate(0, 0, 3).Add(2 * time.Hour), People: 450, Meetings: 1,
	})
	equal(t, "within a day", c.Today.People, 0.0)
	p.at(monday, 12, 0)
	c = p.Capacity()
	equal(t, "within a day", c.Today, placement.Crowd{
		At: monday.AddDate(0, 0, 1).Add(2*time.Hour + 30*time.Minute), People: 402, Meetings: 2,
	})
	d, ok := c.Drain("b")
	equal(t, "drain b", d, placement.Drained{Server: "b", Carries: 200, Now: 130, Tightest: -202})
	equal(t, "short", ok && d.Short(), true)
	d, _ = c.Drain("c")
	equal(t, "drain what takes nothing anyway", d.Carries, 600.0)
	_, ok = c.Drain("x")
	equal(t, "unknown", ok, false)
}

// A server whose clock was never set is no reason to fall over.
func TestCapacity_OddTimes(t *testing.T) {
	p := newC3(t, "a")
	for _, start := range []time.Time{{}, time.UnixMilli(1), time.Unix(1<<40, 0)} {
		for _, last := range []time.Duration{-time.Hour, 0, 1 << 62} {
			s := p.held("m", start, 100, 0, "a")
			s.End = start.Add(last)
			p.Learn(s)
		}
	}
	equal(t, "tightest", p.Capacity().Tightest.People, 0.0)
	p.create("m")
	p.check()
}

// An empty server takes a meeting of any size, whatever rounding has left of what was expected there.
func TestHard_Empty(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	bad := 0
	for range 40 {
		p := newC3(t)
		p.SetServer(placement.Server{ID: "a", Weight: 1, Capacity: 60, Hard: true, Standing: placement.Open})
		p.clock.add(30 * 24 * time.Hour) // up for a month
		var cs []store.Claim
		for j := range 3 {
			p.clock.add(time.Duration(1+r.IntN(60_000)) * time.Millisecond)
			id := fmt.Sprint("m", j)
			c := p.begin(id)
			pl, err := c.Place(t.Context(), placement.Wish{Hint: 3 + r.IntN(20)}, nil)
			p.must(err)
			cl := pl.Claim
			cl.InternalID = id
			p.must(c.Confirm(t.Context(), placement.Made{InternalID: id, CreateTime: 1}))
			c.End()
			cs = append(cs, cl)
		}
		r.Shuffle(len(cs), func(i, j int) { cs[i], cs[j] = cs[j], cs[i] })
		for _, cl := range cs {
			p.clock.add(time.Duration(1+r.IntN(60_000)) * time.Millisecond)
			ok, err := p.Close(t.Context(), cl, "ended")
			if !ok || err != nil {
				t.Fatal(ok, err)
			}
		}
		p.clock.add(time.Duration(r.IntN(60_000)) * time.Millisecond)
		c := p.begin("big")
		_, err := c.Place(t.Context(), placement.Wish{Hint: 1000}, nil)
		c.End()
		if errors.Is(err, placement.ErrFull) {
			bad++
		}
	}
	if bad > 0 {
		t.Errorf("%d of 40: an empty server was full", bad)
	}
}

// A guess locks no large meeting out of nearly empty servers.
func TestHard_Guess(t *testing.T) {
	p := newC3(t)
	for _, id := range []string{"a", "b", "c"} {
		p.SetServer(placement.Server{ID: id, Weight: 1, Capacity: 60, Hard: true, Standing: placement.Open})
	}
	for i := range 3 {
		c := p.begin(fmt.Sprint("s", i))
		pl, err := c.Place(t.Context(), placement.Wish{}, nil)
		p.must(err)
		p.must(c.Confirm(t.Context(), placement.Made{InternalID: fmt.Sprint("s", i), CreateTime: 1}))
		c.End()
		cl := pl.Claim
		cl.InternalID = fmt.Sprint("s", i)
		p.poll(cl.Server, sees(cl, 1))
	}
	p.clock.add(time.Hour)
	c := p.begin("course")
	_, err := c.Place(t.Context(), placement.Wish{Hint: 120}, nil)
	c.End()
	if err != nil {
		t.Errorf("three servers for 60 people with 1 each: a course of 120 enrolled is refused: %v", err)
	}
	// and a regular room for 60 gets neither a seat nor a place
	p.lecture("big", 2, 80)
	p.lecture("big", 1, 80)
	p.at(monday, 10, 0)
	equal(t, "seats", len(p.Seats()), 1)
	c = p.begin("big")
	_, err = c.Place(t.Context(), placement.Wish{}, nil)
	c.End()
	p.must(err)
}

// People in a meeting that cannot become a record take room all the same.
func TestStrays_Unstorable(t *testing.T) {
	p := newC3(t, "a", "b")
	m := placement.Sighting{Key: key("x"), InternalID: "", People: 300}
	p.poll("a", m)
	p.poll("b")
	equal(t, "people", p.ServerLoad("a").People, 300)
}

// The options are in the order of preference.
func TestConsider_Order(t *testing.T) {
	p := newC3(t)
	p.SetServer(placement.Server{ID: "big", Weight: 10, Capacity: 10, Standing: placement.Open})
	p.SetServer(placement.Server{ID: "small", Weight: 1, Capacity: 100, Standing: placement.Open})
	got := p.Consider(key("m"), placement.Wish{})
	equal(t, "first option", got.Servers[0].Server, got.Claim.Server)
}
