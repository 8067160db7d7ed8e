package rule_test

import (
	"math/rand/v2"
	"testing"

	"github.com/bbbpool/bbbpool/placement/rule"
)

func load(server string, people int, expected, kept float64) rule.Load {
	return rule.Load{Server: server, Weight: 1, People: people, Expected: expected, Kept: kept, Meetings: 1}
}

func weighing(weight float64, l rule.Load) rule.Load {
	l.Weight = weight
	return l
}

func carrying(capacity int, l rule.Load) rule.Load {
	l.Capacity = capacity
	return l
}

func holding(meetings int, l rule.Load) rule.Load {
	l.Meetings = meetings
	return l
}

func no(int) int { return 1 } // keeps the first of equals

// The rule: (people + expected + kept + own) / weight, then meetings; servers within their capacity first.
func TestChoice(t *testing.T) {
	for _, c := range []struct {
		name       string
		own        float64
		loads      []rule.Load
		best, next string
	}{
		{"nobody", 15, nil, "", ""},
		{"the only one", 15, []rule.Load{load("a", 900, 0, 0)}, "a", ""},
		{"fewest people", 15, []rule.Load{load("a", 9, 0, 0), load("b", 7, 0, 0), load("c", 8, 0, 0)}, "b", "c"},
		{"best first", 15, []rule.Load{load("a", 7, 0, 0), load("b", 9, 0, 0), load("c", 8, 0, 0)}, "a", "c"},
		{"expected count", 15, []rule.Load{load("a", 0, 15, 0), load("b", 14, 0, 0)}, "b", "a"},
		{"kept counts", 15, []rule.Load{load("a", 0, 0, 50), load("b", 49, 0, 0)}, "b", "a"},
		{
			"twice the weight, twice the people", 0,
			[]rule.Load{load("a", 10, 0, 0), weighing(2, load("b", 19, 0, 0))},
			"b", "a",
		},
		{
			"an empty small server is no place for a large meeting", 100,
			[]rule.Load{weighing(0.5, load("small", 0, 0, 0)), weighing(2, load("large", 200, 0, 0))},
			"large", "small",
		},
		{
			"but for a small one", 10,
			[]rule.Load{weighing(0.5, load("small", 0, 0, 0)), weighing(2, load("large", 200, 0, 0))},
			"small", "large",
		},
		{
			"fewer meetings among equals", 15,
			[]rule.Load{holding(3, load("a", 9, 0, 0)), holding(2, load("b", 9, 0, 0))},
			"b", "a",
		},
		{
			"a full server comes last", 15,
			[]rule.Load{carrying(20, load("a", 6, 0, 0)), load("b", 90, 0, 0)},
			"b", "a",
		},
		{
			"to the last place", 15,
			[]rule.Load{carrying(20, load("a", 5, 0, 0)), load("b", 90, 0, 0)},
			"a", "b",
		},
		{
			"full ones by the same rule", 15,
			[]rule.Load{carrying(20, load("a", 30, 0, 0)), carrying(20, load("b", 25, 0, 0))},
			"b", "a",
		},
	} {
		choice := rule.Choice{Own: c.own, Draw: no}
		for _, l := range c.loads {
			choice.Offer(&l)
		}
		equal(t, c.name, [2]string{choice.Best.Server, choice.Next.Server}, [2]string{c.best, c.next})
	}
}

// Servers that are equal in everything are drawn with the same probability, wherever they stand in the list.
func TestChoice_Lot(t *testing.T) {
	const draws, equals = 8000, 8
	random := rand.New(rand.NewPCG(1, 2))
	times := map[string]int{}
	for range draws {
		choice := rule.Choice{Own: 15, Draw: random.IntN}
		choice.Offer(new(load("worse", 50, 0, 0)))
		for i := range equals {
			choice.Offer(new(load(string(rune('a'+i)), 9, 0, 0)))
		}
		choice.Offer(new(load("worst", 60, 0, 0)))
		times[choice.Best.Server]++
		if choice.Next.People != 9 || choice.Next.Server == choice.Best.Server {
			t.Fatalf("the runner-up is %+v, want another equal", choice.Next)
		}
	}
	for server, n := range times {
		if n < 850 || n > 1150 {
			t.Errorf("%s was drawn %d times, want about %d", server, n, draws/equals)
		}
	}
	equal(t, "servers drawn", len(times), equals)
}

// A server with a hard capacity is not offered more than that; an empty one takes a meeting of any size, and seats
// refuse nobody.
func TestChoice_Hard(t *testing.T) {
	hard := func(capacity int, l rule.Load) rule.Load {
		l.Capacity, l.Hard = capacity, true
		return l
	}
	for _, c := range []struct {
		name string
		load rule.Load
		full int
	}{
		{"room", hard(100, load("a", 60, 25, 0)), 0},
		{"one too many", hard(100, load("a", 60, 26, 0)), 1},
		{"a seat", hard(100, load("a", 60, 25, 90)), 0},
		{"empty", hard(10, load("a", 0, 0, 0)), 0},
		{"somebody", hard(10, load("a", 1, 0, 0)), 1},
		{"no limit", hard(0, load("a", 1000, 0, 0)), 0},
	} {
		choice := rule.Choice{Own: 15, Room: 15, Draw: no}
		choice.Offer(&c.load)
		equal(t, c.name, choice.Full, c.full)
		equal(t, c.name, choice.Best.Server == "", c.full > 0)
	}
}

// With fill, small meetings go to the fullest server that stays under that share; large ones go where they always go.
func TestChoice_Fill(t *testing.T) {
	well := func(l rule.Load) rule.Load {
		l.Carries = 200
		return l
	}
	loads := []rule.Load{well(load("empty", 0, 0, 0)), well(load("some", 30, 0, 0)), well(load("full", 50, 0, 0))}
	for own, want := range map[float64]string{10: "full", 11: "some", 30: "some", 31: "empty", 100: "empty"} {
		choice := rule.Choice{Own: own, Fill: 0.3, Draw: no}
		for _, l := range loads {
			choice.Offer(&l)
		}
		equal(t, "server", choice.Best.Server, want)
	}
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
