package bolt_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/bolt"
)

// A new schema is frozen once, before it ships: go test ./store/bolt -run Frozen -freeze testdata/v7.db.
var freeze = flag.String("freeze", "", "write a database of today's schema to this new file")

var frozenAt = time.Date(2026, 1, 5, 8, 0, 0, 125_000_001, time.UTC)

// frozen is what every frozen database holds, as far as its version knew of it.
var frozen = struct {
	server    store.Server
	tenant    store.Tenant
	claim     store.Claim
	session   store.Session
	recording store.Recording
}{
	store.Server{
		ID: "bbb1", URL: "https://bbb1.example.org/bigbluebutton/api", Secret: "s3cret", Checksum: "sha512",
		State: store.Draining, Weight: 1.5, Capacity: 300, Tag: "gpu", Created: frozenAt,
	},
	store.Tenant{ID: "default", Name: "Hochschule Ä", Secrets: []store.TenantSecret{
		{Name: "generated", Secret: "new", Created: frozenAt}, {Name: "generated-2", Secret: "\xffold", Created: frozenAt},
	}, Created: frozenAt},
	store.Claim{
		MeetingKey: store.MeetingKey{Tenant: "default", MeetingID: "room\x00 \xff/ä"}, Server: "bbb1",
		InternalID: "183f0bf3-1767600000125", CreateTime: 1767600000125, Placed: frozenAt,
		Expected: 12.5, Recorded: true,
	},
	store.Session{
		ID: "183f0bf3-1767500000000", Tenant: "default", Server: "bbb1", Start: frozenAt.Add(-2 * time.Hour),
		End: frozenAt.Add(-time.Hour), Peak: 31, Joins: 40, Reason: "ended", Recorded: true,
	},
	store.Recording{
		RecordID: "183f0bf3-1767500000000", Tenant: "default", MeetingID: "room\x00 \xff/ä", Name: "Algebra",
		State: store.Published, Start: frozenAt.Add(-2 * time.Hour), End: frozenAt.Add(-time.Hour),
		Participants: 31, Meta: map[string]string{"bbb-origin": "moodle"},
		Formats: []store.Format{{Type: "video", Path: "/playback/video/x/?a=b", Length: time.Hour, Size: 1 << 33}},
	},
}

// frozenSince2 is what those of schema 2 and later hold besides.
var frozenSince2 = struct {
	recording store.Recording
	job       store.Job
	token     string
}{
	store.Recording{
		RecordID: "7e0a\xff-1767500000001", Tenant: "other", MeetingID: "room\x00", Name: "Geo\xffmetrie",
		State: store.Unpublished, Protected: true, Start: frozenAt.Add(-3 * time.Hour), End: frozenAt.Add(-time.Hour),
		Participants: 7, RawSize: 1 << 34, Breakout: &store.Breakout{Parent: "\xfe-1", Sequence: 3, FreeJoin: true},
		BreakoutRooms: []string{"x-2", "\xfdx-1"},
		Meta: map[string]string{
			"bbb-origin": "moodle", "\xffodd": "\xff", "": "nameless", "zero\x00": "a\x00b",
			"description": strings.Repeat("lang ", 60) + "Ende",
		},
		Formats: []store.Format{{
			Type: "presentation", Path: "/playback/presentation/2.3/\xff", Length: time.Hour, ProcessingTime: time.Minute,
			Size: 1 << 33, Bytes: 1<<33 + 1, Images: []store.Image{{Width: 176, Height: 136, Alt: "\xffS. 1", Path: "/t.png"}},
		}, {Type: "video", Path: "/v", Bytes: 5}},
		Edits:  store.Edits{State: true, Protected: true, Meta: map[string]string{"gone": "", "\xfc": "\xfb"}},
		Server: "bbb1", Imported: frozenAt, Changed: frozenAt.Add(time.Minute),
		Owed: &store.Owed{
			Server: "bbb1", Ended: frozenAt.Add(-time.Hour), Step: store.OwedArrived, Since: frozenAt.Add(-time.Minute),
			Formats: []string{"notes", "\xff"},
		},
	},
	store.Job{
		ID: "7e0a\xff.tar", Path: "/spool/7e0a\xff.tar", Source: "spool", Keep: true, Tenant: "other", Server: "bbb1",
		SHA256: "e3b0c442", State: store.JobPlacing, Attempts: 2, Reason: "no room on \xff", Next: frozenAt.Add(time.Hour),
		Bytes: 1 << 33, Modified: frozenAt.Add(-time.Minute), Staging: "/library/.staging/\xff",
		Recordings: []string{"7e0a\xff-1767500000001", "x"}, Created: frozenAt, Changed: frozenAt.Add(time.Second),
	},
	"tok\xff\x00en",
}

var frozenWhy = store.Decision{
	Here: 120, Expected: 1.0 / 3, Kept: 40.5, Own: 12.34567890123, Basis: "history", Weight: 1.5, Next: "bbb1", NextAt: 2e-7,
}

// frozenSince3 is what those of schema 3 and later hold besides.
var frozenSince3 = struct {
	server   store.Server
	tenant   store.Tenant
	claim    store.Claim
	sessions []store.Session // newest first
	key      string
}{
	store.Server{
		ID: "bbb2", State: store.Enabled, Weight: 1, Capacity: 200, Hard: true, Created: frozenAt,
		Admitted: frozenAt.Add(time.Minute),
	},
	store.Tenant{ID: "other", Name: "Schule", Created: frozenAt, Tag: "g\xff", IgnoreHints: true},
	store.Claim{
		MeetingKey: store.MeetingKey{Tenant: "other", MeetingID: "room"}, Server: "bbb2", Placed: frozenAt, Hint: 90,
		Why: frozenWhy,
	},
	[]store.Session{{
		ID: "7e0a\xff-2", Tenant: "other", Server: "bbb2", Start: frozenAt.Add(-time.Minute), End: frozenAt, Peak: 7,
		Reason: "gone\xff", Meeting: "9f86d081884c7d659a2feaa0c55ad015", Hint: 90, Why: frozenWhy,
	}, {
		ID: "7e0a\xff-1", Tenant: "other", Server: "bbb2", Start: frozenAt.Add(-time.Hour), End: frozenAt,
		Meeting: "9f86d081884c7d659a2feaa0c55ad015", Why: store.Decision{Basis: "\xff", Next: "\xfe"},
	}},
	"\x00\xffkey",
}

// frozenSince4 is what those of schema 4 and later hold besides.
var frozenSince4 = struct {
	ending store.Ending
	events []store.Event
}{
	store.Ending{
		MeetingKey: store.MeetingKey{Tenant: "other", MeetingID: "room\x00 \xff"}, Server: "bbb2", InternalID: "7e0a\xff-1",
		Asked: frozenAt,
	},
	[]store.Event{{At: frozenAt, Kind: "offline", Text: "offline: \xff"}, {At: frozenAt, Kind: "online"}},
}

// frozenSince5 is what those of schema 5 and later hold besides.
var frozenSince5 = struct {
	server store.Server
	tenant store.Tenant
	claim  store.Claim
	ending store.Ending
	uses   map[store.Credential]time.Time
	token  store.AdminToken
	audits []store.Audit // newest first
	usage  []store.Usage

	recording store.Recording
}{
	store.Server{
		ID: "bbb3", State: store.Enabled, Weight: 1, Secret: "new", Created: frozenAt, Former: "\xffold",
		FormerUntil: frozenAt.Add(time.Hour), Switched: frozenAt.Add(time.Minute),
	},
	store.Tenant{
		ID: "uni", Name: "Universität \xff", Disabled: true, Created: frozenAt, Hosts: []string{"*.uni.example.edu", "\xff"},
		URL: "https://uni.example.edu/\xff", Secrets: []store.TenantSecret{
			{Name: "moodle\xff", Secret: "s3cret\xff", Created: frozenAt, Expires: frozenAt.Add(time.Hour)}, {Name: "bare"},
		},
		Scoped: true, Tag: "gpu", IgnoreHints: true, Params: []store.ParamRule{
			{Call: "create", Op: store.ParamCap, Name: "duration", Value: "60"}, {Call: "join", Op: store.ParamRemove, Name: "\xff"},
		},
		Limits: store.Limits{
			Meetings: 1, People: 2, MeetingPeople: 3, PerHour: 4, Duration: 5 * time.Hour, NoRecording: true,
			Tags: []string{"none", "g\xff"}, Requests: 0.1, Statuses: true,
		},
	},
	store.Claim{
		MeetingKey: store.MeetingKey{Tenant: "uni", MeetingID: "room"}, Server: "bbb3", Placed: frozenAt, Alias: "uni:\xff",
		Signer: "moodle\xff", Moderator: "mp\xff", Voice: "70001\xff",
	},
	store.Ending{
		MeetingKey: store.MeetingKey{Tenant: "uni", MeetingID: "room"}, Server: "bbb3", InternalID: "7e0a-5", Asked: frozenAt,
		Alias: "uni:\xff",
	},
	map[store.Credential]time.Time{
		{Kind: store.CredentialSecret, Tenant: "uni", Name: "moodle\xff"}: frozenAt,
		{Kind: store.CredentialToken, Name: "ci\x00"}:                     frozenAt.Add(time.Hour),
	},
	store.AdminToken{
		Name: "ci\xff", Hash: "e3b0c442", Scopes: []string{"read", "\xff"}, Tenant: "uni", Created: frozenAt,
		Expires: frozenAt.Add(time.Hour),
	},
	[]store.Audit{{
		ID: "b\x00\xff", At: frozenAt, Who: "token ci\xff", Via: "api", From: "192.0.2.1", Action: "set", Kind: "tenant", Object: "\xff",
		Tenant: "uni", Before: `{"name":"Ä"}`, After: "\xff",
	}, {ID: "a", At: frozenAt}},
	[]store.Usage{
		{Day: "2026-01-04", Tenant: "uni", Meetings: 3, Joins: 40, PeopleMins: 1200.0 / 7, PeakMeetings: 2, PeakPeople: 31, Recordings: 1, Bytes: 1 << 40},
		{Day: "2026-01-05", Tenant: "\xff", Joins: 1},
	},
	store.Recording{
		RecordID: "9c5e-1767500000005", Tenant: "uni", MeetingID: "uni_\xff", Name: "Statik", State: store.Published, Start: frozenAt,
		Meta: map[string]string{"bbb-origin": "moodle"}, Behind: "of another \xffuser", Claimed: "arts\xff", ClaimedID: "room\xff",
	},
}

// frozenSince6 is what those of schema 6 and later hold besides.
var frozenSince6 = struct {
	claim store.Claim
	wait  store.Wait
}{
	store.Claim{
		MeetingKey: store.MeetingKey{Tenant: "uni", MeetingID: "room 6"}, Server: "bbb3", Placed: frozenAt, Request: "c0ffee\xff",
		Breakout: true, Name: "Statik \xff",
	},
	store.Wait{ID: "0001\xff", Call: "session\xff", Data: []byte("\x00\xff{}")},
}

// Databases of every version that ever shipped open, with all that they hold in its place in every index.
func TestFrozen(t *testing.T) {
	if *freeze != "" {
		freezeTo(t, *freeze)
	}
	files, err := filepath.Glob("testdata/v*.db")
	if err != nil || len(files) == 0 {
		t.Fatal("no frozen databases", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, bolt.File), data, 0o600); err != nil {
				t.Fatal(err)
			}
			db := open(t, dir)
			version := filepath.Base(file)
			holdsFrozen(t, db, version)
			if version >= "v2" {
				holdsSince2(t, db, version >= "v5")
			}
			if version >= "v3" {
				holdsSince3(t, db)
			}
			holdsSince4(t, db, version >= "v4", version >= "v5")
			holdsSince5(t, db, version >= "v5")
			holdsSince6(t, db, version >= "v6")
			holdsSince7(t, db, version >= "v7")
		})
	}
}

func holds(t *testing.T, what string, got, want any, err error) {
	t.Helper()
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%s: error %v (-want +got):\n%s", what, err, diff)
	}
}

// holdsFrozen looks for what has been there from the first version on, beside what later ones have added to the same lists.
func holdsFrozen(t *testing.T, db *bolt.DB, version string) {
	t.Helper()
	ctx, all, added := t.Context(), frozen, frozenSince3
	servers, tenants := []store.Server{all.server}, []store.Tenant{all.tenant}
	claims, sessions := []store.Claim{all.claim}, []store.Session{all.session}
	if version >= "v3" {
		servers, tenants = append(servers, added.server), append(tenants, added.tenant)
		claims = append(claims, added.claim)
		sessions = append(sessions, added.sessions[1], added.sessions[0])
	}
	if version >= "v5" {
		servers, tenants = append(servers, frozenSince5.server), append(tenants, frozenSince5.tenant)
		claims = append(claims, frozenSince5.claim)
	}
	if version >= "v6" {
		claims = append(claims, frozenSince6.claim)
	}
	if version >= "v7" {
		tenants, claims = append(tenants, frozenSince7.tenant), append(claims, frozenSince7.claim)
		sessions = append(sessions, frozenSince7.session)
	}
	gotServers, err := db.State().Servers(ctx)
	holds(t, "servers", gotServers, servers, err)
	gotTenants, err := db.State().Tenants(ctx)
	holds(t, "tenants", gotTenants, tenants, err)
	gotClaims, err := db.State().Claims(ctx)
	holds(t, "claims", gotClaims, claims, err)
	gotSessions, err := db.Index().SessionsSince(ctx, frozen.session.End, "", 10)
	holds(t, "sessions", gotSessions, sessions, err)
	isFound(t, db, frozen.recording, "183f", store.MetaMatch{Key: "bbb-origin", Value: "moo%"})
}

func holdsSince2(t *testing.T, db *bolt.DB, more bool) {
	t.Helper()
	ctx, r := t.Context(), frozenSince2.recording
	for key, value := range r.Meta {
		isFound(t, db, r, "7e0a\xff", store.MetaMatch{Key: key, Value: value})
	}
	isFound(t, db, r, "7", store.MetaMatch{Key: "description", Value: "%Ende"})
	owed, err := db.Index().OwedRecordings(ctx)
	holds(t, "owed recordings", owed, []store.Recording{r}, err)
	counts, err := db.Index().CountRecordings(ctx)
	want := []store.RecordingCount{
		{Tenant: "default", State: store.Published, Count: 1},
		{Tenant: "other", State: store.Unpublished, Count: 1, Bytes: 1<<33 + 6},
	}
	if more {
		want = append(want, store.RecordingCount{Tenant: "uni", State: store.Published, Count: 1})
	}
	holds(t, "counts", counts, want, err)
	for _, f := range []store.JobFilter{{Limit: 1}, {States: []store.JobState{store.JobPlacing}}} {
		jobs, err := db.Index().Jobs(ctx, f)
		holds(t, "jobs", jobs, []store.Job{frozenSince2.job}, err)
	}
	if err := db.State().SpendToken(ctx, frozenSince2.token, frozenAt, frozenAt); !errors.Is(err, store.ErrExists) {
		t.Errorf("a spent token: %v", err)
	}
}

func holdsSince3(t *testing.T, db *bolt.DB) {
	t.Helper()
	first := frozenSince3.sessions[0]
	sessions, err := db.Index().MeetingSessions(t.Context(), first.Tenant, first.Meeting, 10)
	holds(t, "sessions of the meeting", sessions, frozenSince3.sessions, err)
	key, err := db.Index().Key(t.Context(), "k\xff", []byte("fresh"))
	holds(t, "key", string(key), frozenSince3.key, err)
}

// holdsSince4 looks for what schema 4 has added, and for nothing in those of before.
func holdsSince4(t *testing.T, db *bolt.DB, more, evenMore bool) {
	t.Helper()
	var endings []store.Ending
	events := map[string][]store.Event{}
	if more {
		endings, events["bbb1"] = append(endings, frozenSince4.ending), frozenSince4.events
	}
	if evenMore {
		endings = append(endings, frozenSince5.ending)
	}
	gotEndings, err := db.State().Endings(t.Context())
	holds(t, "endings", gotEndings, endings, err)
	gotEvents, err := db.Index().Events(t.Context())
	holds(t, "events", gotEvents, events, err)
}

// holdsSince5 looks for what schema 5 has added, and for nothing in those of before.
func holdsSince5(t *testing.T, db *bolt.DB, more bool) {
	t.Helper()
	all := frozenSince5
	uses, tokens, audits, usage := map[store.Credential]time.Time{}, []store.AdminToken(nil), []store.Audit(nil), []store.Usage(nil)
	if more {
		uses, tokens, audits, usage = all.uses, []store.AdminToken{all.token}, all.audits, all.usage
	}
	gotUses, err := db.State().Uses(t.Context())
	holds(t, "uses", gotUses, uses, err)
	gotTokens, err := db.Index().AdminTokens(t.Context())
	holds(t, "tokens", gotTokens, tokens, err)
	gotAudits, err := db.Index().Audits(t.Context(), store.AuditFilter{Limit: 10})
	holds(t, "audit log", gotAudits, audits, err)
	gotUsage, err := db.Index().Usage(t.Context(), store.UsageFilter{})
	holds(t, "usage", gotUsage, usage, err)
	if more {
		isFound(t, db, all.recording, "9", store.MetaMatch{Key: "bbb-origin", Value: "moodle"})
	}
}

// holdsSince6 looks for what schema 6 has added, and for nothing in those of before.
func holdsSince6(t *testing.T, db *bolt.DB, more bool) {
	t.Helper()
	var waiting []store.Wait
	if more {
		waiting = append(waiting, frozenSince6.wait)
	}
	got, err := db.State().Waiting(t.Context(), 10)
	holds(t, "what waits", got, waiting, err)
}

// isFound looks for the only recording of a tenant in every index.
func isFound(t *testing.T, db *bolt.DB, r store.Recording, prefix string, m store.MetaMatch) {
	t.Helper()
	for _, f := range []store.RecordingFilter{
		{},
		{States: []store.RecordingState{r.State}},
		{RecordIDs: []string{prefix}},
		{MeetingIDs: []string{r.MeetingID}},
		{Meta: []store.MetaMatch{m}},
		{Meta: []store.MetaMatch{m}, RecordIDs: []string{prefix}},
	} {
		f.Tenant = r.Tenant
		recordings, total, err := db.Index().Recordings(t.Context(), f)
		holds(t, fmt.Sprintf("recordings by %+v", f), recordings, []store.Recording{r}, err)
		holds(t, "total", total, 1, nil)
	}
}

// freezeTo never replaces a file: what has shipped has shipped.
func freezeTo(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Stat(path); err == nil {
		t.Fatalf("%s is frozen already", path)
	}
	dir, ctx := t.TempDir(), t.Context()
	db := open(t, dir)
	_, tenantErr := db.State().CreateTenant(ctx, frozen.tenant)
	_, claimErr := db.State().CreateClaim(ctx, frozen.claim)
	_, commitErr := db.Index().Commit(ctx, frozenSince2.job, []string{frozenSince2.recording.RecordID}, func(r *store.Recording) error {
		*r = frozenSince2.recording
		return nil
	})
	_, tenantErr3 := db.State().CreateTenant(ctx, frozenSince3.tenant)
	_, claimErr3 := db.State().CreateClaim(ctx, frozenSince3.claim)
	_, keyErr := db.Index().Key(ctx, "k\xff", []byte(frozenSince3.key))
	for _, s := range frozenSince3.sessions {
		keyErr = errors.Join(keyErr, db.Index().AddSession(ctx, s))
	}
	for _, err := range []error{
		freeze5(t, db), freeze6(t, db), freeze7(t, db), commitErr, tenantErr3, claimErr3, keyErr, db.State().AddEndings(ctx, frozenSince4.ending), db.Index().KeepEvents(ctx, "bbb1", frozenSince4.events),
		db.State().CreateServer(ctx, frozenSince3.server), db.State().SpendToken(ctx, frozenSince2.token, frozenAt, frozenAt.Add(time.Hour)),
		db.State().CreateServer(ctx, frozen.server), tenantErr, claimErr, db.Index().AddSession(ctx, frozen.session),
		db.Index().CreateRecording(ctx, frozen.recording), db.Close(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	compact(t, filepath.Join(dir, bolt.File), path)
}

// freeze5 writes what schema 5 has added.
func freeze5(t *testing.T, db *bolt.DB) error {
	t.Helper()
	ctx, all, state, index := t.Context(), frozenSince5, db.State(), db.Index()
	_, tenantErr := state.CreateTenant(ctx, all.tenant)
	_, claimErr := state.CreateClaim(ctx, all.claim)
	err := errors.Join(
		tenantErr, claimErr, state.CreateServer(ctx, all.server), state.AddEndings(ctx, all.ending), state.NoteUses(ctx, all.uses),
		index.CreateAdminToken(ctx, all.token), index.AddUsage(ctx, all.usage...),
		index.CreateRecording(ctx, all.recording),
	)
	for _, a := range all.audits {
		err = errors.Join(err, index.AddAudit(ctx, a))
	}
	return err
}

// freeze6 writes what schema 6 has added.
func freeze6(t *testing.T, db *bolt.DB) error {
	t.Helper()
	_, claimErr := db.State().CreateClaim(t.Context(), frozenSince6.claim)
	return errors.Join(claimErr, db.State().AddWaiting(t.Context(), frozenSince6.wait))
}

func compact(t *testing.T, from, to string) {
	t.Helper()
	src, err := bbolt.Open(from, 0o600, &bbolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = src.Close() }()
	dst, err := bbolt.Open(to, 0o600, &bbolt.Options{PageSize: 4096})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = dst.Close() }()
	if err := bbolt.Compact(dst, src, 0); err != nil {
		t.Fatal(err)
	}
}
