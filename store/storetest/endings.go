package storetest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/storetest/kit"
)

func endingCases() []kit.Case[store.State] {
	return []kit.Case[store.State]{
		{Name: "Endings/Kept", Run: endingsKept},
		{Name: "Endings/Again", Run: endingAgain},
		{Name: "Endings/AllOrNothing", Run: endingsAllOrNothing},
		{Name: "Endings/Delete", Run: endingDelete},
	}
}

func endingsOf(t *testing.T, s store.State) []store.Ending {
	t.Helper()
	list, err := s.Endings(t.Context())
	must(t, err)
	name := func(e store.Ending) string { return e.Tenant + "/" + e.MeetingID + "/" + e.Server + "/" + e.InternalID }
	slices.SortFunc(list, func(a, b store.Ending) int { return strings.Compare(name(a), name(b)) })
	return list
}

// Every field comes back, also bytes that are not text, and copies of one meeting on two servers are two endings, though
// their internal IDs be the same, or not known. No key runs into another.
func endingsKept(t *testing.T, s store.State) {
	equal(t, "a new store", endingsOf(t, s), nil)
	list := []store.Ending{
		anEnding("a", "roo", "mbbb1"), anEnding("a", "room", "bbb1"), anEnding("a", "room", "bbb2"),
		anEnding("b", "\x00 \xff", "bbb1"), anEnding("c", "room", "bbb1"),
	}
	list[4].InternalID = ""
	want(t, "add", s.AddEndings(t.Context(), list...), nil)
	equal(t, "list", endingsOf(t, s), list)
}

// One that is owed already is asked for anew.
func endingAgain(t *testing.T, s store.State) {
	e := anEnding("a", "room", "bbb1")
	must(t, s.AddEndings(t.Context(), e))
	e.Asked = monday.Add(time.Minute)
	want(t, "add again", s.AddEndings(t.Context(), e), nil)
	equal(t, "list", endingsOf(t, s), []store.Ending{e})
}

// One that cannot be kept keeps the others out.
func endingsAllOrNothing(t *testing.T, s store.State) {
	if err := s.AddEndings(t.Context(), anEnding("a", "room", "bbb1"), anEnding("a", "", "bbb1")); err == nil {
		t.Error("an ending of no meeting was added")
	}
	equal(t, "list", endingsOf(t, s), nil)
	want(t, "add none", s.AddEndings(t.Context()), nil)
}

// An ending is removed only by who knows when it was asked for.
func endingDelete(t *testing.T, s store.State) {
	ctx, e, other := t.Context(), anEnding("a", "room", "bbb1"), anEnding("a", "room", "bbb2")
	want(t, "delete nothing", s.DeleteEnding(ctx, e), store.ErrNotFound)
	must(t, s.AddEndings(ctx, e, other))
	later := e
	later.Asked = monday.Add(time.Second)
	want(t, "delete one asked for later", s.DeleteEnding(ctx, later), store.ErrConflict)
	want(t, "delete", s.DeleteEnding(ctx, e), nil)
	want(t, "delete again", s.DeleteEnding(ctx, e), store.ErrNotFound)
	equal(t, "list", endingsOf(t, s), []store.Ending{other})
}
