package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

func eventCases() []testCase[store.State] {
	return []testCase[store.State]{
		{"Events/Kept", eventsKept},
		{"Events/Bounded", eventsBounded},
		{"Events/GoWithTheServer", eventsGo},
	}
}

func eventsOf(t *testing.T, s store.State, server string, limit int) []store.Event {
	t.Helper()
	list, err := s.Events(t.Context(), server, limit)
	must(t, err)
	return list
}

// Events come back in the order in which they were added, whatever their times, with every field, also of text that is
// none, and those of servers whose names begin alike are kept apart.
func eventsKept(t *testing.T, s store.State) {
	ctx := t.Context()
	must(t, s.CreateServer(ctx, aServer("bbb1")))
	must(t, s.CreateServer(ctx, aServer("bbb10")))
	equal(t, "none yet", eventsOf(t, s, "bbb1", 10), nil)
	want(t, "of nobody", s.AddEvent(ctx, "bbb", anEvent("online")), store.ErrNotFound)
	want(t, "of no name", s.AddEvent(ctx, "", anEvent("online")), store.ErrNotFound)
	first, second, third := anEvent("suspect"), anEvent("offline"), store.Event{}
	second.At = monday.Add(-time.Hour)
	for _, e := range []store.Event{first, second, third} {
		want(t, "add", s.AddEvent(ctx, "bbb1", e), nil)
	}
	want(t, "add to another", s.AddEvent(ctx, "bbb10", anEvent("state")), nil)
	equal(t, "all", eventsOf(t, s, "bbb1", 10), []store.Event{first, second, third})
	equal(t, "the last two", eventsOf(t, s, "bbb1", 2), []store.Event{second, third})
	equal(t, "none", eventsOf(t, s, "bbb1", 0), nil)
	equal(t, "of another", eventsOf(t, s, "bbb10", 10), []store.Event{anEvent("state")})
	equal(t, "of nobody", eventsOf(t, s, "bbb", 10), nil)
}

// Of each server the last ones stay, however many there were.
func eventsBounded(t *testing.T, s store.State) {
	ctx := t.Context()
	must(t, s.CreateServer(ctx, aServer("bbb1")))
	must(t, s.CreateServer(ctx, aServer("bbb2")))
	must(t, s.AddEvent(ctx, "bbb2", anEvent("online")))
	const more = 5
	for i := range store.MaxEvents + more {
		must(t, s.AddEvent(ctx, "bbb1", anEvent(fmt.Sprint(i))))
	}
	list := eventsOf(t, s, "bbb1", 10*store.MaxEvents)
	equal(t, "kept", len(list), store.MaxEvents)
	for i, e := range list {
		equal(t, "the last ones", e.Kind, fmt.Sprint(more+i))
	}
	equal(t, "of another", len(eventsOf(t, s, "bbb2", 10)), 1)
}

// A server that comes back under an old name has no past. What happens to a server otherwise leaves its events alone.
func eventsGo(t *testing.T, s store.State) {
	ctx := t.Context()
	must(t, s.CreateServer(ctx, aServer("bbb1")))
	must(t, s.CreateServer(ctx, aServer("bbb10")))
	must(t, s.AddEvent(ctx, "bbb1", anEvent("online")))
	must(t, s.AddEvent(ctx, "bbb10", anEvent("online")))
	must(t, drop1(s.UpdateServer(ctx, "bbb1", func(r *store.Server) error { r.Weight = 2; return nil })))
	equal(t, "after a change", len(eventsOf(t, s, "bbb1", 10)), 1)
	must(t, s.DeleteServer(ctx, "bbb1"))
	equal(t, "after its end", eventsOf(t, s, "bbb1", 10), nil)
	want(t, "add", s.AddEvent(ctx, "bbb1", anEvent("online")), store.ErrNotFound)
	must(t, s.CreateServer(ctx, aServer("bbb1")))
	equal(t, "of the next one", eventsOf(t, s, "bbb1", 10), nil)
	equal(t, "of another", len(eventsOf(t, s, "bbb10", 10)), 1)
}
