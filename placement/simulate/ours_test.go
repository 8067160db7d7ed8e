package simulate_test

import (
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/placement/simulate"
)

// A meeting that is known is created where it is, until its server is down.
func TestOurs_Known(t *testing.T) {
	b := simulate.NewBench("c1", []float64{1, 1}, ten, meetings(0, 0)...)
	first := b.Create(0)
	created(t, b, 1, 1-first)
	b.Join(0, 30)
	if s := b.Ask(0); s != first {
		t.Errorf("created again on %d, it is on %d", s, first)
	}
	b.Fail(first)
	if s := b.Ask(0); s != 1-first {
		t.Errorf("created again on %d, which is down", s)
	}
}

// Joins count at once, and once a poll has looked it is what that has seen.
func TestOurs_Counts(t *testing.T) {
	b := simulate.NewBench("c1", []float64{1, 1}, ten, meetings(0, 0, 0, 0)...)
	first := b.Create(0)
	b.Join(0, 20)
	created(t, b, 1, 1-first, 1-first) // 35 there, and 15 for each here
	b.Enter(1, 60)                     // whom nobody has sent
	if err := b.Poll(); err != nil {
		t.Fatal(err)
	}
	created(t, b, 3, first)
}

// A meeting that a server has, and nobody has created, is claimed with the next poll: its people count, and it is created
// where it is.
func TestOurs_Found(t *testing.T) {
	b := simulate.NewBench("c1", []float64{1, 1}, ten, meetings(0, 0, 0)...)
	b.Put(0, 0)
	b.Enter(0, 50)
	if err := b.Poll(); err != nil {
		t.Fatal(err)
	}
	created(t, b, 1, 1, 1)
	if s := b.Ask(0); s != 0 {
		t.Errorf("created again on %d, it is on 0", s)
	}
}

// What a meeting had is expected of it the next time, whether its server has said that it is over or two polls have not
// seen it. C1 learns nothing: it expects as many of that meeting as of any.
func TestOurs_Learns(t *testing.T) {
	for _, end := range []func(*simulate.Bench, int){(*simulate.Bench).End, (*simulate.Bench).Lose} {
		for name, learns := range map[string]bool{"c1": false, "c2": true} {
			b := simulate.NewBench(name, []float64{1, 1}, ten, meetings(0, 0, 0)...)
			b.Create(0)
			b.Join(0, 40)
			for minute := range 8 {
				if b.At(time.Duration(minute) * time.Minute); minute == 5 {
					end(b, 0)
				}
				if err := b.Poll(); err != nil {
					t.Fatal(err)
				}
			}
			b.At(time.Hour)
			first := b.Create(0)
			created(t, b, 1, 1-first)
			b.Join(1, 3)
			if learns { // 40 there, and here 3 and what the tenant's meetings have on average
				created(t, b, 2, 1-first)
			} else { // 15 there, 18 here
				created(t, b, 2, first)
			}
		}
	}
}
