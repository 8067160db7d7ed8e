package coming_test

import (
	"testing"

	"github.com/bbbpool/bbbpool/placement/coming"
)

// Everybody counts once until a poll that began later has looked, and somebody of whom nothing is known each time.
func TestPeople(t *testing.T) {
	var p coming.People
	add := func(who coming.Person, poll int, want bool) {
		t.Helper()
		if got := p.Add(who, poll); got != want {
			t.Errorf("%d counts: %v, want %v", who, got, want)
		}
	}
	add(1, 1, true)
	add(1, 1, false)
	add(0, 1, true)
	add(0, 1, true)
	add(2, 2, true)
	if p.Has(0) || !p.Has(1) || p.Has(3) {
		t.Errorf("on the way: %v", p)
	}
	p.Arrived(2)
	add(1, 2, true)
	add(2, 2, false)
	p.Arrived(3)
	if p != nil {
		t.Errorf("left over: %v", p)
	}
}

// Robots that follow links do not fill the memory.
func TestPeople_Bounded(t *testing.T) {
	var p coming.People
	counted := 0
	for who := range coming.Person(20_000) {
		if p.Add(who+1, 1) {
			counted++
		}
	}
	if counted != len(p) || counted > 5_000 {
		t.Errorf("%d counted, %d remembered", counted, len(p))
	}
}
