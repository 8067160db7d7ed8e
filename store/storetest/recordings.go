package storetest

import (
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

func recordingCases() []testCase[store.Index] {
	return []testCase[store.Index]{
		{"Recordings/Kept", recordingsKept},
		{"Recordings/Errors", recordingErrors},
		{"Recordings/Update", recordingUpdate},
		{"Recordings/UpdateMoves", recordingMoves},
		{"Recordings/NotShared", recordingNotShared},
	}
}

func list(t *testing.T, s store.Index, f store.RecordingFilter) ([]store.Recording, int) {
	t.Helper()
	page, total, err := s.Recordings(t.Context(), f)
	must(t, err)
	return page, total
}

// Every field comes back.
func recordingsKept(t *testing.T, s store.Index) {
	page, total := list(t, s, store.RecordingFilter{Tenant: "a"})
	equal(t, "a new store", page, nil)
	equal(t, "a new store", total, 0)
	bare := store.Recording{RecordID: "r0", Tenant: "a"}
	must(t, s.CreateRecording(t.Context(), aRecording("a", "r1")))
	must(t, s.CreateRecording(t.Context(), bare))
	page, total = list(t, s, store.RecordingFilter{Tenant: "a"})
	equal(t, "list", page, []store.Recording{aRecording("a", "r1"), bare})
	equal(t, "total", total, 2)
}

// A record ID is one recording in the whole pool, and only its own tenant can change it.
func recordingErrors(t *testing.T, s store.Index) {
	ctx := t.Context()
	must(t, s.CreateRecording(ctx, aRecording("a", "r1")))
	want(t, "create again", s.CreateRecording(ctx, store.Recording{RecordID: "r1", Tenant: "a"}), store.ErrExists)
	want(t, "create for another tenant", s.CreateRecording(ctx, aRecording("b", "r1")), store.ErrExists)
	for _, key := range [][2]string{{"a", "r"}, {"a", ""}, {"b", "r1"}, {"", "r1"}} {
		got, err := s.UpdateRecording(ctx, key[0], key[1], func(*store.Recording) error { return errOwn })
		want(t, "update "+key[0]+" "+key[1], err, store.ErrNotFound)
		equal(t, "returned", got, store.Recording{})
	}
	if err := s.CreateRecording(ctx, aRecording("a", "")); err == nil {
		t.Error("a recording without an ID was created")
	}
	page, total := list(t, s, store.RecordingFilter{Tenant: "a"})
	equal(t, "list", page, []store.Recording{aRecording("a", "r1")})
	equal(t, "total", total, 1)
}

// An update keeps what the closure made of the recording but for the ID; one that is refused keeps nothing of it.
func recordingUpdate(t *testing.T, s store.Index) {
	ctx := t.Context()
	must(t, s.CreateRecording(ctx, aRecording("a", "r1")))
	changed := aRecording("a", "r1")
	changed.Name, changed.Meta = "Geometry", map[string]string{"room": "5"}
	changed.Formats = changed.Formats[:1]
	got, err := s.UpdateRecording(ctx, "a", "r1", func(r *store.Recording) error {
		equal(t, "in the closure", *r, aRecording("a", "r1"))
		*r = changed
		r.RecordID = "r2"
		return nil
	})
	want(t, "update", err, nil)
	equal(t, "returned", got, changed)
	_, err = s.UpdateRecording(ctx, "a", "r1", func(r *store.Recording) error {
		r.State, r.Meta["room"], r.Formats[0].Size, r.Owed.Step = store.Deleted, "6", 0, store.OwedMissing
		return errOwn
	})
	if err != errOwn { //nolint:errorlint // as it is
		t.Errorf("got error %v, want the closure's as it is", err)
	}
	page, _ := list(t, s, store.RecordingFilter{Tenant: "a"})
	equal(t, "kept", page, []store.Recording{changed})
}

// A recording that changes what filters ask for is found by the new values and no longer by the old ones.
func recordingMoves(t *testing.T, s store.Index) {
	must(t, s.CreateRecording(t.Context(), aRecording("a", "r1")))
	moved, err := s.UpdateRecording(t.Context(), "a", "r1", func(r *store.Recording) error {
		r.Tenant, r.MeetingID, r.State, r.Start = "b", "hall", store.Unpublished, monday.Add(time.Hour)
		r.Meta["presenter"] = "Weiß"
		return nil
	})
	must(t, err)
	for _, c := range []struct {
		filter store.RecordingFilter
		found  bool
	}{
		{store.RecordingFilter{Tenant: "a"}, false},
		{store.RecordingFilter{Tenant: "a", RecordIDs: []string{"r1"}}, false},
		{store.RecordingFilter{Tenant: "a", MeetingIDs: []string{"room", "hall"}}, false},
		{store.RecordingFilter{Tenant: "a", Meta: []store.MetaMatch{{Key: "bbb-origin", Value: "moodle"}}}, false},
		{store.RecordingFilter{Tenant: "a", States: []store.RecordingState{store.Published}}, false},
		{store.RecordingFilter{Tenant: "b", Meta: []store.MetaMatch{{Key: "bbb-origin", Value: "moodle"}}}, true},
		{store.RecordingFilter{Tenant: "b", Meta: []store.MetaMatch{{Key: "presenter", Value: "Weiß"}}}, true},
		{store.RecordingFilter{Tenant: "b", Meta: []store.MetaMatch{{Key: "presenter", Value: "Ünal"}}}, false},
		{store.RecordingFilter{Tenant: "b", States: []store.RecordingState{store.Published}}, false},
		{store.RecordingFilter{Tenant: "b"}, true},
		{store.RecordingFilter{Tenant: "b", RecordIDs: []string{"r1"}}, true},
		{store.RecordingFilter{Tenant: "b", MeetingIDs: []string{"hall"}}, true},
		{store.RecordingFilter{Tenant: "b", MeetingIDs: []string{"room"}}, false},
		{store.RecordingFilter{Tenant: "b", States: []store.RecordingState{store.Unpublished}}, true},
		{store.RecordingFilter{Tenant: "b", RecordIDs: []string{"r"}, States: []store.RecordingState{store.Published}}, false},
	} {
		page, total := list(t, s, c.filter)
		if !c.found {
			equal(t, "total", total, 0)
			continue
		}
		equal(t, "total", total, 1)
		equal(t, "page", page, []store.Recording{moved})
	}
}

// scribble changes whatever a recording points to.
func scribble(r *store.Recording) {
	r.Meta["presenter"], r.Edits.Meta["presenter"], r.BreakoutRooms[0] = "changed", "changed", "changed"
	r.Formats[0].Images[0].Alt, r.Formats[0].Path = "changed", "changed"
	r.Breakout.Parent, r.Owed.Formats[0], r.Owed.Step = "changed", "changed", "changed"
}

// A record handed in or out is its holder's to change.
func recordingNotShared(t *testing.T, s store.Index) {
	ctx := t.Context()
	given := aRecording("a", "r1")
	must(t, s.CreateRecording(ctx, given))
	scribble(&given)
	var kept *store.Recording
	updated, err := s.UpdateRecording(ctx, "a", "r1", func(r *store.Recording) error {
		kept = r
		return nil
	})
	must(t, err)
	scribble(kept)
	scribble(&updated)
	page, _ := list(t, s, store.RecordingFilter{Tenant: "a"})
	scribble(&page[0])
	scanned, err := s.ScanRecordings(ctx, "", 1)
	must(t, err)
	scribble(&scanned[0])
	owed, err := s.OwedRecordings(ctx)
	must(t, err)
	scribble(&owed[0])
	read, err := s.Recording(ctx, "r1")
	must(t, err)
	scribble(&read)
	page, _ = list(t, s, store.RecordingFilter{Tenant: "a"})
	equal(t, "kept", page, []store.Recording{aRecording("a", "r1")})
}
