package placement_test

import (
	"fmt"
	"testing"
	"time"
	_ "time/tzdata" // for machines without time zones

	"github.com/bbbpool/bbbpool/placement"
)

// kept is what is kept on each server.
func (p *pool) kept(servers ...string) (list []float64) {
	for _, id := range servers {
		list = append(list, p.ServerLoad(id).Kept)
	}
	return list
}

// at sets the clock to a minute of a day.
func (p *pool) at(day time.Time, hour, minute int) {
	p.clock.add(time.Date(day.Year(), day.Month(), day.Day(), hour, minute, 0, 0, day.Location()).Sub(p.clock.now()))
}

// lecture lets a room have had a session at a quarter past ten, so many weeks ago.
func (p *pool) lecture(id string, weeks, peak int) {
	start := time.Date(2026, 1, 5, 10, 15, 0, 0, time.UTC).AddDate(0, 0, -7*weeks)
	p.Learn(p.held(id, start, peak, 0, ""))
}

// A regular large meeting keeps a place from 20 minutes before its usual start until 10 minutes after it, or until it is
// created.
func TestSeats(t *testing.T) {
	p := newC3(t, "a")
	p.lecture("m", 2, 90)
	p.lecture("m", 1, 110)
	for _, c := range []struct {
		hour, minute int
		want         float64
	}{{9, 54, 0}, {9, 55, 100}, {10, 0, 100}, {10, 24, 100}, {10, 26, 0}} {
		p.at(monday, c.hour, c.minute)
		equal(t, p.clock.now().Format("15:04"), p.kept("a"), []float64{c.want})
	}
	p.at(monday.AddDate(0, 0, 1), 10, 0)
	equal(t, "on Tuesday", p.kept("a"), []float64{0})
	p.at(monday.AddDate(0, 0, 7), 10, 0)
	equal(t, "a week later", p.kept("a"), []float64{100})
	p.at(monday.AddDate(0, 0, 14), 10, 0)
	equal(t, "after three weeks without it", p.kept("a"), []float64{0})
}

// A seat takes twice at that hour, and people.
func TestSeats_Regular(t *testing.T) {
	for _, c := range []struct {
		name string
		have func(p *pool)
		want float64
	}{
		{"once", func(p *pool) { p.lecture("m", 1, 100) }, 0},
		{"too small", func(p *pool) { p.lecture("m", 2, 60); p.lecture("m", 1, 39) }, 0},
		{"just large enough", func(p *pool) { p.lecture("m", 2, 60); p.lecture("m", 1, 40) }, 50},
		{"another hour", func(p *pool) {
			p.lecture("m", 2, 100)
			p.Learn(p.held("m", monday.AddDate(0, 0, -7).Add(5*time.Hour), 100, 0, ""))
		}, 0},
		{"twenty minutes apart: in the middle", func(p *pool) {
			p.lecture("m", 2, 100)
			p.Learn(p.held("m", monday.AddDate(0, 0, -7).Add(2*time.Hour+35*time.Minute), 100, 0, ""))
		}, 100},
		{"another day of the week", func(p *pool) {
			p.lecture("m", 1, 100)
			p.Learn(p.held("m", monday.AddDate(0, 0, -4).Add(2*time.Hour+15*time.Minute), 100, 0, ""))
		}, 0},
	} {
		p := newC3(t, "a")
		c.have(p)
		p.at(monday, 10, 10)
		equal(t, c.name, p.kept("a"), []float64{c.want})
	}
}

// The largest is seated first, each where the rule would put it, and what comes meanwhile goes elsewhere.
func TestSeats_Largest(t *testing.T) {
	p := newC3(t, "a", "b")
	p.lecture("small", 2, 60)
	p.lecture("small", 1, 60)
	p.lecture("large", 2, 200)
	p.lecture("large", 1, 200)
	p.at(monday, 10, 0)
	seats := p.Seats()
	equal(t, "seats", len(seats), 2)
	equal(t, "the large one", seats[0].Size, 200.0)
	equal(t, "elsewhere", seats[0].Server != seats[1].Server, true)
	equal(t, "another meeting", p.create("x").Server, seats[1].Server)
	p.check()
}

// Created, the meeting gives its seat up and goes where the rule wants it; nobody is counted twice, also not when it is
// over soon and created again.
func TestSeats_Created(t *testing.T) {
	p := newC3(t, "a", "b")
	p.lecture("m", 2, 100)
	p.lecture("m", 1, 100)
	p.at(monday, 10, 0)
	where := p.Seats()[0].Server
	equal(t, "considered", p.Consider(key("m"), placement.Wish{}).Claim.Why.Kept, 0.0)
	equal(t, "still kept", p.kept("a")[0]+p.kept("b")[0], 100.0)
	claim := p.create("m")
	equal(t, "kept", p.kept("a", "b"), []float64{0, 0})
	equal(t, "expected", claim.Expected, 100.0)
	p.poll(claim.Server, ended(sees(claim, 0)))
	p.at(monday, 10, 20)
	equal(t, "kept after its end", p.kept("a", "b"), []float64{0, 0})
	p.check()
	_ = where
}

// A meeting that runs already needs no seat.
func TestSeats_Running(t *testing.T) {
	p := newC3(t, "a")
	p.lecture("m", 2, 100)
	p.lecture("m", 1, 100)
	p.create("m")
	p.at(monday, 10, 0)
	equal(t, "kept", p.kept("a"), []float64{0})
}

// A seat moves when its server takes no new meetings any more, or leaves.
func TestSeats_Move(t *testing.T) {
	p := newC3(t, "a")
	p.lecture("m", 2, 100)
	p.lecture("m", 1, 100)
	p.at(monday, 10, 0)
	equal(t, "kept", p.kept("a"), []float64{100})
	p.stand(placement.Open, "b")
	p.stand(placement.Held, "a")
	p.clock.add(time.Minute)
	equal(t, "held", p.kept("a", "b"), []float64{0, 100})
	p.must(p.RemoveServer(t.Context(), "b"))
	equal(t, "nowhere", p.kept("a", "b"), []float64{0, 0})
	p.stand(placement.Open, "a")
	p.clock.add(time.Minute)
	equal(t, "back", p.kept("a"), []float64{100})
	p.restart("a", "c")
	equal(t, "after a restart without history", p.kept("a", "c"), []float64{0, 0})
}

// A seat is held among the servers with the tag of the one that the meeting was on.
func TestSeats_Tag(t *testing.T) {
	p := newC3(t, "plain")
	p.SetServer(placement.Server{ID: "gpu", Tag: "g", Weight: 0.1, Standing: placement.Open})
	for weeks := 2; weeks > 0; weeks-- {
		p.Learn(p.held("m", monday.AddDate(0, 0, -7*weeks).Add(2*time.Hour), 100, 0, "gpu"))
	}
	p.at(monday, 10, 0)
	equal(t, "kept", p.kept("plain", "gpu"), []float64{0, 100})
}

// The hour is that of the wall clock: it stays through a change to summer time.
func TestSeats_SummerTime(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	p := newC3(t, "a")
	day := time.Date(2026, 3, 30, 0, 0, 0, 0, zone) // the day after
	p.clock.t = day.Add(-time.Hour)
	for weeks := 2; weeks > 0; weeks-- {
		p.Learn(p.held("m", time.Date(2026, 3, 30-7*weeks, 10, 15, 0, 0, zone), 100, 0, ""))
	}
	p.at(day, 9, 50)
	equal(t, "too early", p.kept("a"), []float64{0})
	p.at(day, 10, 0)
	equal(t, "in time", p.kept("a"), []float64{100})
}

// A create that no server could take costs no seat.
func TestSeats_Refused(t *testing.T) {
	p := newC3(t, "a", "b")
	p.lecture("m", 2, 100)
	p.lecture("m", 1, 100)
	p.at(monday, 10, 0)
	equal(t, "kept", p.kept("a")[0]+p.kept("b")[0], 100.0)
	c := p.begin("m")
	_, err := c.Place(t.Context(), placement.Wish{Tag: "x!"}, nil)
	wantErr(t, "tag", err, placement.ErrNoTag)
	c.End()
	p.clock.add(time.Minute)
	equal(t, "kept after refusal", p.kept("a")[0]+p.kept("b")[0], 100.0)
}

// Nor does one that every server has failed at.
func TestSeats_GivenUp(t *testing.T) {
	p := newC3(t, "a", "b")
	p.lecture("m", 2, 100)
	p.lecture("m", 1, 100)
	p.at(monday, 10, 0)
	c := p.begin("m")
	p.place(c)
	p.must(c.GiveUp(t.Context()))
	c.End()
	p.clock.add(time.Minute)
	equal(t, "kept after give up", p.kept("a")[0]+p.kept("b")[0], 100.0)
}

// A seat for a meeting right after midnight is held before it. In a pool whose clock has another zone that is the middle of the day.
func TestSeats_Midnight(t *testing.T) {
	p := newC3(t, "a")
	for w := 1; w <= 2; w++ {
		p.Learn(p.held("m", monday.AddDate(0, 0, -7*w+1).Truncate(24*time.Hour).Add(5*time.Minute), 100, 0, ""))
	}
	p.at(monday, 23, 55)
	equal(t, "10 minutes before 00:05", p.kept("a"), []float64{100})
	p.clock.add(8 * time.Minute)
	equal(t, "2 minutes before 00:05", p.kept("a"), []float64{100})
}

// Of very many seats that are due at once the first are held with one look, the others with the next.
func TestSeats_Many(t *testing.T) {
	p := newC3(t, "a")
	for i := range 100 {
		p.lecture(fmt.Sprint("m", i), 2, 60)
		p.lecture(fmt.Sprint("m", i), 1, 60)
	}
	p.at(monday, 10, 0)
	equal(t, "the first look", p.kept("a"), []float64{64 * 60})
	equal(t, "the next", p.kept("a"), []float64{100 * 60})
	equal(t, "and no more", p.kept("a"), []float64{100 * 60})
}
