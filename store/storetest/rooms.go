package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/storetest/kit"
)

func roomCases() []kit.Case[store.Index] {
	return []kit.Case[store.Index]{
		{Name: "Rooms/Order", Run: roomOrder},
		{Name: "Rooms/Apart", Run: roomsApart},
		{Name: "Rooms/Moved", Run: roomMoved},
	}
}

func ofRoom(t *testing.T, s store.Index, tenant, meeting string, limit int) []store.Session {
	t.Helper()
	list, err := s.MeetingSessions(t.Context(), tenant, meeting, limit)
	must(t, err)
	return list
}

// The newest start comes first, whatever the end, and equal starts are in the order of their IDs.
func roomOrder(t *testing.T, s store.Index) {
	var all []store.Session
	for day := range 4 {
		for _, id := range []string{"z", "m", "a", "ab"} {
			session := aSession(fmt.Sprint(id, day), monday.Add(-time.Duration(day)*time.Hour))
			session.Start = monday.Add(time.Duration(day-2) * 24 * time.Hour)
			all = append(all, session)
		}
	}
	ancient := aSession("ancient", monday)
	ancient.Start = time.UnixMilli(-1500)
	all = append(all, ancient)
	for i := range all {
		must(t, s.AddSession(t.Context(), all[i*5%len(all)]))
	}
	slices.SortFunc(all, func(a, b store.Session) int {
		if order := b.Start.Compare(a.Start); order != 0 {
			return order
		}
		return strings.Compare(a.ID, b.ID)
	})
	for _, limit := range []int{1, 2, 5, len(all) - 1, len(all)} {
		equal(t, fmt.Sprintf("the first %d", limit), ofRoom(t, s, "default", aRoom, limit), all[:limit])
	}
	equal(t, "more than there are", ofRoom(t, s, "default", aRoom, 1000), all)
	for _, limit := range []int{0, -1} {
		equal(t, "none asked for", ofRoom(t, s, "default", aRoom, limit), nil)
	}
}

// A room is one tenant's, and not one that begins like it; what has no room is in none.
func roomsApart(t *testing.T, s store.Index) {
	type room struct{ tenant, meeting string }
	var rooms []room
	for _, tenant := range []string{"", "a", "ab", "a\u00e4"} {
		for _, meeting := range []string{"", "a", "aa", "ab", "b", aRoom, aRoom + "0", aRoom[:31]} {
			rooms = append(rooms, room{tenant, meeting})
		}
	}
	of := map[room]store.Session{}
	for i, r := range rooms {
		session := aSession(fmt.Sprint(i), monday)
		session.Tenant, session.Meeting = r.tenant, r.meeting
		must(t, s.AddSession(t.Context(), session))
		of[r] = session
	}
	for _, r := range rooms {
		var all []store.Session
		if r.meeting != "" {
			all = []store.Session{of[r]}
		}
		equal(t, fmt.Sprint("sessions of ", r), ofRoom(t, s, r.tenant, r.meeting, 10), all)
	}
	for _, r := range []room{{"b", "a"}, {"a", "x"}, {"a\x00", "a"}, {"a\x00b", "a"}, {"a", kit.TooLong}, {kit.TooLong, "a"}} {
		equal(t, fmt.Sprintf("sessions of %.10q", r), ofRoom(t, s, r.tenant, r.meeting, 10), nil)
	}
	equal(t, "all", len(since(t, s, time.Time{}, 100)), len(rooms))
	odd := aSession("odd", monday) // which a store may refuse
	odd.Tenant = "a\x00a"
	var all []store.Session
	if err := s.AddSession(t.Context(), odd); err == nil {
		all = []store.Session{odd}
	}
	equal(t, "sessions of an odd tenant", ofRoom(t, s, odd.Tenant, aRoom, 10), all)
	equal(t, "sessions of another", ofRoom(t, s, "a", aRoom, 10), []store.Session{of[room{"a", aRoom}]})
}

// A session that is added again is in its room once, at its earliest start; it can get into a room, and out of one.
func roomMoved(t *testing.T, s store.Index) {
	other := aSession("b", monday)
	must(t, s.AddSession(t.Context(), other))
	session := aSession("a", monday)
	for _, step := range []struct {
		start   time.Duration
		meeting string
		want    []string
	}{
		{0, "", []string{"b"}},
		{0, aRoom, []string{"a", "b"}},
		{-time.Minute, aRoom, []string{"b", "a"}},
		{time.Minute, aRoom, []string{"b", "a"}},
		{0, "another", []string{"b"}},
		{0, aRoom, []string{"b", "a"}},
	} {
		session.Start, session.Meeting = other.Start.Add(step.start), step.meeting
		must(t, s.AddSession(t.Context(), session))
		var ids []string
		for _, session := range ofRoom(t, s, "default", aRoom, 10) {
			ids = append(ids, session.ID)
		}
		equal(t, fmt.Sprintf("at %v in %q", step.start, step.meeting), ids, step.want)
	}
	equal(t, "left in another room", ofRoom(t, s, "default", "another", 10), nil)
	equal(t, "all", len(since(t, s, time.Time{}, 10)), 2)
}
