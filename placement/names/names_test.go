package names_test

import (
	"cmp"
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/bbbpool/bbbpool/placement/names"
)

type thing struct {
	id   int
	name string
}

// Whatever comes and goes: whoever has a name alone is found by it, of several one is, and nobody is left over.
func TestIndex(t *testing.T) {
	draw := rand.New(rand.NewPCG(1, 2))
	all := map[*thing]bool{}
	x := names.New(func(t *thing) string { return t.name }, maps.Keys(all), func(a, b *thing) bool { return cmp.Less(a.id, b.id) })
	for step := range 5000 {
		if draw.IntN(2) == 0 && len(all) < 12 {
			one := &thing{step, []string{"", "a", "b", "c", "d", "e"}[draw.IntN(6)]}
			all[one] = true
			x.Enter(one)
		} else {
			for one := range all {
				x.Leave(one)
				delete(all, one)
				break
			}
		}
		named := map[string]int{}
		for one := range all {
			if named[one.name]++; one.name == "" {
				delete(named, "")
			}
		}
		shared := 0
		for name, n := range named {
			holder, found := x.Holder(name)
			if !found || !all[holder] || holder.name != name {
				t.Fatalf("step %d: %q is found as %+v", step, name, holder)
			}
			shared += n - 1
		}
		if found, others := x.Check(); found != len(named) || others != shared {
			t.Fatalf("step %d: %d found, want %d; %d shared, want %d", step, found, len(named), others, shared)
		}
	}
}

// Of several with one name the first one keeps it; then it goes to the first in order, which is the same in every copy.
func TestIndex_Heir(t *testing.T) {
	list := []*thing{{3, "a"}, {2, "a"}, {1, "a"}}
	all := map[*thing]bool{}
	x := names.New(func(t *thing) string { return t.name }, maps.Keys(all), func(a, b *thing) bool { return a.id < b.id })
	for _, one := range list {
		all[one] = true
		x.Enter(one)
	}
	for _, want := range []*thing{list[0], list[2], list[1]} {
		if got, _ := x.Holder("a"); got != want {
			t.Errorf("found %+v, want %+v", got, want)
		}
		x.Leave(want)
		delete(all, want)
	}
	if _, found := x.Holder("a"); found {
		t.Error("somebody is found when all have left")
	}
}
