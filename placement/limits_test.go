package placement_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// recalling is a pool that keeps its history, and reads it when it is opened again.
func recalling(t *testing.T, servers ...string) *pool {
	p := newPool(t)
	p.reopen(servers...)
	return p
}

// reopen is restart with the history.
func (p *pool) reopen(servers ...string) {
	p.t.Helper()
	parts := p.parts(servers...)
	parts.History, parts.Offline = p.store.sessions.(store.Index), true
	ledger, err := placement.OpenLedger(p.t.Context(), parts)
	p.must(err)
	p.Ledger = ledger
	p.stand(placement.Open, servers...)
}

// try creates a meeting that asks for something, or says why not. Its server gives each meeting an ID of its own.
func (p *pool) try(id string, w placement.Wish, avoid ...string) error {
	p.t.Helper()
	c := p.begin(id)
	defer c.End()
	place, err := c.Place(p.t.Context(), w, avoid)
	if err != nil {
		return err
	}
	internal := place.Claim.InternalID
	if !place.Known {
		p.made++
		internal = fmt.Sprint(id, "@", place.Claim.Server, p.made)
	}
	p.must(c.Confirm(p.t.Context(), placement.Made{InternalID: internal, CreateTime: 1}))
	return nil
}

func atOnce(n int) placement.Wish { return placement.Wish{Limits: store.Limits{Meetings: n}} }

func hourly(n int) placement.Wish { return placement.Wish{Limits: store.Limits{PerHour: n}} }

// over closes a meeting.
func (p *pool) over(k store.MeetingKey) {
	p.t.Helper()
	found, err := p.Peek(k)
	p.must(err)
	_, err = p.Close(p.t.Context(), found.Claim, placement.Ended)
	p.must(err)
}

// A tenant has so many meetings at once, and no more. What it has is never refused.
func TestLimits_Meetings(t *testing.T) {
	p := newPool(t, "a", "b")
	p.must(p.try("one", atOnce(2)))
	p.must(p.try("two", atOnce(2)))
	wantErr(t, "a third one", p.try("three", atOnce(2)), placement.ErrMeetings)
	p.must(p.try("one", atOnce(2)))
	p.must(p.try("two", atOnce(1))) // the limit has become smaller
	equal(t, "has", p.Tally("t"), placement.Tally{Meetings: 2, LastHour: 2})
	found, err := p.Peek(key("one"))
	p.must(err)
	p.must(p.try("one", atOnce(1), found.Claim.Server)) // it moves
	equal(t, "has after a move", p.Tally("t"), placement.Tally{Meetings: 2, LastHour: 2})
	p.must(p.try("room", placement.Wish{Beside: "a", Limits: store.Limits{Meetings: 1, PerHour: 1}}))
	equal(t, "has with a breakout room", p.Tally("t"), placement.Tally{Meetings: 2, LastHour: 2})
	p.over(key("one"))
	p.must(p.try("three", atOnce(2)))
	wantErr(t, "considered", p.Consider(key("four"), atOnce(2)).Err, placement.ErrMeetings)
	other, err := p.Begin(t.Context(), store.MeetingKey{Tenant: "other", MeetingID: "four"})
	p.must(err)
	defer other.End()
	_, err = other.Place(t.Context(), atOnce(1), nil)
	p.must(err)
	equal(t, "all", p.Tallies(), map[string]placement.Tally{"t": {Meetings: 2, LastHour: 3}, "other": {Meetings: 1, LastHour: 1}})
}

// What is being created counts, and what was given up does not.
func TestLimits_Pending(t *testing.T) {
	p := newPool(t, "a")
	w := placement.Wish{Limits: store.Limits{Meetings: 1, PerHour: 1}}
	first := p.begin("first")
	_, err := first.Place(t.Context(), w, nil)
	p.must(err)
	wantErr(t, "while another one is created", p.try("second", w), placement.ErrMeetings)
	p.must(first.GiveUp(t.Context()))
	first.End()
	equal(t, "has after the create was given up", p.Tally("t"), placement.Tally{})
	p.store.fail("CreateClaim")
	wantErr(t, "when the store fails", p.try("second", w), errDisk)
	p.store.fail()
	p.must(p.try("second", w))
	p.check()
}

// However many creates come at once, also while some fail and meetings end: never are there more than may be, and in the end
// as many.
func TestLimits_AtOnce(t *testing.T) {
	const limit = 50
	p := newPool(t, "a", "b", "c")
	var group sync.WaitGroup
	for i := range 200 {
		group.Go(func() {
			id := fmt.Sprint("m", i)
			for round := range 3 {
				c := p.begin(id)
				_, err := c.Place(t.Context(), atOnce(limit), nil)
				switch {
				case err == nil && (i+round)%5 == 0:
					err = c.GiveUp(t.Context())
				case err == nil:
					err = c.Confirm(t.Context(), placement.Made{InternalID: id, CreateTime: 1})
				}
				if err != nil && !errors.Is(err, placement.ErrMeetings) {
					t.Error(err)
				}
				if has := p.Tally("t").Meetings; has > limit {
					t.Errorf("there are %d", has)
				}
				c.End()
			}
		})
	}
	group.Wait()
	for i := range 200 {
		if err := p.try(fmt.Sprint("m", i), atOnce(limit)); err != nil {
			wantErr(t, "create", err, placement.ErrMeetings)
		}
	}
	equal(t, "meetings", p.Count(), limit)
	p.check()
}

// So many meetings are begun within an hour, and no more, also over restarts. A meeting that moves was begun once; one that
// was only found, by nobody.
func TestLimits_PerHour(t *testing.T) {
	p := recalling(t, "a", "b")
	p.must(p.try("moves", hourly(3), "b"))
	p.clock.add(10 * time.Minute)
	p.must(p.try("ends", hourly(3)))
	p.over(key("ends"))
	p.clock.add(10 * time.Minute)
	p.must(p.try("third", hourly(3), "b"))
	wantErr(t, "a fourth one", p.try("fourth", hourly(3)), placement.ErrPerHour)
	p.clock.add(10 * time.Minute)
	p.must(p.try("moves", hourly(1), "a"))
	equal(t, "where it moved", p.where("moves"), "b")
	p.poll("a", placement.Sighting{Key: key("found"), InternalID: "x", CreateTime: p.clock.now().UnixMilli()})
	for _, restarts := range []bool{false, true} {
		if restarts {
			p.reopen("a", "b")
		}
		equal(t, "has", p.Tally("t"), placement.Tally{Meetings: 3, LastHour: 3})
		wantErr(t, "a fourth one, still", p.try("fourth", hourly(3)), placement.ErrPerHour)
	}
	p.clock.add(30*time.Minute - 9*time.Second) // an hour after the first was begun, which has moved meanwhile
	p.must(p.try("fourth", hourly(3)))
	wantErr(t, "a fifth one", p.try("fifth", hourly(3)), placement.ErrPerHour)
	p.reopen("a", "b")
	equal(t, "has", p.Tally("t"), placement.Tally{Meetings: 4, LastHour: 3})
	p.check()
}

// A meeting that is over without our notice and begun anew was begun twice. One that was lost from sight, and found again, once.
func TestLimits_Anew(t *testing.T) {
	p := recalling(t, "a")
	claim := p.create("m")
	p.clock.add(time.Minute)
	c := p.begin("m")
	p.place(c)
	p.must(c.Confirm(t.Context(), placement.Made{InternalID: "again", CreateTime: 2}))
	c.End()
	equal(t, "has", p.Tally("t"), placement.Tally{Meetings: 1, LastHour: 2})
	p.poll("a")
	p.poll("a")
	equal(t, "has when it is lost from sight", p.Tally("t"), placement.Tally{LastHour: 2})
	claim.InternalID = "again"
	p.poll("a", sees(claim, 3))
	for range 2 {
		equal(t, "has when it is seen again", p.Tally("t").LastHour, 2)
		p.reopen("a")
	}
}

// A claim that no server ever answered, as after a crash, holds a place until it is found to be nothing.
func TestLimits_Unanswered(t *testing.T) {
	p := recalling(t, "a")
	c := p.begin("m")
	p.place(c)
	p.reopen("a")
	w := placement.Wish{Limits: store.Limits{Meetings: 1, PerHour: 1}}
	wantErr(t, "while it may be there", p.try("n", w), placement.ErrMeetings)
	p.poll("a")
	p.poll("a")
	equal(t, "has", p.Tally("t"), placement.Tally{})
	p.must(p.try("n", w))
}

// Polls adopt more than may be begun, and it counts.
func TestLimits_Adopted(t *testing.T) {
	p := newPool(t, "a")
	p.must(p.try("m", atOnce(1)))
	p.poll("a", placement.Sighting{Key: key("m"), InternalID: "m@a1", People: 4},
		placement.Sighting{Key: key("n"), InternalID: "n", People: 3})
	equal(t, "has", p.Tally("t"), placement.Tally{Meetings: 2, People: 7, LastHour: 1})
	wantErr(t, "one more", p.try("o", atOnce(2)), placement.ErrMeetings)
}

// People are let in as long as there is room by the counts as they stand. Who is on the way is let in again.
func TestLimits_People(t *testing.T) {
	p := newPool(t, "a", "b")
	m, n := p.create("m"), p.create("n")
	limits := store.Limits{People: 3, MeetingPeople: 2}
	admit := func(c store.Claim, who placement.Person, want error) {
		t.Helper()
		err := p.Admit(c.MeetingKey, who, limits)
		if !errors.Is(err, want) {
			t.Errorf("%d into %s: %v, want %v", who, c.MeetingID, err, want)
		}
	}
	admit(m, 1, nil)
	admit(m, 2, nil)
	admit(m, 2, nil)
	admit(m, 3, placement.ErrMeetingPeople)
	admit(n, 4, nil)
	admit(n, 5, placement.ErrPeople)
	admit(n, 0, placement.ErrPeople)
	admit(n, 4, nil)
	equal(t, "has", p.Tally("t").People, 3)
	p.poll(m.Server, sees(m, 1))
	p.poll(m.Server, sees(m, 1))
	admit(n, 5, nil)
	admit(m, 6, placement.ErrPeople)
	p.must(p.Admit(store.MeetingKey{Tenant: "t", MeetingID: "nobody's"}, 1, limits))
	p.must(p.try("room", placement.Wish{Beside: "a"}))
	p.must(p.Admit(key("room"), 9, limits))
	p.over(key("n"))
	equal(t, "has when one is over", p.Tally("t").People, 1)
	p.check()
}

// Of each join that is let in somebody hears, and of none that is refused.
func TestLimits_Sent(t *testing.T) {
	p := newPool(t)
	heard := map[string]int{}
	parts := p.parts("a")
	parts.Sent = func(tenant string) { heard[tenant]++ }
	ledger, err := placement.OpenLedger(t.Context(), parts)
	p.must(err)
	p.Ledger = ledger
	p.stand(placement.Open, "a")
	m := p.create("m")
	for who := range placement.Person(5) {
		_ = p.Admit(m.MeetingKey, who+1, store.Limits{MeetingPeople: 2})
	}
	p.Joined(m.MeetingKey, 9)
	equal(t, "heard of", heard, map[string]int{"t": 3})
}

// Right after a start nobody is refused because of people whom nobody has seen.
func TestLimits_PeopleGuessed(t *testing.T) {
	p := newPool(t, "a")
	m := p.create("m")
	p.clock.add(time.Hour)
	p.restart("a")
	if p.ServerLoad("a").People == 0 {
		t.Error("nobody is taken to be there")
	}
	equal(t, "has", p.Tally("t"), placement.Tally{Meetings: 1, LastHour: 1})
	p.must(p.Admit(m.MeetingKey, 1, store.Limits{People: 1, MeetingPeople: 1}))
	p.poll("a", sees(m, 1))
	p.poll("a", sees(m, 1))
	wantErr(t, "when it was seen", p.Admit(m.MeetingKey, 2, store.Limits{People: 1}), placement.ErrPeople)
}

// Only servers with the tags of the tenant take its meetings; among these its creates choose by theirs. Servers are "id:tag".
func TestLimits_Tags(t *testing.T) {
	for _, c := range []struct {
		servers []string
		only    []string
		wish    string
		want    []string
		err     error
	}{
		{[]string{"p:", "a:a", "b:b"}, []string{"a"}, "", []string{"a"}, nil},
		{[]string{"p:", "a:a", "b:b"}, []string{"a", "b"}, "", []string{"a", "b"}, nil},
		{[]string{"p:", "a:a", "b:b"}, []string{"a", "none"}, "", []string{"a", "p"}, nil},
		{[]string{"p:", "a:a", "b:b"}, []string{"none"}, "", []string{"p"}, nil},
		{[]string{"p:", "a:a", "b:b"}, []string{"a", "b"}, "b", []string{"b"}, nil},
		{[]string{"p:", "a:a", "b:b"}, []string{"a"}, "b", []string{"a"}, nil},
		{[]string{"p:", "a:a", "b:b"}, []string{"a"}, "b!", nil, placement.ErrNoTag},
		{[]string{"p:", "a:a", "b:b"}, []string{"x"}, "", nil, placement.ErrNoTag},
		{[]string{"p:", "a:a", "b:b"}, []string{"x"}, "a", nil, placement.ErrNoTag},
		{nil, []string{"x"}, "", nil, placement.ErrNoServer},
	} {
		p := newPool(t)
		for _, s := range c.servers {
			p.SetServer(placement.Server{ID: s[:1], Tag: s[2:], Weight: 1, Standing: placement.Open})
		}
		w := placement.Wish{Tag: c.wish, Limits: store.Limits{Tags: c.only}}
		what := fmt.Sprintf("%q within %v", c.wish, c.only)
		wantErr(t, what, p.try("m0", w), c.err)
		var got []string
		for i := range 4 { // of two servers each takes two
			if p.try(fmt.Sprint("m", i), w) == nil && !slices.Contains(got, p.where(fmt.Sprint("m", i))) {
				got = append(got, p.where(fmt.Sprint("m", i)))
			}
		}
		slices.Sort(got)
		equal(t, what, got, c.want)
	}
}

// Whatever happens on a day: no tenant has more than it may, a restart remembers who has begun what, and people are counted
// where they are.
func TestLimits_Random(t *testing.T) {
	for seed := range uint64(4) {
		draw := rand.New(rand.NewPCG(seed, 21))
		p := recalling(t, "a", "b", "c")
		limits := store.Limits{Meetings: 4, PerHour: 8}
		for step := range 250 {
			id := fmt.Sprint("m", draw.IntN(12))
			switch draw.IntN(10) {
			case 0, 1, 2, 3:
				var avoid []string
				if draw.IntN(3) == 0 {
					avoid = []string{string(rune('a' + draw.IntN(3)))}
				}
				err := p.try(id, placement.Wish{Limits: limits, Alias: []string{"", "t-" + id}[draw.IntN(2)]}, avoid...)
				if err != nil && !errors.Is(err, placement.ErrMeetings) && !errors.Is(err, placement.ErrPerHour) {
					t.Fatal(err)
				}
			case 4, 5:
				if p.where(id) != "" {
					p.over(key(id))
				}
			case 6:
				p.clock.add(time.Duration(draw.IntN(900)) * time.Second)
			case 7:
				_ = p.Admit(key(id), placement.Person(draw.IntN(9)), store.Limits{People: 10})
			case 8:
				if found, err := p.Peek(key(id)); err == nil {
					p.poll(found.Claim.Server, sees(found.Claim, draw.IntN(5)))
				}
			case 9:
				before := p.Tally("t")
				p.reopen("a", "b", "c")
				after := p.Tally("t")
				equal(t, "meetings over a restart", after.Meetings, before.Meetings)
				equal(t, "begun over a restart", after.LastHour, before.LastHour)
			}
			if has := p.Tally("t"); has.Meetings > limits.Meetings || has.LastHour > limits.PerHour {
				t.Fatalf("seed %d, step %d: it has %+v", seed, step, has)
			}
			p.check()
			if t.Failed() {
				t.Fatalf("seed %d, step %d", seed, step)
			}
		}
	}
}

// A join takes no memory, whatever limits there are: it is the call that comes most often.
func TestLimits_NoMemory(t *testing.T) {
	p := newPool(t, "a")
	m := p.create("m")
	limits := store.Limits{People: 100, MeetingPeople: 50}
	p.must(p.Admit(m.MeetingKey, 1, limits))
	if n := testing.AllocsPerRun(100, func() { _ = p.Admit(m.MeetingKey, 1, limits) }); n != 0 {
		t.Errorf("%g allocations", n)
	}
}
