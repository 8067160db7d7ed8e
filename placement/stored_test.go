package placement_test

import (
	"testing"

	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/store"
)

// What is stored of a meeting counts where nothing is heard. A meeting that has ended while it was looked up does not come back by
// that.
func TestLedger_Stored(t *testing.T) {
	p := newPool(t, "a")
	parts := p.parts()
	parts.Follows = true
	f, err := placement.OpenLedger(t.Context(), parts)
	p.must(err)
	var told [][]byte
	stop := p.Tell(func(frame []byte) { told = append(told, frame) })
	defer stop()
	first := true
	hear := func() {
		for _, frame := range told {
			p.must(f.Hear(frame, first))
			first = false
		}
		told = nil
	}
	hear()
	p.create("m")
	found, err := p.Peek(key("m"))
	p.must(err)
	stored := func() (store.Claim, error) { return found.Claim, nil }
	if !f.Stored(stored) || f.Count() != 1 {
		t.Error("it does not go by what is stored of a meeting that it has not heard of")
	}
	hear()
	if !f.Stored(stored) {
		t.Error("it does not go by what is stored as it was heard")
	}
	if f.Stored(func() (store.Claim, error) { return store.Claim{}, store.ErrAway }) {
		t.Error("it goes by what cannot be looked up")
	}
	if f.Stored(func() (store.Claim, error) {
		_, err := p.CalledBack(t.Context(), key("m"), "a", found.Claim.Placed)
		p.must(err)
		hear()
		return found.Claim, nil
	}) || f.Count() != 0 {
		t.Error("a meeting that is over is back")
	}
}
