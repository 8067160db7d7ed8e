package placement_test

import (
	"math/rand/v2"
	"testing"

	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
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

// A server with a hard capacity is not offered more than that; an empty one takes a meeting of any size, and seats
// refuse nobody.
func TestChoice_Hard(t *testing.T) {
	hard := func(capacity int, l placement.Load) placement.Load {
		l.Capacity, l.Hard = capacity, true
		return l
	}
	for _, c := range []struct {
		name string
		load placement.Load
		full int
	}{
		{"room", hard(100, load("a", 60, 25, 0)), 0},
		{"one too many", hard(100, load("a", 60, 26, 0)), 1},
		{"a seat", hard(100, load("a", 60, 25, 90)), 0},
		{"empty", hard(10, load("a", 0, 0, 0)), 0},
		{"somebody", hard(10, load("a", 1, 0, 0)), 1},
		{"no limit", hard(0, load("a", 1000, 0, 0)), 0},
	} {
		choice := placement.Choice{Own: 15, Room: 15, Draw: no}
		choice.Offer(c.load)
		equal(t, c.name, choice.Full, c.full)
		equal(t, c.name, choice.Best.Server == "", c.full > 0)
	}
}

// With fill, small meetings go to the fullest server that stays under that share; large ones go where they always go.
func TestChoice_Fill(t *testing.T) {
	well := func(l placement.Load) placement.Load {
		l.Carries = 200
		return l
	}
	loads := []placement.Load{well(load("empty", 0, 0, 0)), well(load("some", 30, 0, 0)), well(load("full", 50, 0, 0))}
	for own, want := range map[float64]string{10: "full", 11: "some", 30: "some", 31: "empty", 100: "empty"} {
		choice := placement.Choice{Own: own, Fill: 0.3, Draw: no}
		for _, l := range loads {
			choice.Offer(l)
		}
		equal(t, "server", choice.Best.Server, want)
	}
}

// The explanation has the numbers that were used.
func TestExplain(t *testing.T) {
	choice := placement.Choice{Own: 25, Draw: no}
	equal(t, "nothing offered", choice.Decision(placement.FromHistory), store.Decision{})
	choice.Offer(weighing(0.5, load("s3", 41, 12.34, 0)))
	equal(t, "one", placement.Explain("s3", choice.Decision(placement.FromHistory)),
		"s3: 41 here + 12.3 expected + 0 kept + 25.0 own (history), /0.5")
	choice.Offer(weighing(2, load("s7", 100, 9, 50)))
	d := choice.Decision(placement.FromHint)
	equal(t, "two", placement.Explain("s7", d),
		"s7: 100 here + 9.0 expected + 50 kept + 25.0 own (hint), /2; next s3 at 156.7")
	equal(t, "after", (float64(d.Here)+d.Expected+d.Kept+d.Own)/d.Weight, 92.0)
	equal(t, "found", placement.Explain("s1", store.Decision{}), "s1: it was found there, nobody chose")
}
