package imports_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/bbbpool/bbbpool/recordings/imports"
	"github.com/bbbpool/bbbpool/store"
)

// Whoever asks what lies in the spool is kept by a hung disk for a second, and then told what was there before.
func TestGlance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g imports.Glance
		hang, looks := make(chan struct{}), 0
		now := func() []store.Job { return []store.Job{{ID: "a"}} }
		slow := func() []store.Job {
			looks++
			<-hang
			return []store.Job{{ID: "b"}}
		}
		if got := g.Of(t.Context(), now); len(got) != 1 || got[0].ID != "a" {
			t.Errorf("%v", got)
		}
		for range 3 {
			before := time.Now()
			if got := g.Of(t.Context(), slow); len(got) != 1 || got[0].ID != "a" || time.Since(before) != time.Second {
				t.Errorf("after %s: %v", time.Since(before), got)
			}
		}
		close(hang)
		synctest.Wait()
		if looks != 1 {
			t.Errorf("%d looks at a disk that hangs", looks)
		}
		if got := g.Of(t.Context(), slow); len(got) != 1 || got[0].ID != "b" {
			t.Errorf("once it is back: %v", got)
		}
	})
}
