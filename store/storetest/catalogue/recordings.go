package catalogue

import (
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/storetest/kit"
)

func recordingCases() []kit.Case[store.Index] {
	return []kit.Case[store.Index]{
		{Name: "Recordings/Kept", Run: recordingsKept},
		{Name: "Recordings/Errors", Run: recordingErrors},
		{Name: "Recordings/Update", Run: recordingUpdate},
		{Name: "Recordings/UpdateMoves", Run: recordingMoves},
		{Name: "Recordings/NotShared", Run: recordingNotShared},
	}
}

func list(t *testing.T, s store.Index, f store.RecordingFilter) ([]store.Recording, int) {
	t.Helper()
	page, total, err := s.Recordings(t.Context(), f)
	kit.Must(t, err)
	return page, total
}

// Every field comes back.
func recordingsKept(t *testing.T, s store.Index) {
	page, total := list(t, s, store.RecordingFilter{Tenant: "a"})
	kit.Equal(t, "a new store", page, nil)
	kit.Equal(t, "a new store", total, 0)
	bare := store.Recording{RecordID: "r0", Tenant: "a"}
	kit.Must(t, s.CreateRecording(t.Context(), ARecording("a", "r1")))
	kit.Must(t, s.CreateRecording(t.Context(), bare))
	page, total = list(t, s, store.RecordingFilter{Tenant: "a"})
	kit.Equal(t, "list", page, []store.Recording{ARecording("a", "r1"), bare})
	kit.Equal(t, "total", total, 2)
}

// A record ID is one recording in the whole pool, and only its own tenant can change it.
func recordingErrors(t *testing.T, s store.Index) {
	ctx := t.Context()
	kit.Must(t, s.CreateRecording(ctx, ARecording("a", "r1")))
	kit.Want(t, "create again", s.CreateRecording(ctx, store.Recording{RecordID: "r1", Tenant: "a"}), store.ErrExists)
	kit.Want(t, "create for another tenant", s.CreateRecording(ctx, ARecording("b", "r1")), store.ErrExists)
	for _, key := range [][2]string{{"a", "r"}, {"a", ""}, {"b", "r1"}, {"", "r1"}} {
		got, err := s.UpdateRecording(ctx, key[0], key[1], func(*store.Recording) error { return kit.ErrOwn })
		kit.Want(t, "update "+key[0]+" "+key[1], err, store.ErrNotFound)
		kit.Equal(t, "returned", got, store.Recording{})
	}
	if err := s.CreateRecording(ctx, ARecording("a", "")); err == nil {
		t.Error("a recording without an ID was created")
	}
	page, total := list(t, s, store.RecordingFilter{Tenant: "a"})
	kit.Equal(t, "list", page, []store.Recording{ARecording("a", "r1")})
	kit.Equal(t, "total", total, 1)
}

// An update keeps what the closure made of the recording but for the ID; one that is refused keeps nothing of it.
func recordingUpdate(t *testing.T, s store.Index) {
	ctx := t.Context()
	kit.Must(t, s.CreateRecording(ctx, ARecording("a", "r1")))
	changed := ARecording("a", "r1")
	changed.Name, changed.Meta = "Geometry", map[string]string{"room": "5"}
	changed.Formats = changed.Formats[:1]
	got, err := s.UpdateRecording(ctx, "a", "r1", func(r *store.Recording) error {
		kit.Equal(t, "in the closure", *r, ARecording("a", "r1"))
		*r = changed
		r.RecordID = "r2"
		return nil
	})
	kit.Want(t, "update", err, nil)
	kit.Equal(t, "returned", got, changed)
	_, err = s.UpdateRecording(ctx, "a", "r1", func(r *store.Recording) error {
		r.State, r.Meta["room"], r.Formats[0].Size, r.Owed.Step = store.Deleted, "6", 0, store.OwedMissing
		return kit.ErrOwn
	})
	kit.Own(t, err)
	page, _ := list(t, s, store.RecordingFilter{Tenant: "a"})
	kit.Equal(t, "kept", page, []store.Recording{changed})
}

// A recording that changes what filters ask for is found by the new values and no longer by the old ones.
func recordingMoves(t *testing.T, s store.Index) {
	kit.Must(t, s.CreateRecording(t.Context(), ARecording("a", "r1")))
	moved, err := s.UpdateRecording(t.Context(), "a", "r1", func(r *store.Recording) error {
		r.Tenant, r.MeetingID, r.State, r.Start = "b", "hall", store.Unpublished, kit.Monday.Add(time.Hour)
		r.Meta["presenter"] = "Weiß"
		return nil
	})
	kit.Must(t, err)
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
			kit.Equal(t, "total", total, 0)
			continue
		}
		kit.Equal(t, "total", total, 1)
		kit.Equal(t, "page", page, []store.Recording{moved})
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
	given := ARecording("a", "r1")
	kit.Must(t, s.CreateRecording(ctx, given))
	scribble(&given)
	var kept *store.Recording
	updated, err := s.UpdateRecording(ctx, "a", "r1", func(r *store.Recording) error {
		kept = r
		return nil
	})
	kit.Must(t, err)
	scribble(kept)
	scribble(&updated)
	page, _ := list(t, s, store.RecordingFilter{Tenant: "a"})
	scribble(&page[0])
	scanned, err := s.ScanRecordings(ctx, "", 1)
	kit.Must(t, err)
	scribble(&scanned[0])
	owed, err := s.OwedRecordings(ctx)
	kit.Must(t, err)
	scribble(&owed[0])
	read, err := s.Recording(ctx, "r1")
	kit.Must(t, err)
	scribble(&read)
	page, _ = list(t, s, store.RecordingFilter{Tenant: "a"})
	kit.Equal(t, "kept", page, []store.Recording{ARecording("a", "r1")})
}
