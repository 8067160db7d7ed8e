package bolt_test

import (
	"errors"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/bolt"
)

// frozenSince7 is what those of schema 7 and later hold besides.
var frozenSince7 = struct {
	tenant   store.Tenant
	claim    store.Claim
	session  store.Session
	callback store.Callback
	hook     store.Hook
	analysis store.Analysis
	job      store.Job
}{
	store.Tenant{
		ID: "zwei", Callbacks: store.TenantCallbacks{Names: []string{"x\xff"}, Algorithm: "HS512", Insecure: true, Analytics: true},
		LRS: store.LRS{
			Endpoint: "https://lrs\xff", User: "u", Password: "p\xff", TokenURL: "https://kc", ClientID: "c", ClientSecret: "cs",
			TokenUser: "tu", TokenPassword: "tp",
		},
	},
	store.Claim{
		MeetingKey: store.MeetingKey{Tenant: "zwei", MeetingID: "room 7"}, Server: "bbb3", Placed: frozenAt, Marks: "true",
		Back: frozenBack, Unmade: "video\xff",
	},
	store.Session{
		ID: "183f0bf3-1767700000000", Tenant: "zwei", Server: "bbb1", Start: frozenAt, End: frozenAt.Add(time.Hour), Reason: "lost",
		Meeting: "m7", Signer: "moodle\xff", Back: frozenBack,
	},
	store.Callback{
		ID: "c0ffee\xff", Kind: store.CallbackEnd, Tenant: "zwei", MeetingID: "room 7\xff", Subject: "183f0bf3-1", URL: "https://x/?a&b",
		Hook: "h", Signer: "moodle", Body: []byte("\x00\xff"), Marks: "true", Reason: "lost", Created: frozenAt,
		Due: frozenAt.Add(1), Until: frozenAt.Add(2), State: store.CallbackDead, Attempts: 3, Tried: []string{"old\xff"},
		Outcome: "503", Changed: frozenAt.Add(3),
	},
	store.Hook{
		ID: "5e1f\xff", Tenant: "zwei", URL: "https://x/\xff", MeetingID: "room 7", Events: []string{"user-joined", "\xff"}, Raw: true,
		Signer: "moodle", Created: frozenAt,
	},
	store.Analysis{ID: "183f0bf3-9\xff", Tenant: "zwei", MeetingID: "room 7\xff", At: frozenAt, Body: []byte("{}\xff")},
	store.Job{ID: "notify.tar", State: store.JobDone, Notify: true},
}

var frozenBack = &store.Back{
	Ended: "https://moodle/ended?x=\xff&y", Meta: []store.MetaField{{Name: store.MetaEnd, Value: "https://moodle/\xff"}, {Name: "x"}},
}

// freeze7 writes what schema 7 has added.
func freeze7(t *testing.T, db *bolt.DB) error {
	t.Helper()
	ctx, all, index := t.Context(), frozenSince7, db.Index()
	_, tenantErr := db.State().CreateTenant(ctx, all.tenant)
	_, claimErr := db.State().CreateClaim(ctx, all.claim)
	_, jobErr := index.UpdateJob(ctx, all.job.ID, func(j *store.Job) error { *j = all.job; return nil })
	return errors.Join(
		tenantErr, claimErr, jobErr, index.AddSession(ctx, all.session), index.AddCallbacks(ctx, all.callback),
		index.CreateHook(ctx, all.hook), index.KeepAnalysis(ctx, all.analysis),
	)
}

// holdsSince7 looks for what schema 7 has added, or for nothing.
func holdsSince7(t *testing.T, db *bolt.DB, is bool) {
	t.Helper()
	ctx, all, index := t.Context(), frozenSince7, db.Index()
	var callbacks []store.Callback
	var hooks []store.Hook
	var analytics []store.Analysis
	if is {
		callbacks, hooks, analytics = []store.Callback{all.callback}, []store.Hook{all.hook}, []store.Analysis{all.analysis}
	}
	got, err := index.Callbacks(ctx, store.CallbackFilter{States: []store.CallbackState{store.CallbackDead}})
	holds(t, "callbacks", got, callbacks, err)
	job, err := index.Job(ctx, all.job.ID)
	if is {
		holds(t, "job", job, all.job, err)
	}
	gotHooks, err := index.Hooks(ctx)
	holds(t, "hooks", gotHooks, hooks, err)
	gotAnalytics, err := index.Analytics(ctx, all.analysis.Tenant, all.analysis.MeetingID, 10)
	holds(t, "analytics", gotAnalytics, analytics, err)
}
