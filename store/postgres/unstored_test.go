package postgres_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/postgres"
)

// What a server says of a recording, and Scalelite leaves out of its metadata, is not among them there either; front ends see it
// all the same, and find by it.
func TestScalelite_Unstored(t *testing.T) {
	url := servers.Postgres(t).URL(t)
	i := open(t, postgres.Config{URL: store.Secret(url)}).Index()
	r := full()
	r.Meta = map[string]string{"isBreakout": "false", "meetingId": "room", "meetingName": "Algebra", "course": "1", "meetingname": "x"}
	must(t, i.CreateRecording(t.Context(), r))
	stored := func() string {
		var all []string
		for id, row := range left(t, url) {
			if strings.HasPrefix(id, "metadata ") {
				all = append(all, row)
			}
		}
		return strings.Join(all, " ")
	}
	if all := stored(); strings.Contains(all, "isBreakout") || strings.Contains(all, "meetingId") || strings.Contains(all, "meetingName") ||
		!strings.Contains(all, "course") || !strings.Contains(all, "meetingname") {
		t.Errorf("stored: %s", all)
	}
	same := func(what string, want store.Recording) {
		t.Helper()
		one, err := i.Recording(t.Context(), "r1")
		page, _, err2 := i.Recordings(t.Context(), store.RecordingFilter{Tenant: "a", MeetingIDs: []string{"room"}})
		if diff := cmp.Diff([]store.Recording{want, want}, append(page, one), cmpopts.EquateEmpty()); err != nil || err2 != nil || diff != "" {
			t.Errorf("%s: %v, %v (-want +got):\n%s", what, err, err2, diff)
		}
	}
	same("read", r)
	for value, want := range map[string]int{
		"isBreakout=false": 1, "isBreakout=true": 0, "meetingId=room": 1, "meetingId=ro": 0, "meetingId=ro%": 1, "meetingName=%bra": 1,
		"meetingName=%geb%": 1, "meetingName=x": 0, "meetingname=x": 1,
	} {
		key, value, _ := strings.Cut(value, "=")
		page, total, err := i.Recordings(t.Context(), store.RecordingFilter{
			Tenant: "a", States: []store.RecordingState{store.Published}, Meta: []store.MetaMatch{{Key: key, Value: value}},
		})
		if len(page) != want || total != want || err != nil {
			t.Errorf("%s=%s: %d of %d, %v, want %d", key, value, len(page), total, err, want)
		}
	}
	// As a version before has left them.
	run(t, url, `INSERT INTO public.metadata (recording_id, key, value) SELECT id, 'meetingName', 'Algebra' FROM public.recordings`)
	same("with what a version before has left", r)
	after, err := i.UpdateRecording(t.Context(), "a", "r1", func(r *store.Recording) error {
		r.Meta = maps.Clone(r.Meta)
		r.Meta["meetingName"], r.Meta["course"] = "other", "2"
		return nil
	})
	must(t, err)
	same("updated", after)
	if all := stored(); strings.Contains(all, "meetingName") || after.Meta["meetingName"] != "other" {
		t.Errorf("stored: %s, %v", all, after.Meta)
	}
	run(t, url, "UPDATE public.recordings SET state = 'deleted'; DELETE FROM public.metadata; DELETE FROM public.playback_formats")
	if r, err := i.Recording(t.Context(), "r1"); err != nil || len(r.Meta) > 0 {
		t.Errorf("deleted by Scalelite: %v, %v", r.Meta, err)
	}
}
