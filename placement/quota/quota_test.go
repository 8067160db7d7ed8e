package quota_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bbbpool/bbbpool/placement/quota"
	"github.com/bbbpool/bbbpool/store"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// Whatever was begun and taken back, also by a clock that somebody sets: at least what was begun within the last hour counts,
// and nothing that was begun more than a second earlier.
func TestHour_Naive(t *testing.T) {
	for seed := range uint64(20) {
		draw := rand.New(rand.NewPCG(seed, 5))
		var hour quota.Hour
		var begun []time.Time
		now := noon
		for step := range 600 {
			switch draw.IntN(8) {
			case 0, 1, 2:
				at := now.Add(-time.Duration(draw.IntN(4000)) * time.Second)
				if draw.IntN(2) == 0 {
					at = now
				}
				hour.Add(at, now)
				begun = append(begun, at)
			case 3:
				if len(begun) > 0 {
					i := draw.IntN(len(begun))
					hour.Remove(begun[i])
					begun = slices.Delete(begun, i, i+1)
				}
			default:
				now = now.Add(time.Duration(draw.IntN(60_000)) * time.Millisecond)
			}
			atLeast, atMost := 0, 0
			for _, at := range begun {
				if age := now.Sub(at); age <= time.Hour {
					atLeast++
					atMost++
				} else if age <= time.Hour+time.Second {
					atMost++
				}
			}
			if got := hour.Count(now); got < atLeast || got > atMost {
				t.Fatalf("seed %d, step %d: %d begun, want %d to %d", seed, step, got, atLeast, atMost)
			}
		}
	}
}

// A clock that is set back by more than the hour makes nobody wait until it is where it was.
func TestHour_SetBack(t *testing.T) {
	var hour quota.Hour
	hour.Add(noon, noon)
	for back, want := range map[time.Duration]int{0: 1, time.Minute: 1, time.Hour: 1, 2 * time.Hour: 0, 48 * time.Hour: 0} {
		if got := hour.Count(noon.Add(-back)); got != want {
			t.Errorf("set back by %s: %d, want %d", back, got, want)
		}
	}
}

// A tenant that has nothing any more is forgotten, and one that has something is not.
func TestTenants_Sweep(t *testing.T) {
	tenants := quota.Tenants{}
	tenants.Of("meetings").Meetings = 1
	tenants.Of("rooms").Breakouts = 1
	tenants.Of("hour").Begun.Add(noon, noon)
	tenants.Of("nothing")
	tenants.Sweep(noon)
	want := map[string]quota.Tally{"meetings": {Meetings: 1}, "hour": {LastHour: 1}}
	if diff := cmp.Diff(want, tenants.All(noon)); diff != "" || len(tenants) != 3 {
		t.Errorf("%d tenants: %s", len(tenants), diff)
	}
	tenants.Sweep(noon.Add(2 * time.Hour))
	if tenants["hour"] != nil {
		t.Error("what was begun two hours ago is remembered")
	}
	if got := tenants.Tally("nobody", noon); got != (quota.Tally{}) || tenants["nobody"] != nil {
		t.Errorf("somebody unknown has %+v", got)
	}
}

// When meetings were begun, as the store tells it: stays are "room start end", in minutes.
func TestRecall(t *testing.T) {
	at := func(minute int) time.Time { return noon.Add(time.Duration(minute) * time.Minute) }
	stay := func(room string, start, end int) quota.Stay {
		return quota.Stay{Key: store.MeetingKey{Tenant: "t", MeetingID: room}, Room: room, Start: at(start), End: at(end)}
	}
	moved := func(s quota.Stay) quota.Stay {
		s.Moved = true
		return s
	}
	named := func(id string, s quota.Stay) quota.Stay {
		s.ID = id
		return s
	}
	found := func(s quota.Stay) quota.Stay {
		s.Found = true
		return s
	}
	for name, c := range map[string]struct {
		past, lasting []quota.Stay
		over, live    []int
	}{
		"nothing":        {},
		"over":           {past: []quota.Stay{stay("a", 1, 5), stay("b", 2, 9)}, over: []int{1, 2}},
		"lasts":          {lasting: []quota.Stay{stay("a", 1, 0)}},
		"again":          {past: []quota.Stay{stay("a", 1, 5)}, lasting: []quota.Stay{stay("a", 6, 0)}, over: []int{1}},
		"moved":          {past: []quota.Stay{moved(stay("a", 1, 5))}, lasting: []quota.Stay{stay("a", 5, 0)}, live: []int{1}},
		"moved and over": {past: []quota.Stay{moved(stay("a", 1, 5)), stay("a", 5, 9)}, over: []int{1}},
		"moved twice": {
			past:    []quota.Stay{moved(stay("a", 1, 5)), moved(stay("a", 5, 7))},
			lasting: []quota.Stay{stay("a", 7, 0)}, live: []int{1},
		},
		"another one moved": {past: []quota.Stay{moved(stay("b", 1, 5))}, lasting: []quota.Stay{stay("a", 5, 0)}},
		"found":             {past: []quota.Stay{found(stay("a", 1, 5))}, lasting: []quota.Stay{found(stay("b", 5, 0))}},
		"found and moved": {
			past: []quota.Stay{moved(found(stay("a", 1, 5)))}, lasting: []quota.Stay{stay("a", 5, 0)}, live: []int{-1},
		},
		"begun anew at once": {
			past: []quota.Stay{named("x", stay("a", 1, 1))}, lasting: []quota.Stay{named("y", stay("a", 1, 0))}, over: []int{1},
		},
		"came back": {
			past: []quota.Stay{named("x", stay("a", 1, 5))}, lasting: []quota.Stay{named("x", stay("a", 6, 0))}, over: []int{1}, live: []int{-1},
		},
		"got its ID meanwhile": {past: []quota.Stay{named("x", stay("a", 1, 5))}, lasting: []quota.Stay{stay("a", 1, 0)}},
		"lost and found again": {past: []quota.Stay{stay("a", 1, 5)}, lasting: []quota.Stay{stay("a", 1, 0)}},
	} {
		minutes := func(list []quota.Begun) (minutes []int) {
			for _, one := range list {
				if one.At.IsZero() {
					minutes = append(minutes, -1)
				} else {
					minutes = append(minutes, int(one.At.Sub(noon).Minutes()))
				}
			}
			return minutes
		}
		over, live := quota.Recall(c.past, c.lasting)
		if diff := cmp.Diff([][]int{c.over, c.live}, [][]int{minutes(over), minutes(live)}); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}

// An allowance grows with time, and no further than at first.
func TestAllowance(t *testing.T) {
	a := quota.Allowance{First: 3, PerHour: 2}
	for i := 3; i > 0; i-- {
		if got := a.Left(noon); got != i {
			t.Errorf("%d left, want %d", got, i)
		}
		a.Spend()
	}
	for passed, want := range map[time.Duration]int{0: 0, 29 * time.Minute: 0, time.Hour: 2, 5 * time.Hour: 3} {
		one := a
		if got := one.Left(noon.Add(passed)); got != want {
			t.Errorf("after %s: %d left, want %d", passed, got, want)
		}
	}
}
