package catalogue

import (
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/storetest/kit"
)

func keyCases() []kit.Case[store.Index] {
	return []kit.Case[store.Index]{
		{Name: "Keys/Recordings", Run: recordingKeys},
		{Name: "Keys/NotText", Run: recordingNotText},
		{Name: "Catalogue/TooLong", Run: tooLong},
	}
}

// Recordings are found by odd IDs, and by nobody else's.
func recordingKeys(t *testing.T, s store.Index) {
	ctx := t.Context()
	for _, id := range kit.Texts() {
		r := ARecording("a", id)
		r.MeetingID = "of " + id
		kit.Must(t, s.CreateRecording(ctx, r))
	}
	for _, id := range kit.Texts() {
		page, total := list(t, s, store.RecordingFilter{Tenant: "a", MeetingIDs: []string{"of " + id}})
		kit.Equal(t, "by meeting: total", total, 1)
		kit.Equal(t, "by meeting", recordIDs(page), []string{id})
		want := 0
		for _, other := range kit.Texts() {
			if strings.HasPrefix(other, id) {
				want++
			}
		}
		_, total = list(t, s, store.RecordingFilter{Tenant: "a", RecordIDs: []string{id}})
		kit.Equal(t, "by prefix "+id, total, want)
		got, err := s.UpdateRecording(ctx, "a", id, func(*store.Recording) error { return nil })
		kit.Must(t, err)
		kit.Equal(t, "updated", got.MeetingID, "of "+id)
	}
}

// A store may refuse what is not text, but must not take it for something else.
func recordingNotText(t *testing.T, s store.Index) {
	total := map[string]int{}
	for _, tenant := range append(kit.NotText(), "a") {
		for i, id := range append(kit.NotText(), "a", "b") {
			r := ARecording(tenant, id+" of "+tenant)
			r.MeetingID, r.Start = id, kit.Monday.Add(time.Duration(i)*time.Second)
			if err := s.CreateRecording(t.Context(), r); err != nil {
				continue
			}
			total[tenant]++
			page, n := list(t, s, store.RecordingFilter{Tenant: tenant, MeetingIDs: []string{id}})
			kit.Equal(t, "by meeting: total", n, 1)
			kit.Equal(t, "by meeting", page, []store.Recording{r})
		}
	}
	if total["a"] < 2 {
		t.Errorf("only %d recordings of tenant a were kept", total["a"])
	}
	for _, tenant := range append(kit.NotText(), "a") {
		_, n, err := s.Recordings(t.Context(), store.RecordingFilter{Tenant: tenant})
		if err == nil {
			kit.Equal(t, "total", n, total[tenant])
		}
	}
}

// IDs that nobody means are refused with a word that callers know, also where an import or an update would write them, and
// leave nothing behind.
func tooLong(t *testing.T, s store.Index) {
	ctx := t.Context()
	kit.Refused(t, "record ID", s.CreateRecording(ctx, ARecording("a", kit.TooLong)))
	kit.Refused(t, "tenant", s.CreateRecording(ctx, ARecording(kit.TooLong, "r1")))
	room := ARecording("a", "r1")
	room.MeetingID = kit.TooLong
	kit.Refused(t, "meeting ID", s.CreateRecording(ctx, room))
	_, err := s.UpdateJob(ctx, kit.TooLong, func(*store.Job) error { return nil })
	kit.Refused(t, "job", err)
	kit.Must(t, s.CreateRecording(ctx, ARecording("a", "r1")))
	long := func(r *store.Recording) error { r.MeetingID = kit.TooLong; return nil }
	_, err = s.UpdateRecording(ctx, "a", "r1", long)
	kit.Refused(t, "update", err)
	_, err = s.Commit(ctx, AJob("j1"), []string{"r2", "r1"}, long)
	kit.Refused(t, "commit", err)
	_, err = s.Commit(ctx, AJob(kit.TooLong), []string{"r1"}, func(r *store.Recording) error { r.Name = "x"; return nil })
	kit.Refused(t, "commit with a long job", err)
	kit.Equal(t, "jobs", jobsOf(t, s, store.JobFilter{}), nil)
	page, _ := list(t, s, store.RecordingFilter{AllTenants: true})
	kit.Equal(t, "recordings", page, []store.Recording{ARecording("a", "r1")})
	counted(t, s, store.RecordingCount{Tenant: "a", State: store.Published, Count: 1, Bytes: 1<<34 + 2})
}
