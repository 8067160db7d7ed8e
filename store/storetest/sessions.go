package storetest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/storetest/kit"
)

func sessionCases() []kit.Case[store.Index] {
	return []kit.Case[store.Index]{
		{Name: "Sessions/Since", Run: sessionsSince},
		{Name: "Sessions/One", Run: sessionOne},
		{Name: "Sessions/Replaced", Run: sessionReplaced},
		{Name: "Sessions/GoesOn", Run: sessionGoesOn},
		{Name: "Sessions/PeakStays", Run: sessionPeakStays},
		{Name: "Sessions/OfOthers", Run: sessionOfOthers},
		{Name: "Sessions/SameEnd", Run: sessionsSameEnd},
		{Name: "Sessions/Pages", Run: sessionPages},
		{Name: "Sessions/After", Run: sessionsAfter},
		{Name: "Sessions/Delete", Run: sessionsDelete},
		{Name: "Sessions/DeletePages", Run: sessionsDeletePages},
		{Name: "Sessions/AnyTime", Run: sessionsAnyTime},
		{Name: "Sessions/NoID", Run: sessionNoID},
	}
}

func since(t *testing.T, s store.Index, from time.Time, limit int) []store.Session {
	t.Helper()
	return page(t, s, from, "", limit)
}

func page(t *testing.T, s store.Index, from time.Time, after string, limit int) []store.Session {
	t.Helper()
	list, err := s.SessionsSince(t.Context(), from, after, limit)
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
	equal(t, "less than none asked for", since(t, s, time.Time{}, -1), nil)
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

// Closing a claim twice is harmless: the session is there once, at its new end, as it was added last but for when it
// began, how many were there, and why it was there and whom to tell where that is not known any more.
func sessionReplaced(t *testing.T, s store.Index) {
	must(t, s.AddSession(t.Context(), aSession("a", monday)))
	must(t, s.AddSession(t.Context(), aSession("b", monday.Add(time.Second))))
	later := store.Session{ID: "a", Tenant: "default", Server: "bbb1", End: monday.Add(time.Minute), Reason: "gone"}
	kept := later
	kept.Start, kept.Peak, kept.Joins, kept.Hint, kept.Why = aSession("a", monday).Start, 31, 40, 30, aDecision()
	kept.Back, kept.Signer = aBack(), "moodle"
	for range 2 {
		must(t, s.AddSession(t.Context(), later))
		equal(t, "all", since(t, s, time.Time{}, 10), []store.Session{aSession("b", monday.Add(time.Second)), kept})
		equal(t, "of the meeting", ofRoom(t, s, "default", aRoom, 10), []store.Session{aSession("b", monday.Add(time.Second))})
	}
	must(t, s.AddSession(t.Context(), aSession("a", monday)))
	all := []store.Session{aSession("a", monday), aSession("b", monday.Add(time.Second))}
	equal(t, "back at its old end", since(t, s, time.Time{}, 10), all)
}

// A meeting that moved away and came back to the copy of before is one session, from its first start to its last end.
func sessionGoesOn(t *testing.T, s store.Index) {
	hour, after := aSession("a", monday), aSession("a", monday.Add(10*time.Minute))
	hour.Reason, after.Start = "moved", after.End.Add(-2*time.Second)
	must(t, s.AddSession(t.Context(), hour))
	must(t, s.AddSession(t.Context(), after))
	whole := after
	whole.Start = hour.Start
	equal(t, "all", since(t, s, time.Time{}, 10), []store.Session{whole})
	equal(t, "of the meeting", ofRoom(t, s, "default", aRoom, 10), []store.Session{whole})
}

// A pool that comes back counts from none: what was counted before its crash stays, each number for itself.
func sessionPeakStays(t *testing.T, s store.Index) {
	session := func(peak, joins int) store.Session {
		session := aSession("a", monday)
		session.Peak, session.Joins = peak, joins
		return session
	}
	for _, step := range []struct{ add, want [2]int }{
		{[2]int{5, 9}, [2]int{5, 9}},
		{[2]int{0, 0}, [2]int{5, 9}},
		{[2]int{6, 8}, [2]int{6, 9}},
		{[2]int{5, 10}, [2]int{6, 10}},
		{[2]int{7, 11}, [2]int{7, 11}},
		{[2]int{-1, -1}, [2]int{7, 11}},
	} {
		must(t, s.AddSession(t.Context(), session(step.add[0], step.add[1])))
		kept := session(step.want[0], step.want[1])
		got, err := s.Session(t.Context(), "a")
		want(t, "read", err, nil)
		equal(t, "session", got, kept)
		equal(t, "all", since(t, s, time.Time{}, 10), []store.Session{kept})
		equal(t, "of the meeting", ofRoom(t, s, "default", aRoom, 10), []store.Session{kept})
	}
}

// A server that calls its meeting by the ID of another tenant's, or another server's, takes nothing out of the history.
func sessionOfOthers(t *testing.T, s store.Index) {
	must(t, s.AddSession(t.Context(), aSession("a", monday)))
	tenant, server := aSession("a", monday.Add(time.Hour)), aSession("a", monday.Add(time.Hour))
	tenant.Tenant, server.Server = "other", "bbb2"
	tenant.Peak, server.Joins, server.Meeting = 1000, 1000, "another"
	for _, lie := range []store.Session{tenant, server, {ID: "a"}} {
		want(t, "add", s.AddSession(t.Context(), lie), store.ErrExists)
		equal(t, "all", since(t, s, time.Time{}, 10), []store.Session{aSession("a", monday)})
		equal(t, "of the meeting", ofRoom(t, s, "default", aRoom, 10), []store.Session{aSession("a", monday)})
		if lie.Tenant != "default" || lie.Meeting != aRoom {
			equal(t, "of the lie", ofRoom(t, s, lie.Tenant, lie.Meeting, 10), nil)
		}
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

// manyAtOnce adds sessions with odd IDs that end in a few instants, in no order, and returns them in theirs.
func manyAtOnce(t *testing.T, s store.Index) (all []store.Session) {
	t.Helper()
	for second := range 3 {
		for _, id := range kit.Texts() {
			all = append(all, aSession(fmt.Sprint(id, second), monday.Add(time.Duration(second)*time.Second)))
		}
	}
	for i := range all {
		must(t, s.AddSession(t.Context(), all[i*7%len(all)]))
	}
	slices.SortFunc(all, func(a, b store.Session) int {
		return cmp.Or(a.End.Compare(b.End), strings.Compare(a.ID, b.ID))
	})
	return all
}

// A walk from page to page comes by every session once, however many end in one instant and however the pages are cut.
func sessionPages(t *testing.T, s store.Index) {
	all := manyAtOnce(t, s)
	for _, limit := range []int{1, 2, 7, len(all) / 3, len(all), len(all) + 1} {
		var walked []store.Session
		at, after := time.Time{}, ""
		for {
			list := page(t, s, at, after, limit)
			if walked = append(walked, list...); len(list) < limit || len(walked) > len(all) {
				break
			}
			last := list[len(list)-1]
			at, after = last.End, last.ID
		}
		equal(t, fmt.Sprintf("pages of %d", limit), walked, all)
	}
}

// The ID counts among equal ends alone, and need not be there.
func sessionsAfter(t *testing.T, s store.Index) {
	b, d, a := aSession("b", monday), aSession("d", monday), aSession("a", monday.Add(time.Millisecond))
	for _, session := range []store.Session{a, b, d} {
		must(t, s.AddSession(t.Context(), session))
	}
	for after, all := range map[string][]store.Session{
		"": {b, d, a}, "a": {b, d, a}, "b": {d, a}, "b ": {d, a}, "c": {d, a}, "d": {a}, "\U0010ffff": {a},
	} {
		equal(t, "after "+after, page(t, s, monday, after, 10), all)
	}
	equal(t, "after an ID of before", page(t, s, monday.Add(-time.Second), "z", 10), []store.Session{b, d, a})
	equal(t, "after the last", page(t, s, a.End, "a", 10), nil)
	must(t, s.AddSession(t.Context(), aSession("c", monday)))
	equal(t, "with one that came", page(t, s, monday, "b", 1), []store.Session{aSession("c", monday)})
}

func deleted(t *testing.T, s store.Index, before time.Time, limit int) int {
	t.Helper()
	n, err := s.DeleteSessions(t.Context(), before, limit)
	must(t, err)
	return n
}

// What ended before an instant is gone, wherever it could be found, and what ended at it or later is not.
func sessionsDelete(t *testing.T, s store.Index) {
	equal(t, "of none", deleted(t, s, monday, 10), 0)
	old, edge := aSession("old", monday.Add(-time.Millisecond)), aSession("edge", monday)
	young := aSession("young", monday.Add(time.Hour))
	old.Start, edge.Start, young.Start = monday, monday, monday // not what it goes by
	ancient := aSession("ancient", time.UnixMilli(-1500))
	bare := store.Session{ID: "bare", End: monday.Add(-time.Hour)}
	for _, session := range []store.Session{young, bare, edge, ancient, old} {
		must(t, s.AddSession(t.Context(), session))
	}
	for _, limit := range []int{0, -1} {
		equal(t, "none asked for", deleted(t, s, monday, limit), 0)
	}
	equal(t, "sessions", len(since(t, s, time.Time{}, 10)), 5)
	equal(t, "deleted", deleted(t, s, monday.In(time.FixedZone("", 3600)), 10), 3)
	equal(t, "deleted again", deleted(t, s, monday, 10), 0)
	equal(t, "left", since(t, s, time.Time{}, 10), []store.Session{edge, young})
	equal(t, "of the meeting", ofRoom(t, s, "default", aRoom, 10), []store.Session{edge, young})
	for _, id := range []string{"old", "ancient", "bare"} {
		_, err := s.Session(t.Context(), id)
		want(t, "read "+id, err, store.ErrNotFound)
	}
	again := aSession("old", monday)
	again.Tenant, again.Peak, again.Joins = "other", 1, 1
	must(t, s.AddSession(t.Context(), again))
	got, err := s.Session(t.Context(), "old")
	want(t, "read", err, nil)
	equal(t, "with a new life", got, again)
}

// Pages take the oldest first, cut among equal ends too, and a short one is the last.
func sessionsDeletePages(t *testing.T, s store.Index) {
	all := manyAtOnce(t, s)
	const limit = 7
	edge := len(all) / 3 * 2 // where the last second begins
	for left := edge; left > 0; left -= limit {
		equal(t, "deleted", deleted(t, s, all[edge].End, limit), min(limit, left))
		equal(t, "left", since(t, s, time.Time{}, 1000), all[edge-max(0, left-limit):])
	}
	equal(t, "deleted", deleted(t, s, all[edge].End, limit), 0)
	equal(t, "all the rest", deleted(t, s, all[edge].End.Add(time.Millisecond), 1000), len(all)-edge)
	equal(t, "left", since(t, s, time.Time{}, 10), nil)
	equal(t, "of the meeting", ofRoom(t, s, "default", aRoom, 10), nil)
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
