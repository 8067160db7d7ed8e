package mirror_test

import (
	"testing"

	"github.com/bbbpool/bbbpool/store/mirror"
)

// A store is in doubt until a leader vouches for the server that runs, and again when that is another one. What a leader has lost
// and put back in its term lacks nothing; one whose term begins with a loss may never have known what else there was.
func TestMirror_Vouch(t *testing.T) {
	f := newFake(t)
	m, s := open(t, f, t.TempDir())
	var term uint64
	m.Attach(mirror.Hooks{Leading: func() (uint64, bool) { return term, term > 0 }})
	doubtful := func(when string, want bool) {
		t.Helper()
		if _, got := m.Doubtful(t.Context()); got != want {
			t.Errorf("%s: doubtful %v", when, got)
		}
	}
	vouch := func() {
		t.Helper()
		life, _ := m.Doubtful(t.Context())
		must(t, m.Vouch(t.Context(), life))
	}
	lead := func() {
		t.Helper()
		term++
		must(t, m.Refresh(t.Context()))
	}
	lead()
	doubtful("at first", true)
	vouch()
	doubtful("vouched for", false)
	fill(t, s, f)
	before := f.save(t)
	must(t, s.DeleteServer(t.Context(), "bbb2"))
	lead()
	doubtful("in the next term", false)

	again := func() {
		f.lose(t, before)
		f.set(func() { f.life++ })
	}
	again()
	doubtful("started again", true)
	must(t, m.Refresh(t.Context()))
	doubtful("put right in the same term", false)

	again()
	lead()
	doubtful("put right by who leads since", true)
	vouch()
	asked, _ := m.Doubtful(t.Context())
	f.set(func() { f.life++ })
	must(t, m.Vouch(t.Context(), asked))
	doubtful("vouched for when another server had taken its place", true)
	f.set(func() { f.away = true })
	doubtful("away", true)
}
