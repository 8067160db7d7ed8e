package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/storetest/kit"
)

func stateRaces() []testCase[store.State] {
	return []testCase[store.State]{
		{"Races/CreateClaim", raceCreateClaim},
		{"Races/CreateTenant", raceCreateTenant},
		{"Races/UpdateServer", raceUpdateServer},
		{"Races/UpdateAndDeleteClaim", raceUpdateDelete},
		{"Races/Storm", raceStorm},
		{"Races/SpendToken", raceSpendToken},
		{"Races/DeleteTenant", raceDeleteTenant},
	}
}

func indexRaces() []testCase[store.Index] {
	return []testCase[store.Index]{
		{"Races/Key", raceKey},
		{"Races/AddSession", raceAddSession},
		{"Races/AddSessionOfOthers", raceAddOfOthers},
		{"Races/DeleteSessions", raceDeleteSessions},
		{"Races/UpdateRecording", raceUpdateRecording},
		{"Races/UpdateJob", raceUpdateJob},
		{"Races/Commit", raceCommit},
		{"Races/CommitRefused", raceCommitRefused},
		{"Races/Erase", raceErase},
	}
}

const racers = kit.Racers

func race(n int, body func(i int)) { kit.Race(n, body) }

// Of creates that race for one meeting exactly one wins, and all learn the same server.
func raceCreateClaim(t *testing.T, s store.State) {
	for round := range 8 {
		var claims [racers]store.Claim
		var errs [racers]error
		race(racers, func(i int) {
			c := aClaim("a", fmt.Sprint("room", round))
			c.Server = fmt.Sprint("bbb", i)
			claims[i], errs[i] = s.CreateClaim(t.Context(), c)
		})
		winners := 0
		for i, err := range errs {
			if err == nil {
				winners++
				equal(t, "the winner's server", claims[i].Server, fmt.Sprint("bbb", i))
			} else {
				want(t, "create", err, store.ErrExists)
			}
			equal(t, "what all learn", claims[i], claims[0])
		}
		equal(t, "winners", winners, 1)
	}
	equal(t, "claims", len(claimsOf(t, s)), 8)
}

// First starts that race agree on one generated secret.
func raceCreateTenant(t *testing.T, s store.State) {
	var tenants [racers]store.Tenant
	var errs [racers]error
	race(racers, func(i int) {
		mine := store.Tenant{ID: store.DefaultTenant, Secrets: secrets(store.Secret(fmt.Sprint("secret", i)))}
		tenants[i], errs[i] = s.CreateTenant(t.Context(), mine)
	})
	winners := 0
	for i, err := range errs {
		if err == nil {
			winners++
		} else {
			want(t, "create", err, store.ErrExists)
		}
		equal(t, "what all learn", tenants[i], tenants[0])
	}
	equal(t, "winners", winners, 1)
}

// Of updates that race none is lost, also beside updates that are refused and updates of another server.
func raceUpdateServer(t *testing.T, s store.State) {
	ctx := t.Context()
	must(t, s.CreateServer(ctx, store.Server{ID: "bbb1"}))
	must(t, s.CreateServer(ctx, store.Server{ID: "bbb2"}))
	race(racers, func(i int) {
		for range 8 {
			_, err := s.UpdateServer(ctx, "bbb1", func(server *store.Server) error {
				server.Capacity++
				return nil
			})
			want(t, "update", err, nil)
			_, err = s.UpdateServer(ctx, fmt.Sprint("bbb", 1+i%2), func(server *store.Server) error {
				server.Capacity += 1000
				return errOwn
			})
			want(t, "refused update", err, errOwn)
		}
	})
	list, err := s.Servers(ctx)
	must(t, err)
	equal(t, "servers", list, []store.Server{{ID: "bbb1", Capacity: 8 * racers}, {ID: "bbb2"}})
}

// A claim that moves while another would remove it either moves or is removed, and both know which.
func raceUpdateDelete(t *testing.T, s store.State) {
	for round := range 16 {
		c := aClaim("a", fmt.Sprint("room", round))
		_, err := s.CreateClaim(t.Context(), c)
		must(t, err)
		var updated, deleted error
		race(2, func(i int) {
			if i == 1 {
				deleted = s.DeleteClaim(t.Context(), c)
				return
			}
			_, updated = s.UpdateClaim(t.Context(), c.MeetingKey, func(c *store.Claim) error {
				c.Server, c.Placed = "bbb2", c.Placed.Add(time.Second)
				return nil
			})
		})
		left := claimsOf(t, s)
		if updated == nil {
			want(t, "delete", deleted, store.ErrConflict)
			equal(t, "left", len(left), 1)
			must(t, s.DeleteClaim(t.Context(), left[0]))
			continue
		}
		want(t, "update", updated, store.ErrNotFound)
		want(t, "delete", deleted, nil)
		equal(t, "left", left, nil)
	}
}

// In a storm of creates and deletes every acknowledgement counts: a meeting is claimed if and only if it was claimed
// once more than it was freed.
func raceStorm(t *testing.T, s store.State) {
	const meetings = 3
	var mu sync.Mutex
	balance := map[string]int{}
	count := func(meetingID string, by int) {
		mu.Lock()
		defer mu.Unlock()
		balance[meetingID] += by
	}
	race(racers, func(i int) {
		for n := range 12 {
			c := aClaim("a", fmt.Sprint("room", (i+n)%meetings))
			c.Server = fmt.Sprint("bbb", i%4)
			standing, err := s.CreateClaim(t.Context(), c)
			if err == nil {
				count(c.MeetingID, 1)
			} else if !errors.Is(err, store.ErrExists) {
				t.Errorf("create: %v", err)
			}
			if err := s.DeleteClaim(t.Context(), standing); err == nil {
				count(c.MeetingID, -1)
			} else if !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrConflict) {
				t.Errorf("delete: %v", err)
			}
		}
	})
	for _, c := range claimsOf(t, s) {
		count(c.MeetingID, -1)
	}
	for meetingID, n := range balance {
		equal(t, meetingID, n, 0)
	}
}

// A session that many add at once is there once, whole, with the most that any of them has counted.
func raceAddSession(t *testing.T, s store.Index) {
	race(racers, func(i int) {
		session := aSession("same", monday.Add(time.Duration(i)*time.Second))
		session.Hint, session.Peak, session.Joins = i, i, 100-i
		want(t, "add", s.AddSession(t.Context(), session), nil)
		want(t, "add", s.AddSession(t.Context(), aSession(fmt.Sprint(i), monday)), nil)
	})
	all := since(t, s, time.Time{}, 1000)
	equal(t, "sessions", len(all), racers+1)
	same := 0
	for _, session := range all {
		if session.ID == "same" {
			same++
			equal(t, "its end", session.End, monday.Add(time.Duration(session.Hint)*time.Second))
			equal(t, "its peak and joins", [2]int{session.Peak, session.Joins}, [2]int{racers - 1, 100})
		}
	}
	equal(t, "the same session", same, 1)
	equal(t, "sessions of the room", len(ofRoom(t, s, "default", aRoom, 1000)), racers+1)
}

// Of tenants whose servers use one ID at the same time one gets into the history, and no other one with it.
func raceAddOfOthers(t *testing.T, s store.Index) {
	for round := range 8 {
		var errs [racers]error
		session := func(i int) store.Session {
			session := aSession(fmt.Sprint("s", round), monday)
			session.Tenant = fmt.Sprint("t", i)
			return session
		}
		race(racers, func(i int) { errs[i] = s.AddSession(t.Context(), session(i)) })
		winners := 0
		for i, err := range errs {
			all := ofRoom(t, s, fmt.Sprint("t", i), aRoom, 1000)
			all = slices.DeleteFunc(all, func(other store.Session) bool { return other.ID != session(i).ID })
			if err == nil {
				winners++
				equal(t, "the winner's", all, []store.Session{session(i)})
				continue
			}
			want(t, "add", err, store.ErrExists)
			equal(t, "a loser's", all, nil)
		}
		equal(t, "winners", winners, 1)
	}
	equal(t, "sessions", len(since(t, s, time.Time{}, 1000)), 8)
}

// Deletions that race with each other and with additions delete each session once, and none that they should not.
func raceDeleteSessions(t *testing.T, s store.Index) {
	const each = 10
	var deleted atomic.Int64
	race(racers, func(i int) {
		for n := range each {
			id := fmt.Sprint(i, "-", n)
			want(t, "add", s.AddSession(t.Context(), aSession("old"+id, monday.Add(-time.Hour))), nil)
			want(t, "add", s.AddSession(t.Context(), aSession("new"+id, monday)), nil)
			n, err := s.DeleteSessions(t.Context(), monday, 3)
			want(t, "delete", err, nil)
			deleted.Add(int64(n))
		}
	})
	rest, err := s.DeleteSessions(t.Context(), monday, 1000)
	must(t, err)
	equal(t, "deleted", int(deleted.Load())+rest, each*racers)
	all := since(t, s, time.Time{}, 1000)
	equal(t, "left", len(all), each*racers)
	for _, session := range all {
		equal(t, "its end", session.End, monday)
	}
	equal(t, "left of the room", len(ofRoom(t, s, "default", aRoom, 1000)), each*racers)
}

// Of updates that race none is lost, and the indexes follow: one recording stays one.
func raceUpdateRecording(t *testing.T, s store.Index) {
	r := aRecording("a", "r1")
	r.Participants = 0
	must(t, s.CreateRecording(t.Context(), r))
	race(racers, func(int) {
		_, err := s.UpdateRecording(t.Context(), "a", "r1", func(r *store.Recording) error {
			r.Participants++
			r.Start = monday.Add(time.Duration(r.Participants) * time.Second)
			return nil
		})
		want(t, "update", err, nil)
	})
	page, total := list(t, s, store.RecordingFilter{Tenant: "a"})
	equal(t, "total", total, 1)
	equal(t, "participants", page[0].Participants, racers)
	equal(t, "start", page[0].Start, monday.Add(racers*time.Second))
}

// Of many who show one token at once, one is let in.
func raceSpendToken(t *testing.T, s store.State) {
	for round := range 8 {
		var errs [racers]error
		race(racers, func(i int) {
			errs[i] = s.SpendToken(t.Context(), fmt.Sprint("token", round), monday, monday.Add(time.Minute))
		})
		winners := 0
		for _, err := range errs {
			if err == nil {
				winners++
			} else {
				want(t, "spend", err, store.ErrExists)
			}
		}
		equal(t, "winners", winners, 1)
	}
}

// Of updates of a job that race none is lost, and one of them alone makes it.
func raceUpdateJob(t *testing.T, s store.Index) {
	race(racers, func(i int) {
		_, err := s.UpdateJob(t.Context(), "j1", func(j *store.Job) error {
			j.Attempts++
			j.State = []store.JobState{store.JobWaiting, store.JobImporting, store.JobFailed}[i%3]
			return nil
		})
		want(t, "update", err, nil)
	})
	all := jobsOf(t, s, store.JobFilter{})
	equal(t, "jobs", len(all), 1)
	equal(t, "attempts", all[0].Attempts, racers)
	all = jobsOf(t, s, store.JobFilter{States: []store.JobState{all[0].State}})
	equal(t, "jobs in its state", len(all), 1)
	others := store.JobFilter{States: []store.JobState{store.JobWaiting, store.JobImporting, store.JobFailed}}
	equal(t, "jobs in all the states", len(jobsOf(t, s, others)), 1)
}

// Imports, edits and deletions of the same recordings that race lose nothing and count right.
func raceCommit(t *testing.T, s store.Index) {
	ctx := t.Context()
	must(t, s.CreateRecording(ctx, store.Recording{RecordID: "r1", Tenant: "a", State: store.Unpublished}))
	race(racers, func(i int) {
		job := aJob(fmt.Sprint("j", i))
		_, err := s.Commit(ctx, job, []string{"r1", "r2", "own" + job.ID}, func(r *store.Recording) error {
			r.Tenant, r.State = "a", store.Published
			r.Formats = append(r.Formats, store.Format{Type: job.ID, Bytes: 10})
			return nil
		})
		want(t, "commit", err, nil)
		_, err = s.UpdateRecording(ctx, "a", "r1", func(r *store.Recording) error { r.Participants++; return nil })
		want(t, "update", err, nil)
		if i%2 == 0 {
			want(t, "delete", s.DeleteRecording(ctx, "own"+job.ID), nil)
		}
	})
	for _, id := range []string{"r1", "r2"} {
		r, err := s.Recording(ctx, id)
		must(t, err)
		equal(t, "formats", len(r.Formats), racers)
	}
	r, err := s.Recording(ctx, "r1")
	must(t, err)
	equal(t, "updates", r.Participants, racers)
	counted(t, s, store.RecordingCount{
		Tenant: "a", State: store.Published, Count: 2 + racers/2, Bytes: 10 * (2*racers + racers/2),
	})
	equal(t, "jobs", len(jobsOf(t, s, store.JobFilter{})), racers)
}

// A commit that is refused halfway leaves those alone that run beside it.
func raceCommitRefused(t *testing.T, s store.Index) {
	race(racers, func(i int) {
		id := fmt.Sprint("r", i)
		_, err := s.Commit(t.Context(), aJob(id), []string{id, "shared"}, func(r *store.Recording) error {
			r.Tenant, r.Participants = "a", r.Participants+1
			if r.RecordID == "shared" && i%2 == 0 {
				return errOwn
			}
			return nil
		})
		if i%2 == 0 {
			want(t, "refused commit", err, errOwn)
		} else {
			want(t, "commit", err, nil)
		}
	})
	shared, err := s.Recording(t.Context(), "shared")
	must(t, err)
	equal(t, "commits", shared.Participants, racers/2)
	counted(t, s, store.RecordingCount{Tenant: "a", Count: racers/2 + 1})
	equal(t, "jobs", len(jobsOf(t, s, store.JobFilter{})), racers/2)
}
