package storetest

import (
	"testing"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/storetest/kit"
)

func waitCases() []kit.Case[store.State] {
	return []kit.Case[store.State]{{Name: "Waiting", Run: waits}}
}

func aWait(id string) store.Wait {
	return store.Wait{ID: id, Call: "session", Data: []byte("\x00data of \xff" + id)}
}

// What waits is there in the order of its IDs until it is taken away, and no ID is taken twice.
func waits(t *testing.T, s store.State) {
	ctx := t.Context()
	waiting := func(limit int) []store.Wait {
		t.Helper()
		list, err := s.Waiting(ctx, limit)
		must(t, err)
		return list
	}
	equal(t, "of an empty store", len(waiting(10)), 0)
	for _, id := range []string{"2", "1", "3"} {
		must(t, s.AddWaiting(ctx, aWait(id)))
	}
	want(t, "the same ID", s.AddWaiting(ctx, store.Wait{ID: "2"}), store.ErrExists)
	if s.AddWaiting(ctx, store.Wait{Call: "session"}) == nil {
		t.Error("one without an ID is taken")
	}
	equal(t, "all", waiting(10), []store.Wait{aWait("1"), aWait("2"), aWait("3")})
	equal(t, "two", waiting(2), []store.Wait{aWait("1"), aWait("2")})
	equal(t, "none", len(waiting(0)), 0)
	must(t, s.DeleteWaiting(ctx, "1", "nothing", "3", ""))
	must(t, s.DeleteWaiting(ctx))
	equal(t, "left", waiting(10), []store.Wait{aWait("2")})
}
