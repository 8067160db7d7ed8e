package simulate_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/placement/simulate"
)

var ten = time.Date(2026, 5, 19, 10, 0, 0, 0, time.UTC)

// meetings are some of an hour, with a hint each.
func meetings(hints ...int) (list []simulate.Meeting) {
	for i, hint := range hints {
		list = append(list, simulate.Meeting{
			ID: string(rune('a' + i)), Hint: hint, Create: ten, End: ten.Add(time.Hour), Users: []simulate.Count{},
		})
	}
	return list
}

// created checks where meetings go, one after another from the first on.
func created(t *testing.T, b *simulate.Bench, first int, want ...int) {
	t.Helper()
	var got []int
	for m := range want {
		got = append(got, b.Create(first+m))
	}
	if !slices.Equal(got, want) {
		t.Errorf("meetings from %d on are created on %v, want %v", first, got, want)
	}
}

func polled(t *testing.T, b *simulate.Bench, want ...float64) {
	t.Helper()
	if err := b.Poll(); err != nil {
		t.Fatal(err)
	}
	loads(t, b, want...)
}

func loads(t *testing.T, b *simulate.Bench, want ...float64) {
	t.Helper()
	if got := b.Loads(); !slices.EqualFunc(got, want, func(a, b float64) bool { return math.Abs(a-b) < 1e-9 }) {
		t.Errorf("loads are %v, want %v", got, want)
	}
}

// A create counts 1 until a poll makes it 15; the moderator counts twice; after 15 minutes the floor is gone.
func TestScalelite(t *testing.T) {
	b := simulate.NewBench("scalelite", []float64{1, 1}, ten, meetings(0, 0, 0, 0, 0)...)
	created(t, b, 0, 0, 1, 0)
	b.Join(1, 3)
	loads(t, b, 2, 4)
	created(t, b, 3, 0)
	polled(t, b, 45, 15)
	b.At(20 * time.Minute)
	b.Enter(1, 20)
	polled(t, b, 0, 24)
}

// The multiplier is the inverse of the weight, and a new meeting's own size is left out.
func TestScalelite_Multiplier(t *testing.T) {
	b := simulate.NewBench("scalelite", []float64{0.5, 2}, ten, meetings(0, 0, 0, 0)...)
	created(t, b, 0, 0, 1, 1, 1)
	loads(t, b, 2, 1.5)
	polled(t, b, 30, 22.5)
}

// As coded, a meeting keeps its 31 for ever and the hint counts on create alone.
func TestBBBLB(t *testing.T) {
	b := simulate.NewBench("bbblb", []float64{1, 1}, ten, meetings(0, 50, 500)...)
	created(t, b, 0, 0, 1, 0)
	loads(t, b, 40+164, 9+1.55*50)
	b.Join(0, 8)
	loads(t, b, 212, 86.5)
	polled(t, b, 2*36+8+0.5*4+0.5*2, 36)
	b.At(time.Hour)
	polled(t, b, 83, 36)
}

// As intended, the reservation fades over half an hour.
func TestBBBLB_Intended(t *testing.T) {
	b := simulate.NewBench("bbblb-intended", []float64{1, 1}, ten, meetings(0, 60)...)
	created(t, b, 0, 0, 1)
	loads(t, b, 40, 9+1.55*60)
	b.At(15 * time.Minute)
	polled(t, b, 5+31.0/2, 5+1.55*60/2)
	b.At(30 * time.Minute)
	polled(t, b, 5, 5)
}

// Each create counts 31 until the next poll, a join nothing; the processor counts more the higher it is.
func TestB3LB(t *testing.T) {
	b := simulate.NewBench("b3lb", []float64{1, 1}, ten, meetings(0, 0, 0)...)
	first := b.Create(0)
	created(t, b, 1, 1-first)
	b.Join(0, 7)
	loads(t, b, 31, 31)
	want := []float64{30, 30}
	want[first] = 37
	polled(t, b, want...)
	for cpu, want := range map[float64]float64{0: 70, 0.5: 877, 1: 4236} {
		if got := simulate.B3LBLoad(10, 2, cpu); got != want {
			t.Errorf("load with 10 people, 2 meetings and processors at %g is %g, want %g", cpu, got, want)
		}
	}
}

// All creates go to one server while the mean over five minutes is what it was.
func TestSLedunois(t *testing.T) {
	b := simulate.NewBench("b3lb-sledunois", []float64{1, 1}, ten, meetings(0, 0, 0, 0)...)
	polled(t, b)
	s := b.Create(0)
	created(t, b, 1, s, s)
	b.Join(0, 190)
	for range 30 {
		polled(t, b)
	}
	created(t, b, 3, 1-s)
}

// Nothing counts until the next poll; young meetings count 15; the strength divides.
func TestPILOS(t *testing.T) {
	b := simulate.NewBench("pilos", []float64{1, 3}, ten, meetings(0, 0, 0, 0)...)
	created(t, b, 0, 0, 0)
	b.Join(0, 20)
	polled(t, b, 35, 0)
	created(t, b, 2, 1)
	b.At(16 * time.Minute)
	b.Enter(2, 66)
	polled(t, b, 20, 66)
	created(t, b, 3, 0)
}

func TestRoundRobin(t *testing.T) {
	b := simulate.NewBench("round-robin", []float64{1, 1, 1}, ten, meetings(0, 0, 0, 0, 0)...)
	created(t, b, 0, 0, 1)
	b.Fail(2)
	created(t, b, 2, 0, 1, 0)
}

// The clairvoyant knows that the large meeting will be over, and when.
func TestClairvoyant(t *testing.T) {
	list := meetings(0, 0, 0)
	list[0].End, list[0].Users = ten.Add(30*time.Minute), []simulate.Count{{0, 50}}
	list[1].Users = []simulate.Count{{0, 10}}
	list[2].Create, list[2].Users = ten.Add(20*time.Minute), []simulate.Count{{0, 1}, {900, 45}}
	b := simulate.NewBench("clairvoyant", []float64{1, 1}, ten, list...)
	first := b.Create(0)
	created(t, b, 1, 1-first)
	b.At(20 * time.Minute)
	created(t, b, 2, first)
}

// No rule sends a meeting to a server that is down, and where none is up it goes nowhere.
func TestRules_Down(t *testing.T) {
	for _, name := range simulate.Rules() {
		b := simulate.NewBench(name, []float64{1, 5, 1}, ten, meetings(0, 0, 0, 0)...)
		b.Fail(1)
		for m := range 3 {
			if s := b.Create(m); s != 0 && s != 2 {
				t.Errorf("%s sends meeting %d to server %d, which is down", name, m, s)
			}
			if err := b.Poll(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		b.Fail(0)
		b.Fail(2)
		if s := b.Create(3); s != simulate.Nowhere {
			t.Errorf("%s sends a meeting to server %d, and all are down", name, s)
		}
	}
}

// What a peer knows of a server that is down is what the last poll has seen.
func TestRules_NotPolled(t *testing.T) {
	for name, want := range map[string]float64{"scalelite": 15, "bbblb": 36, "bbblb-intended": 36, "b3lb": 30, "pilos": 15} {
		b := simulate.NewBench(name, []float64{1}, ten, meetings(0)...)
		b.Create(0)
		polled(t, b, want)
		b.Fail(0)
		b.Enter(0, 50)
		b.At(time.Hour)
		polled(t, b, want)
	}
}

// Which rules count a join before the next poll, by how much.
func TestRules_Join(t *testing.T) {
	for name, each := range map[string]float64{"scalelite": 0.5, "bbblb": 1, "bbblb-intended": 1, "b3lb": 0, "pilos": 0} {
		b := simulate.NewBench(name, []float64{2}, ten, meetings(0)...)
		b.Create(0)
		if err := b.Poll(); err != nil {
			t.Fatal(err)
		}
		before := b.Loads()[0]
		b.Join(0, 4)
		loads(t, b, before+4*each)
	}
}

func TestLowerBound(t *testing.T) {
	for _, c := range []struct {
		weights []float64
		sizes   []int
		want    float64
		why     string
	}{
		{[]float64{1, 1}, []int{10, 10, 10, 10}, 20, "spread evenly"},
		{[]float64{1, 1}, []int{90, 10}, 90, "the largest"},
		{[]float64{1, 1}, []int{50, 30, 20, 1}, 50.5, "spread evenly"},
		{[]float64{1, 1}, []int{30, 30, 30}, 60, "two of three share a server"},
		{[]float64{1, 1}, []int{30, 30, 30, 30, 30}, 90, "three of five do"},
		{[]float64{1, 2}, []int{90, 10}, 45, "the largest on the largest server"},
	} {
		if got := simulate.LowerBound(c.weights, c.sizes...); got != c.want {
			t.Errorf("%v on weights %v: bound %g, want %g: %s", c.sizes, c.weights, got, c.want, c.why)
		}
	}
}
