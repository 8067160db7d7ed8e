package postgres_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/postgres"
)

// full fills fields that Scalelite has a place for, and that it has none for.
func full() store.Recording {
	start := time.Date(2026, 1, 5, 8, 0, 0, 125_000_000, time.UTC)
	return store.Recording{
		RecordID: "r1", Tenant: "a", MeetingID: "room", Name: "Algebra", State: store.Published, Protected: true, Start: start,
		End: start.Add(time.Hour), Participants: 3, RawSize: 1 << 40, Server: "bbb1", Imported: start, Changed: start,
		Meta: map[string]string{"origin": "moodle", "course": "1"}, Edits: store.Edits{Meta: map[string]string{"course": "1"}},
		Formats: []store.Format{
			{
				Type: "presentation", Path: "/p/r1", Length: 61 * time.Second, ProcessingTime: time.Minute, Size: 5, Bytes: 6,
				Images: []store.Image{{Width: 1, Height: 2, Alt: "x", Path: "/t.png"}},
			},
			{Type: "video", Path: "/v/r1", Length: time.Minute, Bytes: 7},
		},
	}
}

// What others change in Scalelite's tables is seen by the next question, and what is ours stays for the rest.
func TestOutside_Edits(t *testing.T) {
	url := servers.Postgres(t).URL(t)
	db := open(t, postgres.Config{URL: store.Secret(url)})
	for _, c := range []struct {
		name, sql string
		edit      func(r *store.Recording)
	}{
		{"name", "UPDATE public.recordings SET name = 'Neu'", func(r *store.Recording) { r.Name = "Neu" }},
		{
			"unpublished by Scalelite", "UPDATE public.recordings SET state = 'unpublished', published = false, publish_updated = true",
			func(r *store.Recording) { r.State, r.Edits.State = store.Unpublished, true },
		},
		{
			"withheld by its importer", "UPDATE public.recordings SET published = false",
			func(r *store.Recording) { r.State = store.Unpublished },
		},
		{"unprotected", "UPDATE public.recordings SET protected = false", func(r *store.Recording) { r.Protected = false }},
		{"people", "UPDATE public.recordings SET participants = NULL", func(r *store.Recording) { r.Participants = 0 }},
		{
			"start", "UPDATE public.recordings SET starttime = '2026-02-01 00:00:00.5'",
			func(r *store.Recording) { r.Start = time.Date(2026, 2, 1, 0, 0, 0, 500_000_000, time.UTC) },
		},
		{
			"metadata", "UPDATE public.metadata SET value = '2' WHERE key = 'course'; DELETE FROM public.metadata WHERE key = 'origin'; " +
				"INSERT INTO public.metadata (recording_id, key, value) SELECT id, 'new', NULL FROM public.recordings",
			func(r *store.Recording) { r.Meta = map[string]string{"course": "2", "new": ""} },
		},
		{"another tenant", "UPDATE public.metadata SET value = 'b' WHERE key = 'tenant-id'", func(r *store.Recording) { r.Tenant = "b" }},
		{"no tenant", "DELETE FROM public.metadata WHERE key = 'tenant-id'", func(r *store.Recording) { r.Tenant = store.DefaultTenant }},
		{"a format less", "DELETE FROM public.playback_formats WHERE format = 'video'", func(r *store.Recording) { r.Formats = r.Formats[:1] }},
		{
			"another length", "UPDATE public.playback_formats SET length = 5, url = '/other' WHERE format = 'presentation'",
			func(r *store.Recording) { r.Formats[0].Length, r.Formats[0].Path = 5*time.Minute, "/other" },
		},
		{
			"deleted by Scalelite", "UPDATE public.recordings SET state = 'deleted', published = false; DELETE FROM public.metadata; " +
				"DELETE FROM public.thumbnails; DELETE FROM public.playback_formats",
			func(r *store.Recording) { r.State, r.Meta, r.Formats = store.Deleted, nil, nil },
		},
	} {
		must(t, db.Index().Wipe(t.Context()))
		must(t, db.Index().CreateRecording(t.Context(), full()))
		run(t, url, c.sql)
		want := full()
		c.edit(&want)
		for what, ask := range map[string]func() ([]store.Recording, error){
			"one": func() ([]store.Recording, error) {
				r, err := db.Index().Recording(t.Context(), "r1")
				return []store.Recording{r}, err
			},
			"scan": func() ([]store.Recording, error) { return db.Index().ScanRecordings(t.Context(), "", 10) },
			"page": func() ([]store.Recording, error) {
				page, _, err := db.Index().Recordings(t.Context(), store.RecordingFilter{
					Tenant: want.Tenant, States: []store.RecordingState{want.State}, Limit: 10,
				})
				return page, err
			},
			"meeting": func() ([]store.Recording, error) {
				page, _, err := db.Index().Recordings(t.Context(), store.RecordingFilter{
					Tenant: want.Tenant, MeetingIDs: []string{"room"}, States: []store.RecordingState{want.State},
				})
				return page, err
			},
		} {
			got, err := ask()
			if diff := cmp.Diff([]store.Recording{want}, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
				t.Errorf("%s: %s: %v (-want +got):\n%s", c.name, what, err, diff)
			}
		}
		must(t, db.Count(t.Context()))
		counts, err := db.Index().CountRecordings(t.Context())
		if err != nil || len(counts) != 1 || counts[0].Tenant != want.Tenant || counts[0].State != want.State || counts[0].Count != 1 {
			t.Errorf("%s: counts %+v, %v", c.name, counts, err)
		}
	}
}

// What others take away altogether is gone, and can come again; what they bring is there at once.
func TestOutside_ComesAndGoes(t *testing.T) {
	url := servers.Postgres(t).URL(t)
	i := open(t, postgres.Config{URL: store.Secret(url)}).Index()
	must(t, i.CreateRecording(t.Context(), full()))
	run(t, url, "DELETE FROM public.recordings; DELETE FROM public.metadata")
	if list, err := i.ScanRecordings(t.Context(), "", 10); err != nil || len(list) != 0 {
		t.Errorf("gone: %v, %v", list, err)
	}
	again := full()
	again.Name, again.Formats = "again", nil
	must(t, i.CreateRecording(t.Context(), again))
	run(t, url, `INSERT INTO public.recordings (record_id, meeting_id, name, published, state, starttime)
		VALUES ('r2', 'room', 'theirs', true, 'published', '2026-01-06'), ('r3', NULL, NULL, false, NULL, NULL), (NULL, NULL, NULL, false, NULL, NULL)`)
	theirs := store.Recording{
		RecordID: "r2", Tenant: store.DefaultTenant, MeetingID: "room", Name: "theirs", State: store.Published,
		Start: time.Date(2026, 1, 6, 0, 0, 0, 0, time.UTC),
	}
	bare := store.Recording{RecordID: "r3", Tenant: store.DefaultTenant}
	page, total, err := i.Recordings(t.Context(), store.RecordingFilter{AllTenants: true})
	if diff := cmp.Diff([]store.Recording{theirs, again, bare}, page, cmpopts.EquateEmpty()); diff != "" || err != nil || total != 3 {
		t.Errorf("%d, %v (-want +got):\n%s", total, err, diff)
	}
}

// What is only awaited is none of Scalelite's business, until it is there; one that it has imported meanwhile is there.
func TestOutside_Awaited(t *testing.T) {
	url := servers.Postgres(t).URL(t)
	i := open(t, postgres.Config{URL: store.Secret(url)}).Index()
	awaited := store.Recording{RecordID: "r1", Tenant: "a", MeetingID: "room", State: store.Awaited, Owed: &store.Owed{Server: "bbb1"}}
	must(t, i.CreateRecording(t.Context(), awaited))
	if rows := left(t, url); rows["recordings 1"] != "" {
		t.Errorf("Scalelite sees %v", rows)
	}
	move := func(state store.RecordingState) {
		t.Helper()
		r, err := i.UpdateRecording(t.Context(), "a", "r1", func(r *store.Recording) error { r.State = state; return nil })
		if err != nil || r.State != state {
			t.Errorf("%s: %+v, %v", state, r, err)
		}
	}
	move(store.Processing)
	if rows := left(t, url); rows["recordings 1"] == "" || rows["metadata 1"] == "" {
		t.Errorf("Scalelite sees only %v", rows)
	}
	move(store.Awaited)
	run(t, url, "INSERT INTO public.recordings (record_id, state, published) VALUES ('r1', 'published', true)")
	r, err := i.Recording(t.Context(), "r1")
	if err != nil || r.State != store.Published || r.Owed == nil {
		t.Errorf("imported by Scalelite: %+v, %v", r, err)
	}
}

// Databases of older versions have fewer columns, and flags that may be null. What has no column is kept by us, and is there
// when the column comes.
func TestScalelite_Older(t *testing.T) {
	url := filled(t)
	run(t, url, `ALTER TABLE public.recordings DROP COLUMN protected, DROP COLUMN publish_updated, ALTER COLUMN published DROP NOT NULL,
		ALTER COLUMN published DROP DEFAULT; UPDATE public.recordings SET published = NULL WHERE state <> 'published'`)
	before := left(t, url)
	db := open(t, postgres.Config{URL: store.Secret(url)})
	list, total, err := db.Index().Recordings(t.Context(), store.RecordingFilter{Tenant: alpha, States: []store.RecordingState{store.Unpublished}})
	if err != nil || total != 1 || len(list) != 1 || list[0].Protected || list[0].Edits.State {
		t.Fatalf("%+v, %d, %v", list, total, err)
	}
	r, err := db.Index().UpdateRecording(t.Context(), alpha, list[0].RecordID, func(r *store.Recording) error {
		r.Protected, r.Edits.State = true, true
		return nil
	})
	if err != nil || !r.Protected || !r.Edits.State {
		t.Errorf("%+v, %v", r, err)
	}
	if diff := changes(before, left(t, url)); diff != nil {
		t.Errorf("changed: %s", diff)
	}
	must(t, db.Index().CreateRecording(t.Context(), full()))
	run(t, url, `ALTER TABLE public.recordings ADD COLUMN protected boolean NOT NULL DEFAULT false, ADD COLUMN publish_updated boolean`)
	later := open(t, postgres.Config{URL: store.Secret(url)})
	if again, err := later.Index().Recording(t.Context(), r.RecordID); err != nil || !again.Protected || !again.Edits.State {
		t.Errorf("with the columns: %+v, %v", again, err)
	}
	one, err := later.Index().Recording(t.Context(), "r1")
	if diff := cmp.Diff(full(), one, cmpopts.EquateEmpty()); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}
