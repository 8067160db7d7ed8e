package bolt_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/bolt"
)

// A new schema is frozen once, before it ships: go test ./store/bolt -run Frozen -freeze testdata/v2.db.
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
	store.Tenant{ID: "default", Name: "Hochschule Ä", Secrets: []store.Secret{"new", "\xffold"}, Created: frozenAt},
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
		State: "published", Published: true, Start: frozenAt.Add(-2 * time.Hour), End: frozenAt.Add(-time.Hour),
		Participants: 31, Meta: map[string]string{"bbb-origin": "moodle"},
		Formats: []store.Format{{Type: "video", Path: "/playback/video/x/?a=b", Length: time.Hour, Size: 1 << 33}},
	},
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
			holdsFrozen(t, open(t, dir))
		})
	}
}

func holdsFrozen(t *testing.T, db *bolt.DB) {
	t.Helper()
	ctx := t.Context()
	holds := func(what string, got, want any, err error) {
		t.Helper()
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: error %v (-want +got):\n%s", what, err, diff)
		}
	}
	servers, err := db.Servers(ctx)
	holds("servers", servers, []store.Server{frozen.server}, err)
	tenants, err := db.Tenants(ctx)
	holds("tenants", tenants, []store.Tenant{frozen.tenant}, err)
	claims, err := db.Claims(ctx)
	holds("claims", claims, []store.Claim{frozen.claim}, err)
	sessions, err := db.SessionsSince(ctx, frozen.session.End, 10)
	holds("sessions", sessions, []store.Session{frozen.session}, err)
	for _, f := range []store.RecordingFilter{
		{},
		{States: []string{"published"}},
		{RecordIDs: []string{"183f"}},
		{MeetingIDs: []string{frozen.recording.MeetingID}},
	} {
		f.Tenant = "default"
		recordings, _, err := db.Recordings(ctx, f)
		holds("recordings", recordings, []store.Recording{frozen.recording}, err)
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
	_, tenantErr := db.CreateTenant(ctx, frozen.tenant)
	_, claimErr := db.CreateClaim(ctx, frozen.claim)
	for _, err := range []error{
		db.CreateServer(ctx, frozen.server), tenantErr, claimErr, db.AddSession(ctx, frozen.session),
		db.CreateRecording(ctx, frozen.recording), db.Close(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	compact(t, filepath.Join(dir, bolt.File), path)
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
