package catalogue

import (
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/storetest/kit"
)

func jobCases() []kit.Case[store.Index] {
	return []kit.Case[store.Index]{
		{Name: "Jobs/Kept", Run: jobsKept},
		{Name: "Jobs/One", Run: jobOne},
		{Name: "Jobs/Filters", Run: jobFilters},
		{Name: "Jobs/Update", Run: jobUpdate},
		{Name: "Jobs/Delete", Run: jobDelete},
		{Name: "Jobs/NotShared", Run: jobNotShared},
	}
}

func commitCases() []kit.Case[store.Index] {
	return []kit.Case[store.Index]{
		{Name: "Commit/Kept", Run: commitKept},
		{Name: "Commit/Refused", Run: commitRefused},
		{Name: "Commit/NotShared", Run: commitNotShared},
	}
}

func jobsOf(t *testing.T, s store.Index, f store.JobFilter) []store.Job {
	t.Helper()
	all, err := s.Jobs(t.Context(), f)
	kit.Must(t, err)
	return all
}

func putJob(t *testing.T, s store.Index, job store.Job) {
	t.Helper()
	got, err := s.UpdateJob(t.Context(), job.ID, func(j *store.Job) error { *j = job; return nil })
	kit.Must(t, err)
	kit.Equal(t, "job", got, job)
}

func jobIDs(all []store.Job) (ids []string) {
	for _, j := range all {
		ids = append(ids, j.ID)
	}
	return ids
}

// Every field comes back, and lists are in the order of the IDs.
func jobsKept(t *testing.T, s store.Index) {
	kit.Equal(t, "a new store", jobsOf(t, s, store.JobFilter{}), nil)
	bare := store.Job{ID: "j0"}
	for _, j := range []store.Job{AJob("j2"), AJob("j10"), bare} {
		putJob(t, s, j)
	}
	kit.Equal(t, "list", jobsOf(t, s, store.JobFilter{}), []store.Job{bare, AJob("j10"), AJob("j2")})
	for i, id := range kit.Texts() {
		j := AJob("text " + id)
		j.Attempts = i
		putJob(t, s, j)
	}
	kit.Equal(t, "jobs", len(jobsOf(t, s, store.JobFilter{})), 3+len(kit.Texts()))
}

// One job is found by its whole ID.
func jobOne(t *testing.T, s store.Index) {
	for i, id := range append(kit.Texts(), "/srv//a.tar#r1") {
		j := AJob(id)
		j.Attempts = i
		putJob(t, s, j)
		got, err := s.Job(t.Context(), id)
		kit.Want(t, "read", err, nil)
		kit.Equal(t, "job", got, j)
	}
	for _, id := range []string{"", "/srv", "/srv//a.tar#r", "/srv//a.tar#r11", "/srv/a.tar#r1"} {
		got, err := s.Job(t.Context(), id)
		kit.Want(t, "read "+id, err, store.ErrNotFound)
		kit.Equal(t, "returned", got, store.Job{})
	}
	kit.Must(t, s.DeleteJob(t.Context(), "/srv//a.tar#r1"))
	_, err := s.Job(t.Context(), "/srv//a.tar#r1")
	kit.Want(t, "read a deleted one", err, store.ErrNotFound)
}

// Jobs are listed by their states, all that are asked for in one order, page by page.
func jobFilters(t *testing.T, s store.Index) {
	for id, state := range map[string]store.JobState{
		"a": store.JobDone, "b": store.JobWaiting, "c": store.JobDone, "d": store.JobImporting, "e": store.JobWaiting,
		"f": store.JobFailed, "g": "",
	} {
		j := AJob(id)
		j.State = store.JobPlacing
		putJob(t, s, j)
		j.State = state
		putJob(t, s, j)
	}
	in := func(states ...store.JobState) []store.JobState { return states }
	for _, c := range []struct {
		name   string
		filter store.JobFilter
		want   string
	}{
		{"all", store.JobFilter{}, "abcdefg"},
		{"some", store.JobFilter{Limit: 3}, "abc"},
		{"the next", store.JobFilter{Limit: 3, After: "c"}, "def"},
		{"the last", store.JobFilter{Limit: 3, After: "f"}, "g"},
		{"after one that is not there", store.JobFilter{Limit: 1, After: "cc"}, "d"},
		{"after the last", store.JobFilter{After: "g"}, ""},
		{"a state", store.JobFilter{States: in(store.JobDone)}, "ac"},
		{"states", store.JobFilter{States: in(store.JobWaiting, store.JobImporting, store.JobDone)}, "abcde"},
		{"a state twice", store.JobFilter{States: in(store.JobDone, store.JobDone)}, "ac"},
		{"a page of states", store.JobFilter{States: in(store.JobWaiting, store.JobDone), After: "a", Limit: 2}, "bc"},
		{"after one in another state", store.JobFilter{States: in(store.JobWaiting), After: "c"}, "e"},
		{"the state it had", store.JobFilter{States: in(store.JobPlacing)}, ""},
		{"no state", store.JobFilter{States: in("")}, "g"},
		{"the start of a state", store.JobFilter{States: in("d")}, ""},
	} {
		kit.Equal(t, c.name, strings.Join(jobIDs(jobsOf(t, s, c.filter)), ""), c.want)
	}
}

// An update makes the job where there is none, under its ID whatever the closure did to that; one that is refused
// makes nothing.
func jobUpdate(t *testing.T, s store.Index) {
	ctx := t.Context()
	refused := func(id string) {
		t.Helper()
		got, err := s.UpdateJob(ctx, id, func(j *store.Job) error {
			j.State, j.Recordings = store.JobFailed, append(j.Recordings, "r9")
			return kit.ErrOwn
		})
		kit.Own(t, err)
		kit.Equal(t, "returned", got, store.Job{})
	}
	refused("j1")
	kit.Equal(t, "left", jobsOf(t, s, store.JobFilter{}), nil)
	made, err := s.UpdateJob(ctx, "j1", func(j *store.Job) error {
		kit.Equal(t, "in the closure", *j, store.Job{ID: "j1"})
		*j = AJob("j2")
		return nil
	})
	kit.Want(t, "make", err, nil)
	is := AJob("j2")
	is.ID = "j1"
	kit.Equal(t, "made", made, is)
	_, err = s.UpdateJob(ctx, "j1", func(j *store.Job) error {
		kit.Equal(t, "in the closure", *j, is)
		j.ID, j.State, j.Reason = "j3", store.JobDone, ""
		return nil
	})
	kit.Want(t, "update", err, nil)
	is.State, is.Reason = store.JobDone, ""
	refused("j1")
	kit.Equal(t, "kept", jobsOf(t, s, store.JobFilter{}), []store.Job{is})
	kit.Equal(t, "by state", jobsOf(t, s, store.JobFilter{States: []store.JobState{store.JobFailed}}), nil)
	if _, err := s.UpdateJob(ctx, "", func(*store.Job) error { return nil }); err == nil {
		t.Error("a job without an ID was made")
	}
}

// A deleted job is gone from everywhere, and its ID is free again.
func jobDelete(t *testing.T, s store.Index) {
	putJob(t, s, AJob("j1"))
	putJob(t, s, AJob("j2"))
	for _, id := range []string{"", "j", "j11"} {
		kit.Want(t, "delete "+id, s.DeleteJob(t.Context(), id), store.ErrNotFound)
	}
	kit.Want(t, "delete", s.DeleteJob(t.Context(), "j1"), nil)
	kit.Want(t, "delete again", s.DeleteJob(t.Context(), "j1"), store.ErrNotFound)
	for _, f := range []store.JobFilter{{}, {States: []store.JobState{store.JobWaiting}}} {
		kit.Equal(t, "left", jobsOf(t, s, f), []store.Job{AJob("j2")})
	}
	putJob(t, s, store.Job{ID: "j1"})
}

// A job handed in or out is its holder's to change.
func jobNotShared(t *testing.T, s store.Index) {
	var kept *store.Job
	given := AJob("j1")
	updated, err := s.UpdateJob(t.Context(), "j1", func(j *store.Job) error {
		*j = given
		kept = j
		return nil
	})
	kit.Must(t, err)
	kept.Recordings[0], given.Recordings[1], updated.Recordings[0] = "changed", "changed", "changed"
	jobsOf(t, s, store.JobFilter{})[0].Recordings[0] = "changed"
	read, err := s.Job(t.Context(), "j1")
	kit.Must(t, err)
	read.Recordings[0] = "changed"
	kit.Equal(t, "kept", jobsOf(t, s, store.JobFilter{}), []store.Job{AJob("j1")})
}

// A commit makes recordings and changes those that are there, of whatever tenant, and stores its job with them.
func commitKept(t *testing.T, s store.Index) {
	ctx := t.Context()
	putJob(t, s, store.Job{ID: "j1", State: store.JobImporting})
	kit.Must(t, s.CreateRecording(ctx, ARecording("b", "old")))
	var seen []string
	got, err := s.Commit(ctx, AJob("j1"), []string{"old", "new"}, func(r *store.Recording) error {
		if seen = append(seen, r.RecordID); r.RecordID == "new" {
			kit.Equal(t, "what is new", *r, store.Recording{RecordID: "new"})
			*r = ARecording("a", "new")
			r.RecordID = "other"
			return nil
		}
		kit.Equal(t, "what stands", *r, ARecording("b", "old"))
		r.Name, r.Tenant, r.RecordID = "Geometry", "c", "other"
		return nil
	})
	kit.Want(t, "commit", err, nil)
	old := ARecording("c", "old")
	old.Name = "Geometry"
	kit.Equal(t, "returned", got, []store.Recording{old, ARecording("a", "new")})
	all, err := s.ScanRecordings(ctx, "", 10)
	kit.Must(t, err)
	kit.Equal(t, "kept", all, []store.Recording{ARecording("a", "new"), old})
	kit.Equal(t, "jobs", jobsOf(t, s, store.JobFilter{}), []store.Job{AJob("j1")})
	for tenant, want := range map[string][]string{"a": {"new"}, "b": nil, "c": {"old"}} {
		page, _ := list(t, s, store.RecordingFilter{Tenant: tenant, MeetingIDs: []string{"room"}})
		kit.Equal(t, "tenant "+tenant, recordIDs(page), want)
	}
	got, err = s.Commit(ctx, AJob("j2"), nil, func(*store.Recording) error { return kit.ErrOwn })
	kit.Want(t, "commit nothing", err, nil)
	kit.Equal(t, "returned", got, nil)
	kit.Equal(t, "jobs", jobIDs(jobsOf(t, s, store.JobFilter{})), []string{"j1", "j2"})
}

// A commit that is refused, at the last of its recordings or for want of an ID, leaves everything as it was.
func commitRefused(t *testing.T, s store.Index) {
	ctx := t.Context()
	putJob(t, s, store.Job{ID: "j1", State: store.JobImporting})
	kit.Must(t, s.CreateRecording(ctx, ARecording("a", "old")))
	got, err := s.Commit(ctx, AJob("j1"), []string{"new", "old"}, func(r *store.Recording) error {
		was := r.RecordID
		*r = store.Recording{Tenant: "b", State: store.Published}
		if was == "old" {
			return kit.ErrOwn
		}
		return nil
	})
	kit.Own(t, err)
	kit.Equal(t, "returned", got, nil)
	tenant := func(r *store.Recording) error { r.Tenant = "b"; return nil }
	if _, err := s.Commit(ctx, AJob("j1"), []string{"old", ""}, tenant); err == nil {
		t.Error("a recording without an ID was committed")
	}
	if _, err := s.Commit(ctx, AJob(""), []string{"old", "new"}, tenant); err == nil {
		t.Error("a job without an ID was committed")
	}
	kit.Equal(t, "jobs", jobsOf(t, s, store.JobFilter{}), []store.Job{{ID: "j1", State: store.JobImporting}})
	all, err := s.ScanRecordings(ctx, "", 10)
	kit.Must(t, err)
	kit.Equal(t, "recordings", all, []store.Recording{ARecording("a", "old")})
	_, total := list(t, s, store.RecordingFilter{Tenant: "b"})
	kit.Equal(t, "of the tenant that it was not to have", total, 0)
	counted(t, s, store.RecordingCount{Tenant: "a", State: store.Published, Count: 1, Bytes: 1<<34 + 2})
}

// What goes through a commit is its holder's to change.
func commitNotShared(t *testing.T, s store.Index) {
	job, given := AJob("j1"), ARecording("a", "r1")
	var kept *store.Recording
	got, err := s.Commit(t.Context(), job, []string{"r1"}, func(r *store.Recording) error {
		*r = given
		kept = r
		return nil
	})
	kit.Must(t, err)
	scribble(kept)
	scribble(&got[0])
	job.Recordings[0] = "changed"
	kit.Equal(t, "jobs", jobsOf(t, s, store.JobFilter{}), []store.Job{AJob("j1")})
	r, err := s.Recording(t.Context(), "r1")
	kit.Must(t, err)
	kit.Equal(t, "kept", r, ARecording("a", "r1"))
}
