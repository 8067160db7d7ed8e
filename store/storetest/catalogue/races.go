package catalogue

import (
	"fmt"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/storetest/kit"
)

func races() []kit.Case[store.Index] {
	return []kit.Case[store.Index]{
		{Name: "Races/UpdateRecording", Run: raceUpdateRecording},
		{Name: "Races/UpdateJob", Run: raceUpdateJob},
		{Name: "Races/Commit", Run: raceCommit},
		{Name: "Races/CommitRefused", Run: raceCommitRefused},
	}
}

// Of updates that race none is lost, and the indexes follow: one recording stays one.
func raceUpdateRecording(t *testing.T, s store.Index) {
	r := ARecording("a", "r1")
	r.Participants = 0
	kit.Must(t, s.CreateRecording(t.Context(), r))
	kit.Race(kit.Racers, func(int) {
		_, err := s.UpdateRecording(t.Context(), "a", "r1", func(r *store.Recording) error {
			r.Participants++
			r.Start = kit.Monday.Add(time.Duration(r.Participants) * time.Second)
			return nil
		})
		kit.Want(t, "update", err, nil)
	})
	page, total := list(t, s, store.RecordingFilter{Tenant: "a"})
	kit.Equal(t, "total", total, 1)
	kit.Equal(t, "participants", page[0].Participants, kit.Racers)
	kit.Equal(t, "start", page[0].Start, kit.Monday.Add(kit.Racers*time.Second))
}

// Of updates of a job that race none is lost, and one of them alone makes it.
func raceUpdateJob(t *testing.T, s store.Index) {
	kit.Race(kit.Racers, func(i int) {
		_, err := s.UpdateJob(t.Context(), "j1", func(j *store.Job) error {
			j.Attempts++
			j.State = []store.JobState{store.JobWaiting, store.JobImporting, store.JobFailed}[i%3]
			return nil
		})
		kit.Want(t, "update", err, nil)
	})
	all := jobsOf(t, s, store.JobFilter{})
	kit.Equal(t, "jobs", len(all), 1)
	kit.Equal(t, "attempts", all[0].Attempts, kit.Racers)
	all = jobsOf(t, s, store.JobFilter{States: []store.JobState{all[0].State}})
	kit.Equal(t, "jobs in its state", len(all), 1)
	others := store.JobFilter{States: []store.JobState{store.JobWaiting, store.JobImporting, store.JobFailed}}
	kit.Equal(t, "jobs in all the states", len(jobsOf(t, s, others)), 1)
}

// Imports, edits and deletions of the same recordings that race lose nothing and count right.
func raceCommit(t *testing.T, s store.Index) {
	ctx := t.Context()
	kit.Must(t, s.CreateRecording(ctx, store.Recording{RecordID: "r1", Tenant: "a", State: store.Unpublished}))
	kit.Race(kit.Racers, func(i int) {
		job := AJob(fmt.Sprint("j", i))
		_, err := s.Commit(ctx, job, []string{"r1", "r2", "own" + job.ID}, func(r *store.Recording) error {
			r.Tenant, r.State = "a", store.Published
			r.Formats = append(r.Formats, store.Format{Type: job.ID, Bytes: 10})
			return nil
		})
		kit.Want(t, "commit", err, nil)
		_, err = s.UpdateRecording(ctx, "a", "r1", func(r *store.Recording) error { r.Participants++; return nil })
		kit.Want(t, "update", err, nil)
		if i%2 == 0 {
			kit.Want(t, "delete", s.DeleteRecording(ctx, "own"+job.ID), nil)
		}
	})
	for _, id := range []string{"r1", "r2"} {
		r, err := s.Recording(ctx, id)
		kit.Must(t, err)
		kit.Equal(t, "formats", len(r.Formats), kit.Racers)
	}
	r, err := s.Recording(ctx, "r1")
	kit.Must(t, err)
	kit.Equal(t, "updates", r.Participants, kit.Racers)
	counted(t, s, store.RecordingCount{
		Tenant: "a", State: store.Published, Count: 2 + kit.Racers/2, Bytes: 10 * (2*kit.Racers + kit.Racers/2),
	})
	kit.Equal(t, "jobs", len(jobsOf(t, s, store.JobFilter{})), kit.Racers)
}

// A commit that is refused halfway leaves those alone that run beside it.
func raceCommitRefused(t *testing.T, s store.Index) {
	kit.Race(kit.Racers, func(i int) {
		id := fmt.Sprint("r", i)
		_, err := s.Commit(t.Context(), AJob(id), []string{id, "shared"}, func(r *store.Recording) error {
			r.Tenant, r.Participants = "a", r.Participants+1
			if r.RecordID == "shared" && i%2 == 0 {
				return kit.ErrOwn
			}
			return nil
		})
		if i%2 == 0 {
			kit.Want(t, "refused commit", err, kit.ErrOwn)
		} else {
			kit.Want(t, "commit", err, nil)
		}
	})
	shared, err := s.Recording(t.Context(), "shared")
	kit.Must(t, err)
	kit.Equal(t, "commits", shared.Participants, kit.Racers/2)
	counted(t, s, store.RecordingCount{Tenant: "a", Count: kit.Racers/2 + 1})
	kit.Equal(t, "jobs", len(jobsOf(t, s, store.JobFilter{})), kit.Racers/2)
}
