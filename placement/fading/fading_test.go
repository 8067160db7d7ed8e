package fading_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/bbbpool/bbbpool/placement/fading"
)

// The sum that is kept as two numbers is the sum over all meetings, after any adds and removes, in a process that has
// been up for years, also when births come out of order.
func TestSum_Naive(t *testing.T) {
	type birth struct{ born, p float64 }
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		span := 60 + 3000*random.Float64()
		now := []float64{0, 1e4, 3e7, 1e8}[seed%4]
		sum := fading.New(span)
		var births []birth
		for range 3000 {
			switch n := random.IntN(10); {
			case n < 4:
				b := birth{now - random.Float64()*span*1.2, float64(random.IntN(400)) / 8}
				sum.Add(b.born, b.p)
				births = append(births, b)
			case n < 6 && len(births) > 0:
				i := random.IntN(len(births))
				sum.Remove(births[i].born, births[i].p)
				births = slices.Delete(births, i, i+1)
			case n < 8:
				now += random.ExpFloat64() * span / 50
			}
			want := 0.0
			for _, b := range births {
				want += b.p * max(0, 1-(now-b.born)/span)
			}
			if got := sum.At(now); math.Abs(got-want) > 1e-6 {
				t.Fatalf("seed %d: sum %.9f at %.1f, want %.9f", seed, got, now, want)
			}
		}
	}
}

// Meetings placed in the same instant are taken back one at a time, and what has faded is not taken back twice.
func TestSum_Remove(t *testing.T) {
	sum := fading.New(100)
	for range 3 {
		sum.Add(0, 10)
	}
	sum.Add(0, 5)
	sum.Add(50, 8)
	sum.Remove(0, 10)
	equal(t, "one of three taken back", sum.At(0), 10+10+5+8*1.5)
	equal(t, "half-way", sum.At(50), 5+5+2.5+8)
	equal(t, "after the span of the older ones", sum.At(100), 4.0)
	sum.Remove(0, 10)
	sum.Remove(0, 5)
	equal(t, "after removing what has faded", sum.At(100), 4.0)
	equal(t, "at the end", sum.At(151), 0.0)
}

func equal(t *testing.T, what string, got, want float64) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %g, want %g", what, got, want)
	}
}
