package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/storetest/kit"
)

func erasureCases() []kit.Case[store.Index] {
	return []kit.Case[store.Index]{
		{Name: "Erasure/Sessions", Run: eraseSessions},
		{Name: "Erasure/Apart", Run: eraseApart},
	}
}

func erased(t *testing.T, s store.Index, tenant, meeting string, limit int) int {
	t.Helper()
	n, err := s.EraseSessions(t.Context(), tenant, meeting, limit)
	must(t, err)
	return n
}

// The sessions of a room go from wherever they could be found, newest start first, and no more than asked for.
func eraseSessions(t *testing.T, s store.Index) {
	var all []store.Session // newest first
	for i := range 5 {
		all = append(all, aSession(fmt.Sprint("s", i), monday.Add(-time.Duration(i)*time.Hour)))
		must(t, s.AddSession(t.Context(), all[i]))
	}
	for _, c := range [][2]int{{0, 0}, {-1, 0}, {2, 2}, {10, 3}, {10, 0}} {
		equal(t, "erased", erased(t, s, "default", aRoom, c[0]), c[1])
		for _, gone := range all[:c[1]] {
			_, err := s.Session(t.Context(), gone.ID)
			want(t, "read", err, store.ErrNotFound)
		}
		all = all[c[1]:]
		equal(t, "left of the room", ofRoom(t, s, "default", aRoom, 10), all)
		equal(t, "left", len(since(t, s, time.Time{}, 10)), len(all))
	}
	again := aSession("s1", monday)
	again.Tenant, again.Peak = "other", 1
	must(t, s.AddSession(t.Context(), again))
	equal(t, "with a new life", since(t, s, time.Time{}, 10), []store.Session{again})
}

// What is of another room or tenant stays, and so does what has no room.
func eraseApart(t *testing.T, s store.Index) {
	other, longer, bare := aSession("other", monday), aSession("longer", monday), aSession("bare", monday)
	other.Tenant, longer.Meeting, bare.Meeting = "other", aRoom+"0", ""
	for _, session := range []store.Session{other, longer, bare} {
		must(t, s.AddSession(t.Context(), session))
	}
	for _, key := range [][2]string{
		{"default", aRoom}, {"default", ""}, {"", aRoom}, {"default\x00", aRoom}, {"default", aRoom[1:]},
	} {
		equal(t, "erased", erased(t, s, key[0], key[1], 10), 0)
	}
	equal(t, "left", len(since(t, s, time.Time{}, 10)), 3)
}

// Erasures that race with each other and with additions erase each session once, and leave no trace of it.
func raceErase(t *testing.T, s store.Index) {
	gone := make([]int, kit.Racers)
	kit.Race(kit.Racers, func(i int) {
		want(t, "add", s.AddSession(t.Context(), aSession(fmt.Sprint(i), monday)), nil)
		n, err := s.EraseSessions(t.Context(), "default", aRoom, 2)
		want(t, "erase", err, nil)
		gone[i] = n
	})
	sum := 0
	for _, n := range gone {
		sum += n
	}
	left := since(t, s, time.Time{}, 1000)
	equal(t, "erased", sum+len(left), kit.Racers)
	equal(t, "left of the room", len(ofRoom(t, s, "default", aRoom, 1000)), len(left))
}
