package storetest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/storetest/kit"
)

func claimCases() []kit.Case[store.State] {
	return []kit.Case[store.State]{
		{Name: "Claims/Kept", Run: claimsKept},
		{Name: "Claims/FirstWins", Run: claimFirstWins},
		{Name: "Claims/Update", Run: claimUpdate},
		{Name: "Claims/UpdateRefused", Run: claimUpdateRefused},
		{Name: "Claims/Delete", Run: claimDelete},
		{Name: "Claims/NoMeetingID", Run: claimNoMeetingID},
	}
}

func claimsOf(t *testing.T, s store.State) []store.Claim {
	t.Helper()
	list, err := s.Claims(t.Context())
	must(t, err)
	slices.SortFunc(list, func(a, b store.Claim) int {
		return strings.Compare(a.Tenant+"/"+a.MeetingID, b.Tenant+"/"+b.MeetingID)
	})
	return list
}

// Every field comes back, and one front end's meeting is not another's.
func claimsKept(t *testing.T, s store.State) {
	equal(t, "a new store", claimsOf(t, s), nil)
	bare := store.Claim{MeetingKey: store.MeetingKey{Tenant: "b", MeetingID: "room"}, Server: "bbb2"}
	for _, c := range []store.Claim{bare, aClaim("a", "room"), aClaim("a", "other")} {
		got, err := s.CreateClaim(t.Context(), c)
		want(t, "create", err, nil)
		equal(t, "created", got, c)
	}
	equal(t, "list", claimsOf(t, s), []store.Claim{aClaim("a", "other"), aClaim("a", "room"), bare})
}

// A second create learns where the meeting is and changes nothing.
func claimFirstWins(t *testing.T, s store.State) {
	first, second := aClaim("a", "room"), aClaim("a", "room")
	second.Server, second.Placed = "bbb2", monday.Add(time.Second)
	_, err := s.CreateClaim(t.Context(), first)
	must(t, err)
	for range 2 {
		got, err := s.CreateClaim(t.Context(), second)
		want(t, "create again", err, store.ErrExists)
		equal(t, "the claim that stands", got, first)
	}
	equal(t, "list", claimsOf(t, s), []store.Claim{first})
}

// An update keeps what the closure made of the claim, for the same meeting whatever the closure did to the key.
func claimUpdate(t *testing.T, s store.State) {
	for _, c := range []store.Claim{aClaim("a", "room"), aClaim("a", "other")} {
		_, err := s.CreateClaim(t.Context(), c)
		must(t, err)
	}
	changed := aClaim("a", "room")
	changed.Server, changed.InternalID, changed.Placed = "bbb2", "", monday.Add(time.Minute)
	got, err := s.UpdateClaim(t.Context(), changed.MeetingKey, func(c *store.Claim) error {
		equal(t, "in the closure", *c, aClaim("a", "room"))
		*c = changed
		c.MeetingKey = store.MeetingKey{Tenant: "b", MeetingID: "other"}
		return nil
	})
	want(t, "update", err, nil)
	equal(t, "returned", got, changed)
	equal(t, "kept", claimsOf(t, s), []store.Claim{aClaim("a", "other"), changed})
}

// The closure's error comes back as it is; a closure without a claim does not run.
func claimUpdateRefused(t *testing.T, s store.State) {
	c := aClaim("a", "room")
	_, err := s.CreateClaim(t.Context(), c)
	must(t, err)
	got, err := s.UpdateClaim(t.Context(), c.MeetingKey, func(c *store.Claim) error {
		c.Server = "bbb2"
		return kit.ErrOwn
	})
	kit.Own(t, err)
	equal(t, "returned", got, store.Claim{})
	for _, key := range []store.MeetingKey{{}, {Tenant: "a"}, {MeetingID: "room"}, {Tenant: "a", MeetingID: "roo"}} {
		_, err := s.UpdateClaim(t.Context(), key, func(*store.Claim) error { return kit.ErrOwn })
		want(t, "update "+key.MeetingID, err, store.ErrNotFound)
	}
	equal(t, "kept", claimsOf(t, s), []store.Claim{c})
}

// A claim is removed only by who knows it as it stands. The time need not survive to the nanosecond, but it compares.
func claimDelete(t *testing.T, s store.State) {
	ctx := t.Context()
	c := aClaim("a", "room")
	c.Placed = time.Date(2026, 3, 29, 4, 5, 6, 123456789, time.FixedZone("", 3*3600+1))
	want(t, "delete nothing", s.DeleteClaim(ctx, c), store.ErrNotFound)
	_, err := s.CreateClaim(ctx, c)
	must(t, err)
	moved, replaced := c, c
	moved.Server = "bbb2"
	replaced.Placed = c.Placed.Add(time.Second)
	want(t, "delete on another server", s.DeleteClaim(ctx, moved), store.ErrConflict)
	want(t, "delete placed later", s.DeleteClaim(ctx, replaced), store.ErrConflict)
	equal(t, "left", len(claimsOf(t, s)), 1)
	c.InternalID, c.Expected = "", 0
	want(t, "delete", s.DeleteClaim(ctx, c), nil)
	want(t, "delete again", s.DeleteClaim(ctx, c), store.ErrNotFound)
	equal(t, "left", claimsOf(t, s), nil)
	_, err = s.CreateClaim(ctx, aClaim("a", "room"))
	want(t, "create again", err, nil)
	want(t, "delete as read", s.DeleteClaim(ctx, claimsOf(t, s)[0]), nil)
}

// A meeting without an ID cannot be claimed.
func claimNoMeetingID(t *testing.T, s store.State) {
	if _, err := s.CreateClaim(t.Context(), aClaim("a", "")); err == nil {
		t.Error("a claim without a meeting ID was created")
	}
	want(t, "delete", s.DeleteClaim(t.Context(), aClaim("a", "")), store.ErrNotFound)
	equal(t, "left", claimsOf(t, s), nil)
}
