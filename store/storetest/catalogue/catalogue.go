// Package catalogue is the part of the contract about the index of recordings, and about the imports by which they come into it.
// Package storetest runs it with the rest; it opens no store, and knows no adapter.
package catalogue

import (
	"context"
	"slices"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/storetest/kit"
)

// Cases are those of the group [store.Index].
func Cases() []kit.Case[store.Index] {
	return slices.Concat(recordingCases(), selectionCases(), metaCases(), scanCases(), jobCases(), commitCases(), keyCases(),
		races())
}

// Calls are all the methods that this package is about, none of which would fail on a store that was seeded.
func Calls(s store.Index) map[string]kit.Call {
	return map[string]kit.Call{
		"Recordings": func(ctx context.Context) error {
			_, _, err := s.Recordings(ctx, store.RecordingFilter{Tenant: "a"})
			return err
		},
		"CreateRecording": func(ctx context.Context) error { return s.CreateRecording(ctx, ARecording("a", "r2")) },
		"UpdateRecording": func(ctx context.Context) error {
			return kit.Drop(s.UpdateRecording(ctx, "a", "r1", func(r *store.Recording) error { r.Name = "new"; return nil }))
		},
		"Recording":       func(ctx context.Context) error { return kit.Drop(s.Recording(ctx, "r1")) },
		"ScanRecordings":  func(ctx context.Context) error { return kit.Drop(s.ScanRecordings(ctx, "", 10)) },
		"OwedRecordings":  func(ctx context.Context) error { return kit.Drop(s.OwedRecordings(ctx)) },
		"CountRecordings": func(ctx context.Context) error { return kit.Drop(s.CountRecordings(ctx)) },
		"DeleteRecording": func(ctx context.Context) error { return s.DeleteRecording(ctx, "r1") },
		"Jobs":            func(ctx context.Context) error { return kit.Drop(s.Jobs(ctx, store.JobFilter{})) },
		"UpdateJob": func(ctx context.Context) error {
			return kit.Drop(s.UpdateJob(ctx, "j1", func(j *store.Job) error { j.Attempts++; return nil }))
		},
		"DeleteJob": func(ctx context.Context) error { return s.DeleteJob(ctx, "j1") },
		"Commit": func(ctx context.Context) error {
			change := func(r *store.Recording) error { r.Name = "new"; return nil }
			return kit.Drop(s.Commit(ctx, AJob("j2"), []string{"r1", "r3"}, change))
		},
	}
}

// Seed stores a recording r1 of tenant a, and a job j1.
func Seed(ctx context.Context, s store.Index) error {
	if err := s.CreateRecording(ctx, ARecording("a", "r1")); err != nil {
		return err
	}
	return kit.Drop(s.UpdateJob(ctx, "j1", func(j *store.Job) error { *j = AJob("j1"); return nil }))
}

// ARecording fills every field.
func ARecording(tenant, recordID string) store.Recording {
	return store.Recording{
		RecordID: recordID, Tenant: tenant, MeetingID: "room", Name: "Algebra & <more>", State: store.Published,
		Protected: true, Start: kit.Monday, End: kit.Monday.Add(time.Hour), Participants: 31, RawSize: 1 << 40,
		Breakout:      &store.Breakout{Parent: "183f0bf3-1", Sequence: 2, FreeJoin: true},
		BreakoutRooms: []string{"7e0a-2", "7e0a-1"},
		Meta:          map[string]string{"bbb-origin": "moodle", "presenter": "Ünal", "empty": ""},
		Formats: []store.Format{
			{
				Type: "presentation", Path: "/playback/2.3/" + recordID, Length: 59 * time.Minute,
				ProcessingTime: 3 * time.Minute, Size: 1 << 33, Bytes: 1 << 34, Images: []store.Image{
					{Width: 176, Height: 136, Alt: "Slide “1”", Path: "/presentation/x/thumb-1.png"},
					{Path: "/presentation/x/thumb-2.png"},
				},
			},
			{Type: "video", Path: "/recording/x?y=z", Length: time.Minute, Size: 1, Bytes: 2},
		},
		Behind: "of another user", Claimed: "school", ClaimedID: "their room",
		Edits:    store.Edits{State: true, Protected: true, Meta: map[string]string{"presenter": "Ünal", "gone": ""}},
		Server:   "bbb1",
		Imported: kit.Monday.Add(2 * time.Hour),
		Changed:  kit.Monday.Add(3 * time.Hour),
		Owed: &store.Owed{
			Server: "bbb1", Ended: kit.Monday.Add(time.Hour), Step: store.OwedPublished, Since: kit.Monday.Add(90 * time.Minute),
			Formats: []string{"notes", "screenshare"},
		},
	}
}

// AJob fills every field.
func AJob(id string) store.Job {
	return store.Job{
		ID: id, Path: "/spool/" + id, Source: "upload", Keep: true, Tenant: "a", Server: "bbb1", SHA256: "e3b0c442",
		State: store.JobWaiting, Attempts: 3, Reason: "no room on the volume: 1 GiB < 2 GiB",
		Next: kit.Monday.Add(time.Minute), Bytes: 1 << 33, Modified: kit.Monday.Add(-time.Hour), Staging: "/library/.staging/" + id,
		Recordings: []string{"r2", "r1"}, Created: kit.Monday, Changed: kit.Monday.Add(time.Second),
	}
}
