package catalogue

import (
	"fmt"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/storetest/kit"
)

func scanCases() []kit.Case[store.Index] {
	return []kit.Case[store.Index]{
		{Name: "Catalogue/One", Run: catalogueOne},
		{Name: "Catalogue/Scan", Run: catalogueScan},
		{Name: "Catalogue/Owed", Run: catalogueOwed},
		{Name: "Catalogue/Count", Run: catalogueCount},
		{Name: "Catalogue/Delete", Run: catalogueDelete},
	}
}

func counted(t *testing.T, s store.Index, counts ...store.RecordingCount) {
	t.Helper()
	got, err := s.CountRecordings(t.Context())
	kit.Must(t, err)
	kit.Equal(t, "counts", got, counts)
}

// One recording is found by its whole ID, whoever's it is.
func catalogueOne(t *testing.T, s store.Index) {
	for _, tenant := range []string{"a", "b", ""} {
		kit.Must(t, s.CreateRecording(t.Context(), ARecording(tenant, "r-"+tenant)))
		got, err := s.Recording(t.Context(), "r-"+tenant)
		kit.Want(t, "read", err, nil)
		kit.Equal(t, "recording", got, ARecording(tenant, "r-"+tenant))
	}
	for _, id := range []string{"", "r", "R-a", "r-ab"} {
		got, err := s.Recording(t.Context(), id)
		kit.Want(t, "read "+id, err, store.ErrNotFound)
		kit.Equal(t, "returned", got, store.Recording{})
	}
}

// A walk passes each recording once, in the order of the IDs, also when it starts at one that is gone.
func catalogueScan(t *testing.T, s store.Index) {
	scan := func(after string, limit int) []string {
		page, err := s.ScanRecordings(t.Context(), after, limit)
		kit.Must(t, err)
		return recordIDs(page)
	}
	kit.Equal(t, "a new store", scan("", 10), nil)
	ids := []string{"a", "a-1", "ab", "b", "c"}
	for i, id := range []string{"b", "a-1", "c", "a", "ab"} {
		r := ARecording(fmt.Sprint("t", i%2), id)
		r.Start = kit.Monday.Add(time.Duration(i) * time.Hour)
		kit.Must(t, s.CreateRecording(t.Context(), r))
	}
	kit.Equal(t, "all", scan("", 10), ids)
	var walked []string
	for after := ""; ; {
		page := scan(after, 2)
		if len(page) == 0 {
			break
		}
		walked = append(walked, page...)
		after = page[len(page)-1]
	}
	kit.Equal(t, "in pages", walked, ids)
	kit.Equal(t, "from one that is not there", scan("aa", 2), ids[2:4])
	kit.Equal(t, "behind the last", scan("c", 2), nil)
	kit.Equal(t, "none asked for", scan("", 0), nil)
	page, err := s.ScanRecordings(t.Context(), "b", 1)
	kit.Must(t, err)
	r := ARecording("t0", "c")
	r.Start = kit.Monday.Add(2 * time.Hour)
	kit.Equal(t, "a whole one", page, []store.Recording{r})
}

// What a server owes is listed by ID over all tenants, from the moment it owes it until it has delivered.
func catalogueOwed(t *testing.T, s store.Index) {
	owed := func(what string, want ...store.Recording) {
		t.Helper()
		got, err := s.OwedRecordings(t.Context())
		kit.Must(t, err)
		kit.Equal(t, what, got, want)
	}
	owed("a new store")
	nothing := ARecording("a", "r2")
	nothing.Owed = nil
	bare := store.Recording{RecordID: "r1", Tenant: "b", State: store.Processing, Owed: &store.Owed{}}
	for _, r := range []store.Recording{ARecording("a", "r3"), nothing, bare} {
		kit.Must(t, s.CreateRecording(t.Context(), r))
	}
	owed("owed", bare, ARecording("a", "r3"))
	owes := func(tenant, id string, o *store.Owed) store.Recording {
		r, err := s.UpdateRecording(t.Context(), tenant, id, func(r *store.Recording) error { r.Owed = o; return nil })
		kit.Must(t, err)
		return r
	}
	owes("b", "r1", nil)
	again := owes("a", "r2", &store.Owed{Step: store.OwedMissing})
	owed("delivered, and owed again", again, ARecording("a", "r3"))
	kit.Must(t, s.DeleteRecording(t.Context(), "r3"))
	owed("deleted", again)
}

// Counts follow every change, by tenant and state in that order, and there is none of nothing.
func catalogueCount(t *testing.T, s store.Index) {
	counted(t, s)
	sized := func(tenant, id string, state store.RecordingState, sizes ...int64) store.Recording {
		r := store.Recording{RecordID: id, Tenant: tenant, State: state}
		for _, size := range sizes {
			r.Formats = append(r.Formats, store.Format{Bytes: size, Size: 5})
		}
		return r
	}
	for _, r := range []store.Recording{
		sized("b", "r1", store.Published, 100), sized("a", "r2", store.Unpublished, 20, 3), sized("ab", "r3", ""),
		sized("a", "r4", store.Published, 1<<40), sized("a", "r5", store.Published, 1), sized("", "r6", store.Deleted),
	} {
		kit.Must(t, s.CreateRecording(t.Context(), r))
	}
	others := []store.RecordingCount{{Tenant: "ab", Count: 1}, {Tenant: "b", State: store.Published, Count: 1, Bytes: 100}}
	counted(t, s, append([]store.RecordingCount{
		{State: store.Deleted, Count: 1},
		{Tenant: "a", State: store.Published, Count: 2, Bytes: 1<<40 + 1},
		{Tenant: "a", State: store.Unpublished, Count: 1, Bytes: 23},
	}, others...)...)
	for id, change := range map[string]func(r *store.Recording) error{
		"r2": func(r *store.Recording) error { r.State = store.Published; return nil },
		"r4": func(r *store.Recording) error { r.Formats = append(r.Formats, store.Format{Bytes: 6}); return nil },
		"r5": func(r *store.Recording) error { r.State = store.Deleted; return kit.ErrOwn },
	} {
		_, err := s.UpdateRecording(t.Context(), "a", id, change)
		if id != "r5" {
			kit.Must(t, err)
		}
	}
	kit.Must(t, s.DeleteRecording(t.Context(), "r6"))
	counted(t, s, append([]store.RecordingCount{
		{Tenant: "a", State: store.Published, Count: 3, Bytes: 1<<40 + 30},
	}, others...)...)
}

// A deleted recording is gone from everywhere, and its ID is free again.
func catalogueDelete(t *testing.T, s store.Index) {
	ctx := t.Context()
	kit.Must(t, s.CreateRecording(ctx, ARecording("a", "r1")))
	kit.Must(t, s.CreateRecording(ctx, store.Recording{RecordID: "r2", Tenant: "a"}))
	for _, id := range []string{"", "r", "r11"} {
		kit.Want(t, "delete "+id, s.DeleteRecording(ctx, id), store.ErrNotFound)
	}
	kit.Want(t, "delete", s.DeleteRecording(ctx, "r1"), nil)
	kit.Want(t, "delete again", s.DeleteRecording(ctx, "r1"), store.ErrNotFound)
	_, err := s.Recording(ctx, "r1")
	kit.Want(t, "read", err, store.ErrNotFound)
	for _, f := range []store.RecordingFilter{
		{RecordIDs: []string{"r1"}},
		{MeetingIDs: []string{"room"}},
		{States: []store.RecordingState{store.Published}},
		{Meta: matches("bbb-origin=moodle")},
	} {
		f.Tenant = "a"
		_, total := list(t, s, f)
		kit.Equal(t, fmt.Sprintf("%+v", f), total, 0)
	}
	page, total := list(t, s, store.RecordingFilter{Tenant: "a"})
	kit.Equal(t, "left", recordIDs(page), []string{"r2"})
	kit.Equal(t, "left", total, 1)
	owed, err := s.OwedRecordings(ctx)
	kit.Must(t, err)
	kit.Equal(t, "owed", owed, nil)
	counted(t, s, store.RecordingCount{Tenant: "a", Count: 1})
	kit.Want(t, "create again", s.CreateRecording(ctx, ARecording("b", "r1")), nil)
}
