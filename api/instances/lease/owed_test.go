package lease_test

import (
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/api/instances/lease"
	"github.com/bbbpool/bbbpool/store"
)

// Who was alone before leads without the store, once nobody else can think that they do, under an epoch above all of before. The
// store gets the lease when it is back, if it has that of the process before or none; where another has led, that one counts.
func TestKeeper_Owed(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(w *world)
		holds bool
	}{
		"as it was":    {func(*world) {}, true},
		"emptied":      {func(w *world) { w.shared.lease = store.Lease{} }, true},
		"another":      {func(w *world) { w.shared.lease = store.Lease{Holder: "z", Epoch: w.shared.lease.Epoch + 1, Beat: 1} }, false},
		"a larger one": {func(w *world) { w.shared.lease.Epoch += 1 << 45 }, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			before := w.keeper("a")
			first := w.take(before)
			after := w.keeper("b")
			after.Dir, after.Alone = before.Dir, func() bool { return true }
			if err := after.Open(); err != nil {
				t.Fatal(err)
			}
			w.shared.away["b"] = true
			w.steps(leaseTime-500*time.Millisecond, after)
			if after.Owes() {
				t.Error("it has not waited for others")
			}
			w.steps(time.Second, after)
			if l := w.leads(after); l.Epoch <= first.Epoch || !after.Owes() {
				t.Errorf("it leads under %+v after %+v, owed %v", l, first, after.Owes())
			}
			w.steps(5*leaseTime, after)
			if !after.Leading() {
				t.Error("it does not lead on")
			}
			c.spoil(w)
			w.shared.away["b"] = false
			w.steps(time.Second, after)
			if _, holds := after.Holds(); holds != c.holds || after.Owes() {
				t.Errorf("it holds the lease %v, owed %v; the store has %+v", holds, after.Owes(), w.shared.lease)
			}
			if c.holds && w.shared.lease.Holder != "b" {
				t.Errorf("the store has %+v", w.shared.lease)
			}
		})
	}
}

// Who is not known to be alone, or has seen the store since it began, does not lead without it.
func TestKeeper_NotOwed(t *testing.T) {
	w := newWorld(t)
	list := []*lease.Keeper{w.keeper("several"), w.keeper("unknown"), w.keeper("seen")}
	list[0].Alone = func() bool { return false }
	list[2].Alone = func() bool { return true }
	w.shared.lease = store.Lease{Holder: "z", Epoch: 7}
	w.steps(200*time.Millisecond, list[2])
	for _, k := range list {
		w.shared.away[k.ID] = true
	}
	w.steps(5*leaseTime, list...)
	for _, k := range list {
		if _, holds := k.Holds(); holds {
			t.Errorf("%s leads", k.ID)
		}
	}
}
