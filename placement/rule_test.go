package placement_test

import (
	"math/rand/v2"
	"testing"

	"github.com/bbbpool/bbbpool/placement"
)

func load(server string, people int, expected, kept float64) placement.Load {
	return placement.Load{Server: server, Weight: 1, People: people, Expected: expected, Kept: kept, Meetings: 1}
}

func weighing(weight float64, l placement.Load) placement.Load {
	l.Weight = weight
	return l
}

func carrying(capacity int, l placement.Load) placement.Load {
	l.Capacity = capacity
	return l
}

func holding(meetings int, l placement.Load) placement.Load {
	l.Meetings = meetings
	return l
}

func no(int) int { return 1 } // keeps the first of equals

// The rule: (people + expected + kept + own) / weight, then meetings; servers within their capacity first.
func TestChoice(t *testing.T) {
	for _, c := range []struct {
		name       string
		own        float64
		loads      []placement.Load
		best, next string
	}{
		{"nobody", 15, nil, "", ""},
		{"the only one", 15, []placement.Load{load("a", 900, 0, 0)}, "a", ""},
		{"fewest people", 15, []placement.Load{load("a", 9, 0, 0), load("b", 7, 0, 0), load("c", 8, 0, 0)}, "b", "c"},
		{"best first", 15, []placement.Load{load("a", 7, 0, 0), load("b", 9, 0, 0), load("c", 8, 0, 0)}, "a", "c"},
		{"expected count", 15, []placement.Load{load("a", 0, 15, 0), load("b", 14, 0, 0)}, "b", "a"},
		{"kept counts", 15, []placement.Load{load("a", 0, 0, 50), load("b", 49, 0, 0)}, "b", "a"},
		{
			"twice the weight, twice the people", 0,
			[]placement.Load{load("a", 10, 0, 0), weighing(2, load("b", 19, 0, 0))},
			"b", "a",
		},
		{
			"an empty small server is no place for a large meeting", 100,
			[]placement.Load{weighing(0.5, load("small", 0, 0, 0)), weighing(2, load("large", 200, 0, 0))},
			"large", "small",
		},
		{
			"but for a small one", 10,
			[]placement.Load{weighing(0.5, load("small", 0, 0, 0)), weighing(2, load("large", 200, 0, 0))},
			"small", "large",
		},
		{
			"fewer meetings among equals", 15,
			[]placement.Load{holding(3, load("a", 9, 0, 0)), holding(2, load("b", 9, 0, 0))},
			"b", "a",
		},
		{
			"a full server comes last", 15,
			[]placement.Load{carrying(20, load("a", 6, 0, 0)), load("b", 90, 0, 0)},
			"b", "a",
		},
		{
			"to the last place", 15,
			[]placement.Load{carrying(20, load("a", 5, 0, 0)), load("b", 90, 0, 0)},
			"a", "b",
		},
		{
			"full ones by the same rule", 15,
			[]placement.Load{carrying(20, load("a", 30, 0, 0)), carrying(20, load("b", 25, 0, 0))},
			"b", "a",
		},
	} {
		choice := placement.Choice{Own: c.own, Draw: no}
		for _, l := range c.loads {
			choice.Offer(l)
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
		choice := placement.Choice{Own: 15, Draw: random.IntN}
		choice.Offer(load("worse", 50, 0, 0))
		for i := range equals {
			choice.Offer(load(string(rune('a'+i)), 9, 0, 0))
		}
		choice.Offer(load("worst", 60, 0, 0))
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

// The explanation has the numbers that were used.
func TestChoice_String(t *testing.T) {
	var choice placement.Choice
	equal(t, "nothing offered", choice.String(), "no server")
	choice = placement.Choice{Own: 25, Draw: no}
	choice.Offer(weighing(0.5, load("s3", 41, 12.34, 0)))
	equal(t, "one", choice.String(), "s3: 41 here + 12.3 expected + 0 kept + 25.0 own, /0.5")
	choice.Offer(weighing(2, load("s7", 100, 9, 50)))
	equal(t, "two", choice.String(),
		"s7: 100 here + 9.0 expected + 50 kept + 25.0 own, /2; next s3 at 156.7")
}
