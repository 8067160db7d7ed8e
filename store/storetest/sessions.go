package storetest

import (
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

func sessionCases() []testCase[store.Index] {
	return []testCase[store.Index]{
		{"Sessions/Since", sessionsSince},
		{"Sessions/One", sessionOne},
		{"Sessions/Replaced", sessionReplaced},
		{"Sessions/OfOthers", sessionOfOthers},
		{"Sessions/SameEnd", sessionsSameEnd},
		{"Sessions/AnyTime", sessionsAnyTime},
		{"Sessions/NoID", sessionNoID},
	}
}

func since(t *testing.T, s store.Index, from time.Time, limit int) []store.Session {
	t.Helper()
	list, err := s.SessionsSince(t.Context(), from, limit)
	must(t, err)
	return list
}

// Every field comes back, oldest end first, from the given instant on and no more than asked for.
func sessionsSince(t *testing.T, s store.Index) {
	equal(t, "a new store", since(t, s, time.Time{}, 10), nil)
	var all []store.Session
	for i, id := range []string{"z", "m", "a", "k"} {
		all = append(all, aSession(id, monday.Add(time.Duration(i)*time.Millisecond)))
	}
	for _, i := range []int{2, 0, 3, 1} {
		must(t, s.AddSession(t.Context(), all[i]))
	}
	equal(t, "all", since(t, s, time.Time{}, 10), all)
	equal(t, "from the second", since(t, s, all[1].End, 10), all[1:])
	equal(t, "from just before it", since(t, s, all[1].End.Add(-time.Microsecond), 10), all[1:])
	equal(t, "from just after it", since(t, s, all[1].End.Add(time.Microsecond), 10), all[2:])
	equal(t, "two", since(t, s, time.Time{}, 2), all[:2])
	equal(t, "none asked for", since(t, s, time.Time{}, 0), nil)
	equal(t, "after the last", since(t, s, monday.Add(time.Hour), 10), nil)
	elsewhere := all[1].End.In(time.FixedZone("", -5*3600))
	equal(t, "from another zone", since(t, s, elsewhere, 10), all[1:])
}

// One session is found by its whole ID.
func sessionOne(t *testing.T, s store.Index) {
	must(t, s.AddSession(t.Context(), aSession("a-1", monday)))
	must(t, s.AddSession(t.Context(), aSession("a-2", monday)))
	for _, id := range []string{"a-1", "a-2"} {
		got, err := s.Session(t.Context(), id)
		want(t, "read", err, nil)
		equal(t, "session", got, aSession(id, monday))
	}
	for _, id := range []string{"", "a", "a-", "A-1", "a-11"} {
		got, err := s.Session(t.Context(), id)
		want(t, "read "+id, err, store.ErrNotFound)
		equal(t, "returned", got, store.Session{})
	}
}

// Closing a claim twice is harmless: the session is there once, as it was added last, at its new end.
func sessionReplaced(t *testing.T, s store.Index) {
	must(t, s.AddSession(t.Context(), aSession("a", monday)))
	must(t, s.AddSession(t.Context(), aSession("b", monday.Add(time.Second))))
	later := store.Session{ID: "a", Tenant: "default", Server: "bbb1", End: monday.Add(time.Minute), Reason: "gone"}
	for range 2 {
		must(t, s.AddSession(t.Context(), later))
		equal(t, "all", since(t, s, time.Time{}, 10), []store.Session{aSession("b", monday.Add(time.Second)), later})
	}
	must(t, s.AddSession(t.Context(), aSession("a", monday)))
	all := []store.Session{aSession("a", monday), aSession("b", monday.Add(time.Second))}
	equal(t, "back at its old end", since(t, s, time.Time{}, 10), all)
}

// A server that calls its meeting by the ID of another tenant's, or another server's, takes nothing out of the history.
func sessionOfOthers(t *testing.T, s store.Index) {
	must(t, s.AddSession(t.Context(), aSession("a", monday)))
	tenant, server := aSession("a", monday.Add(time.Hour)), aSession("a", monday.Add(time.Hour))
	tenant.Tenant, server.Server = "other", "bbb2"
	for _, lie := range []store.Session{tenant, server, {ID: "a"}} {
		want(t, "add", s.AddSession(t.Context(), lie), store.ErrExists)
		equal(t, "all", since(t, s, time.Time{}, 10), []store.Session{aSession("a", monday)})
	}
	must(t, s.AddSession(t.Context(), aSession("a", monday)))
}

// Sessions that end in the same instant, as when a server dies, do not hide each other.
func sessionsSameEnd(t *testing.T, s store.Index) {
	ids := map[string]bool{}
	for _, id := range []string{"a", "ab", "b", "\u00e4"} {
		must(t, s.AddSession(t.Context(), aSession(id, monday)))
	}
	for _, session := range since(t, s, monday, 10) {
		ids[session.ID] = true
	}
	equal(t, "IDs", ids, map[string]bool{"a": true, "ab": true, "b": true, "\u00e4": true})
}

// A server whose clock was never set has meetings too.
func sessionsAnyTime(t *testing.T, s store.Index) {
	epoch := aSession("epoch", time.UnixMilli(0))
	before := aSession("before", time.UnixMilli(-1500))
	future := aSession("future", time.Date(2301, 1, 1, 0, 0, 0, 0, time.UTC))
	for _, session := range []store.Session{future, epoch, before} {
		must(t, s.AddSession(t.Context(), session))
	}
	equal(t, "all", since(t, s, time.Time{}, 10), []store.Session{before, epoch, future})
	equal(t, "since 1970", since(t, s, time.UnixMilli(0), 10), []store.Session{epoch, future})
}

// A session that no second close could replace is refused.
func sessionNoID(t *testing.T, s store.Index) {
	if err := s.AddSession(t.Context(), aSession("", monday)); err == nil {
		t.Error("a session without an ID was added")
	}
	equal(t, "left", since(t, s, time.Time{}, 10), nil)
}
