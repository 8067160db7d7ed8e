package waiting_test

import (
	"errors"
	"testing"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/waiting"
)

// Whoever asks for a session that waits is not told that there is none, at no instance: a recording of that meeting would go to
// somebody else, and nobody would be told of it.
func TestIndex_AsksForWhatWaits(t *testing.T) {
	f, s := pair(t)
	now := clock()
	open := func() *waiting.Index { return waiting.New(t.Context(), waiting.Config{Index: f, Journal: s, Now: now}) }
	x, other := open(), open()
	f.set(true, false)
	must(t, x.Index().AddSession(t.Context(), session("s1"), along(used(1))))
	f.set(false, false)
	for who, one := range map[string]*waiting.Index{"who keeps it": x, "another": other} {
		index := one.Index()
		if _, err := index.Session(t.Context(), "s1"); !errors.Is(err, store.ErrAway) {
			t.Errorf("%s, asked for what waits: %v", who, err)
		}
		if _, err := index.MeetingSessions(t.Context(), "a", session("s1").Meeting, 10); !errors.Is(err, store.ErrAway) {
			t.Errorf("%s, asked for all of its meeting: %v", who, err)
		}
		if _, _, away := one.Away(); away {
			t.Errorf("%s takes the index for away", who)
		}
		if _, err := index.MeetingSessions(t.Context(), "b", session("s1").Meeting, 10); err != nil {
			t.Errorf("%s, asked for another meeting: %v", who, err)
		}
	}
	if _, err := other.Index().Session(t.Context(), "s2"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("asked for one that is nowhere: %v", err)
	}
	x.Look(t.Context())
	for who, index := range map[string]store.Index{"who kept it": x.Index(), "another": other.Index()} {
		if got, err := index.Session(t.Context(), "s1"); err != nil || got.ID != "s1" {
			t.Errorf("%s, once it is written: %+v %v", who, got, err)
		}
	}
}
