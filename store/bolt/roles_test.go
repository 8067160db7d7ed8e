package bolt_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/bbolt"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/bolt"
	"github.com/bbbpool/bbbpool/store/storetest/outgoing"
)

// seedTime is when everything that is seeded happened.
var seedTime = time.Unix(1_760_000_000, 0).UTC()

var (
	seedClaim   = store.Claim{MeetingKey: store.MeetingKey{Tenant: "t", MeetingID: "m"}, Server: "s", Placed: seedTime}
	seedEnding  = store.Ending{MeetingKey: seedClaim.MeetingKey, Server: "s", InternalID: "i", Asked: seedTime}
	seedUse     = store.Credential{Kind: store.CredentialSecret, Tenant: "t", Name: "n"}
	seedAudit   = store.Audit{ID: "a", At: seedTime, Before: "1"}
	seedUsage   = store.Usage{Day: "2025-10-09", Tenant: "t", Joins: 1}
	seedSession = store.Session{ID: "old", Tenant: "t", Server: "s", Start: seedTime, End: seedTime, Meeting: "h", Peak: 3}
)

// seed writes one record of each kind.
func seed(t *testing.T, db *bolt.DB) {
	t.Helper()
	ctx, state, index := t.Context(), db.State(), db.Index()
	_, tenantErr := state.CreateTenant(ctx, store.Tenant{ID: "t", Created: seedTime})
	_, claimErr := state.CreateClaim(ctx, seedClaim)
	_, keyErr := index.Key(ctx, "k", []byte("key"))
	_, jobErr := index.UpdateJob(ctx, "j", func(j *store.Job) error { j.State = store.JobWaiting; return nil })
	r := store.Recording{RecordID: "r", Tenant: "t", MeetingID: "m", State: store.Published, Start: seedTime, Meta: map[string]string{"a": "b"}}
	r.Owed = &store.Owed{Server: "s", Step: store.OwedEnded}
	err := errors.Join(
		state.NoteUses(ctx, map[store.Credential]time.Time{seedUse: seedTime}), index.CreateAdminToken(ctx, store.AdminToken{Name: "at"}),
		index.AddAudit(ctx, seedAudit), index.AddUsage(ctx, seedUsage),
		state.CreateServer(ctx, store.Server{ID: "s", State: store.Enabled}), tenantErr, claimErr, state.AddEndings(ctx, seedEnding),
		keyErr, index.AddSession(ctx, seedSession), index.CreateRecording(ctx, r), jobErr, outgoing.Seed(ctx, index),
		index.KeepEvents(ctx, "s", []store.Event{{At: seedTime, Kind: "k", Text: "x"}}),
	)
	if err != nil {
		t.Fatal(err)
	}
}

// writes are all methods that write, each on what is seeded. They count the runs of their closures.
var writes = map[string]func(ctx context.Context, db *bolt.DB, runs *int) (got any, err error){
	"CreateServer": func(ctx context.Context, db *bolt.DB, _ *int) (any, error) {
		return "made", db.State().CreateServer(ctx, store.Server{ID: "s2"})
	},
	"UpdateServer": func(ctx context.Context, db *bolt.DB, runs *int) (any, error) {
		s, err := db.State().UpdateServer(ctx, "s", func(s *store.Server) error { *runs++; s.Tag += "+"; s.Capacity++; return nil })
		return fmt.Sprint(s.Tag, s.Capacity), err
	},
	"DeleteServer": func(ctx context.Context, db *bolt.DB, _ *int) (any, error) {
		return "gone", db.State().DeleteServer(ctx, "s")
	},
	"CreateTenant": func(ctx context.Context, db *bolt.DB, _ *int) (any, error) {
		made, err := db.State().CreateTenant(ctx, store.Tenant{ID: "t2", Name: "n"})
		return made.Name, err
	},
	"UpdateTenant": func(ctx context.Context, db *bolt.DB, runs *int) (any, error) {
		changed, err := db.State().UpdateTenant(ctx, "t", func(t *store.Tenant) error {
			*runs++
			t.Secrets = append(t.Secrets, store.TenantSecret{Secret: "secret"})
			return nil
		})
		return len(changed.Secrets), err
	},
	"DeleteTenant": func(ctx context.Context, db *bolt.DB, _ *int) (any, error) {
		return "gone", db.State().DeleteTenant(ctx, "t")
	},
	"NoteUses": func(ctx context.Context, db *bolt.DB, _ *int) (any, error) {
		other := store.Credential{Kind: store.CredentialToken, Name: "ci"}
		return "noted", db.State().NoteUses(ctx, map[store.Credential]time.Time{seedUse: {}, other: seedTime})
	},
	"CreateAdminToken": func(ctx context.Context, db *bolt.DB, _ *int) (any, error) {
		return "made", db.Index().CreateAdminToken(ctx, store.AdminToken{Name: "at2", Scopes: []string{"read"}})
	},
	"DeleteAdminToken": func(ctx context.Context, db *bolt.DB, _ *int) (any, error) {
		return "gone", db.Index().DeleteAdminToken(ctx, "at")
	},
	"AddAudit": func(ctx context.Context, db *bolt.DB, _ *int) (any, error) {
		return "added", db.Index().AddAudit(ctx, store.Audit{ID: "a2", At: seedTime})
	},
	"DeleteAudits": func(ctx context.Context, db *bolt.DB, _ *int) (any, error) {
		return db.Index().DeleteAudits(ctx, seedTime.Add(time.Second), 10)
	},
	"BlankAudit": func(ctx context.Context, db *bolt.DB, _ *int) (any, error) {
		return "blank", db.Index().BlankAudit(ctx, seedAudit)
	},
	"EraseSessions": func(ctx context.Context, db *bolt.DB, _ *int) (any, error) {
		return db.Index().EraseSessions(ctx, "t", "h", 10)
	},
	"AddUsage": func(ctx context.Context, db *bolt.DB, _ *int) (any, error) {
		return "added", db.Index().AddUsage(ctx, seedUsage, store.Usage{Day: "2025-10-10", PeopleMins: 0.5}, seedUsage)
	},
	"DeleteUsage": func(ctx context.Context, db *bolt.DB, _ *int) (any, error) {
		return db.Index().DeleteUsage(ctx, "2026-01-01", 10)
	},
	"SpendToken": func(ctx context.Context, db *bolt.DB, _ *int) (any, error) {
		return "spent", db.State().SpendToken(ctx, "x", seedTime, seedTime.Add(time.Hour))
	},
	"CreateClaim": func(ctx context.Context, db *bolt.DB, _ *int) (any, error) {
		c, err := db.State().CreateClaim(ctx, claimOf("m2", "s"))
		return c.Server, err
	},
	"UpdateClaim": func(ctx context.Context, db *bolt.DB, runs *int) (any, error) {
		c, err := db.State().UpdateClaim(ctx, seedClaim.MeetingKey, func(c *store.Claim) error { *runs++; c.Expected += 7; return nil })
		return c.Expected, err
	},
	"DeleteClaim": func(ctx context.Context, db *bolt.DB, _ *int) (any, error) {
		return "gone", db.State().DeleteClaim(ctx, seedClaim)
	},
	"AddEndings": func(ctx context.Context, db *bolt.DB, _ *int) (any, error) {
		return "owed", db.State().AddEndings(ctx, store.Ending{Server: "s2"}, store.Ending{Server: "s3"})
	},
	"DeleteEnding": func(ctx context.Context, db *bolt.DB, _ *int) (any, error) {
		return "gone", db.State().DeleteEnding(ctx, seedEnding)
	},
	"Key, fresh": func(ctx context.Context, db *bolt.DB, _ *int) (any, error) {
		key, err := db.Index().Key(ctx, "k2", []byte("fresh"))
		return string(key), err
	},
	"AddSession, new": func(ctx context.Context, db *bolt.DB, _ *int) (any, error) {
		return "added", db.Index().AddSession(ctx, store.Session{ID: "new", Tenant: "t", End: seedTime.Add(time.Hour)})
	},
	"AddSession, again": func(ctx context.Context, db *bolt.DB, _ *int) (any, error) {
		again := seedSession
		again.Peak, again.End = 1, seedTime.Add(time.Hour)
		return "added", db.Index().AddSession(ctx, again)
	},
	"DeleteSessions": func(ctx context.Context, db *bolt.DB, _ *int) (any, error) {
		return db.Index().DeleteSessions(ctx, seedTime.Add(time.Second), 10)
	},
	"CreateRecording": func(ctx context.Context, db *bolt.DB, _ *int) (any, error) {
		return "made", db.Index().CreateRecording(ctx, store.Recording{RecordID: "r2", Tenant: "t", State: store.Published})
	},
	"UpdateRecording": func(ctx context.Context, db *bolt.DB, runs *int) (any, error) {
		r, err := db.Index().UpdateRecording(ctx, "t", "r", func(r *store.Recording) error {
			*runs++
			r.Meta["a"] += "b"
			r.State = store.Unpublished
			return nil
		})
		return fmt.Sprint(r.Meta, r.State), err
	},
	"DeleteRecording": func(ctx context.Context, db *bolt.DB, _ *int) (any, error) {
		return "gone", db.Index().DeleteRecording(ctx, "r")
	},
	"UpdateJob, new": func(ctx context.Context, db *bolt.DB, runs *int) (any, error) {
		j, err := db.Index().UpdateJob(ctx, "j2", func(j *store.Job) error { *runs++; j.Attempts++; return nil })
		return j.Attempts, err
	},
	"UpdateJob": func(ctx context.Context, db *bolt.DB, runs *int) (any, error) {
		j, err := db.Index().UpdateJob(ctx, "j", func(j *store.Job) error { *runs++; j.Recordings = append(j.Recordings, "r"); return nil })
		return j.Recordings, err
	},
	"DeleteJob": func(ctx context.Context, db *bolt.DB, _ *int) (any, error) {
		return "gone", db.Index().DeleteJob(ctx, "j")
	},
	"Commit": func(ctx context.Context, db *bolt.DB, runs *int) (any, error) {
		list, err := db.Index().Commit(ctx, store.Job{ID: "j", State: store.JobDone}, []string{"r", "r3"}, func(r *store.Recording) error {
			*runs++
			r.Tenant, r.Name = "t", r.Name+r.RecordID
			return nil
		})
		var names []string
		for _, r := range list {
			names = append(names, r.Name)
		}
		return names, err
	},
	"KeepEvents": func(ctx context.Context, db *bolt.DB, _ *int) (any, error) {
		return "kept", db.Index().KeepEvents(ctx, "s", []store.Event{{At: seedTime, Kind: "a"}, {At: seedTime, Kind: "b"}})
	},
}

// A write that runs again, because another one of its group has failed halfway, counts once and returns what its last run
// has made: whatever role it is of.
func TestRoles_RunTwice(t *testing.T) {
	for name, write := range writes {
		t.Run(name, func(t *testing.T) {
			once, runs := contentAfter(t, write, false)
			twice, moreRuns := contentAfter(t, write, true)
			if !slices.Equal(once, twice) || moreRuns != 2*runs {
				t.Errorf("with %d runs:\n%v\nwith %d runs:\n%v", moreRuns, twice, runs, once)
			}
		})
	}
}

// contentAfter returns what a write has returned and all that a database has in it afterwards, and how often a closure of the
// caller's ran. Where again is set the write had to run twice.
func contentAfter(t *testing.T, write func(context.Context, *bolt.DB, *int) (any, error), again bool) (content []string, runs int) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		db := open(t, dir)
		seed(t, db)
		release := hold(t, db)
		var wg sync.WaitGroup
		wg.Go(func() {
			got, err := write(t.Context(), db, &runs)
			content = append(content, fmt.Sprint("returned ", got, " ", err))
		})
		synctest.Wait() // so that it runs before the one that fails
		if again {
			wg.Go(func() { // its first index takes it, the next one cannot
				long := store.Recording{RecordID: "long", Tenant: "t", MeetingID: strings.Repeat("x", 40_000)}
				if err := db.Index().CreateRecording(t.Context(), long); !errors.Is(err, store.ErrTooLarge) {
					t.Errorf("the one that fails: %v", err)
				}
			})
		}
		release()
		wg.Wait()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	raw(t, filepath.Join(dir, bolt.File), func(tx *bbolt.Tx) error {
		tree := tx.Bucket([]byte("v1"))
		return tree.ForEachBucket(func(name []byte) error {
			return tree.Bucket(name).ForEach(func(key, value []byte) error {
				content = append(content, fmt.Sprintf("%s %q: %q", name, key, value))
				return nil
			})
		})
	})
	return content, runs
}

// reads are all methods that read, each of a seeded record at least.
var reads = map[string]func(context.Context, *bolt.DB) (any, error){
	"Servers": func(ctx context.Context, db *bolt.DB) (any, error) { return db.State().Servers(ctx) },
	"Tenants": func(ctx context.Context, db *bolt.DB) (any, error) { return db.State().Tenants(ctx) },
	"Claims":  func(ctx context.Context, db *bolt.DB) (any, error) { return db.State().Claims(ctx) },
	"Endings": func(ctx context.Context, db *bolt.DB) (any, error) { return db.State().Endings(ctx) },
	"SessionsSince": func(ctx context.Context, db *bolt.DB) (any, error) {
		return db.Index().SessionsSince(ctx, time.Time{}, "", 10)
	},
	"MeetingSessions": func(ctx context.Context, db *bolt.DB) (any, error) {
		return db.Index().MeetingSessions(ctx, "t", "h", 10)
	},
	"Recordings": func(ctx context.Context, db *bolt.DB) (any, error) {
		list, total, err := db.Index().Recordings(ctx, store.RecordingFilter{Tenant: "t"})
		if total != len(list) {
			return nil, fmt.Errorf("%d of %d", len(list), total)
		}
		return list, err
	},
	"Recordings by metadata": func(ctx context.Context, db *bolt.DB) (any, error) {
		list, _, err := db.Index().Recordings(ctx, store.RecordingFilter{Tenant: "t", Meta: []store.MetaMatch{{Key: "a", Value: "b"}}})
		return list, err
	},
	"ScanRecordings":  func(ctx context.Context, db *bolt.DB) (any, error) { return db.Index().ScanRecordings(ctx, "", 10) },
	"OwedRecordings":  func(ctx context.Context, db *bolt.DB) (any, error) { return db.Index().OwedRecordings(ctx) },
	"CountRecordings": func(ctx context.Context, db *bolt.DB) (any, error) { return db.Index().CountRecordings(ctx) },
	"Jobs":            func(ctx context.Context, db *bolt.DB) (any, error) { return db.Index().Jobs(ctx, store.JobFilter{}) },
	"Jobs by state": func(ctx context.Context, db *bolt.DB) (any, error) {
		return db.Index().Jobs(ctx, store.JobFilter{States: []store.JobState{store.JobWaiting}})
	},
	"Events":      func(ctx context.Context, db *bolt.DB) (any, error) { return db.Index().Events(ctx) },
	"Uses":        func(ctx context.Context, db *bolt.DB) (any, error) { return db.State().Uses(ctx) },
	"AdminTokens": func(ctx context.Context, db *bolt.DB) (any, error) { return db.Index().AdminTokens(ctx) },
	"Audits": func(ctx context.Context, db *bolt.DB) (any, error) {
		return db.Index().Audits(ctx, store.AuditFilter{Limit: 10})
	},
	"Usage": func(ctx context.Context, db *bolt.DB) (any, error) { return db.Index().Usage(ctx, store.UsageFilter{}) },
}

// ending is a context that ends once it was looked at so often.
type ending struct {
	context.Context

	left int
}

func (e *ending) Err() error {
	if e.left--; e.left < 0 {
		return context.Canceled
	}
	return nil
}

// Whenever a caller gives up on a list, in the middle of it as well, it gets that as an error, and never a part of the list
// for the whole.
func TestRoles_ReadsEnd(t *testing.T) {
	db := open(t, t.TempDir())
	seed(t, db)
	for name, read := range reads {
		whole, err := read(t.Context(), db)
		if err != nil || reflect.ValueOf(whole).Len() == 0 {
			t.Errorf("%s: %v, %v", name, whole, err)
		}
		ended := 0
		for left := range 20 {
			got, err := read(&ending{t.Context(), left}, db)
			switch {
			case errors.Is(err, context.Canceled):
				ended++
				if value := reflect.ValueOf(got); value.IsValid() && value.Len() > 0 {
					t.Errorf("%s: ended, and returns %v", name, got)
				}
			case err != nil || !reflect.DeepEqual(got, whole):
				t.Errorf("%s: after %d looks %v, %v", name, left, got, err)
			}
		}
		if ended < 2 || ended == 20 { // before it begins, and in the middle
			t.Errorf("%s: has ended %d times of 20", name, ended)
		}
	}
}

// A row that cannot be read is an error that says whose it is, to whoever lists it; it is not left out in silence. What is
// kept beside it is read as before.
func TestRoles_DamagedRow(t *testing.T) {
	for bucket, names := range map[string][]string{
		"servers": {"Servers"}, "tenants": {"Tenants"}, "claims": {"Claims"}, "endings": {"Endings"},
		"sessions":   {"SessionsSince", "MeetingSessions"},
		"recordings": {"Recordings", "Recordings by metadata", "ScanRecordings", "OwedRecordings"},
		"jobs":       {"Jobs", "Jobs by state"}, "events": {"Events"},
		"uses": {"Uses"}, "admin-tokens": {"AdminTokens"}, "audits": {"Audits"}, "usage": {"Usage"},
	} {
		dir := t.TempDir()
		db := open(t, dir)
		seed(t, db)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		raw(t, filepath.Join(dir, bolt.File), func(tx *bbolt.Tx) error {
			b := tx.Bucket([]byte("v1")).Bucket([]byte(bucket))
			key, _ := b.Cursor().First()
			return b.Put(key, []byte("{"))
		})
		db = open(t, dir)
		for name, read := range reads {
			got, err := read(t.Context(), db)
			damaged := slices.Contains(names, name)
			if damaged && (err == nil || !strings.Contains(err.Error(), strings.TrimSuffix(bucket, "s")) || reflect.ValueOf(got).Len() != 0) {
				t.Errorf("%s of damaged %s: %v, %v", name, bucket, got, err)
			}
			if !damaged && (err != nil || reflect.ValueOf(got).Len() == 0) {
				t.Errorf("%s beside damaged %s: %v, %v", name, bucket, got, err)
			}
		}
	}
}
