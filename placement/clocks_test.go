package placement_test

import (
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/placement"
)

// A meeting that moves is placed later than it was before, whatever the clock says of whoever leads then: of two claims the later one
// counts where a database has lost the last of them.
func TestPlace_ClockBehind(t *testing.T) {
	p := newPool(t, "a", "b")
	first := p.create("m")
	p.clock.add(-time.Hour)
	p.restart("a", "b")
	p.stand(placement.Gone, first.Server)
	second := p.create("m")
	if second.Server == first.Server || !second.Placed.After(first.Placed) {
		t.Errorf("it was placed on %s at %s, and then on %s at %s", first.Server, first.Placed, second.Server, second.Placed)
	}
	sessions, err := p.store.SessionsSince(t.Context(), time.Time{}, "", 10)
	p.must(err)
	for _, s := range sessions {
		if s.End.Before(s.Start) {
			t.Errorf("the history has a meeting from %s to %s", s.Start, s.End)
		}
	}
}
