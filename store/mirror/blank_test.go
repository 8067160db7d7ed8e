package mirror_test

import (
	"testing"

	"github.com/bbbpool/bbbpool/store"
)

// Who has seen a pool, or has a copy of one, knows it also after a loss; a store that nobody has led yet tells nothing.
func TestMirror_Blank(t *testing.T) {
	f, dir := newFake(t), t.TempDir()
	fresh, _ := open(t, f, "", several)
	must(t, f.AddWaiting(t.Context(), store.Wait{ID: "0", Call: "session"})) // needs no lease
	must(t, fresh.Refresh(t.Context()))
	m, s := open(t, f, dir)
	before := fresh.Blank()
	fill(t, s, f)
	must(t, m.Refresh(t.Context()))
	must(t, fresh.Refresh(t.Context()))
	if !before || fresh.Blank() || m.Blank() {
		t.Errorf("blank: %v before, %v and %v once there is something", before, fresh.Blank(), m.Blank())
	}
	must(t, m.Close())
	f.lose(t, saved{})
	late, _ := open(t, f, "", several)
	old, _ := open(t, f, dir, several)
	defer closing(t, old)
	if !late.Blank() || old.Blank() {
		t.Errorf("blank after a loss: %v who comes then, %v who has a copy", late.Blank(), old.Blank())
	}
}
