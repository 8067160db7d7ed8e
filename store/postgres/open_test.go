package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/postgres"
)

// What Rails understands in DATABASE_URL is understood, and what is wrong is told without the password.
func TestConfig(t *testing.T) {
	for _, c := range []struct {
		url, host, database string
		notes               int
		wrong               string
	}{
		{"postgres://u:s3cret@db.example.org:5433/scalelite?pool=5&sslmode=disable", "db.example.org", "scalelite", 0, ""},
		{"postgresql://u:s3cret@db/scalelite?prepared_statements=false", "db", "scalelite", 0, ""},
		{"postgres://u@/scalelite?host=/var/run/postgresql&connect_timeout=2", "/var/run/postgresql", "scalelite", 0, ""},
		{"postgres://db/x?encoding=unicode&timeout=5000&checkout_timeout=5&variables[statement_timeout]=1", "db", "x", 4, ""},
		{"postgres://db/x?pool_max_conns=3&pool=7", "db", "x", 0, ""},
		{"postgres://u:s3cret@db", "db", "scalelite", 0, ""},
		{"postgresql://u:s3cret@db:5433/?pool=5", "db", "scalelite", 0, ""},
		{"postgresql:///?host=/run/postgresql&username=u", "/run/postgresql", "scalelite", 0, ""},
		{"postgresql://db?database=other", "db", "other", 0, ""},
		{"postgresql://u:s3cret@%2Frun%2fpostgresql/pool", "/run/postgresql", "pool", 0, ""},
		{"postgresql://%2Frun%2Fpostgresql:5433", "/run/postgresql", "scalelite", 0, ""},
		{"postgres://db/x?keepalives=1&keepalives_idle=30&gssencmode=disable", "db", "x", 3, ""},
		{"", "", "", 0, "DATABASE_URL"},
		{"mysql2://u:s3cret@db/x", "", "", 0, "postgres://"},
		{"postgres://u:s3cret@db:port/x", "", "", 0, "URL"},
		{"postgres://u:s3cret%zz@db/x", "", "", 0, "URL"},
		{"postgres://u:s3cret@db/x?pool=many", "", "", 0, "pool"},
		{"postgres://u:s3cret@db/x?pool=0", "", "", 0, "pool"},
		{"postgres://u:s3cret@db/x?sslmode=s3cret", "", "", 0, "DATABASE_URL"},
		{"postgres://u:s3cret@db/x?sslrootcert=/nowhere/s3cret&sslmode=verify-full", "", "", 0, "DATABASE_URL"},
	} {
		config := postgres.Config{URL: store.Secret(c.url)}
		s, err := config.Parse()
		switch {
		case c.wrong == "" && err != nil:
			t.Errorf("%s: %v", c.url, err)
		case c.wrong == "":
			if s.Host != c.host || s.Database != c.database || len(s.Notes) != c.notes {
				t.Errorf("%s: %s %s %q", c.url, s.Host, s.Database, s.Notes)
			}
		case err == nil || !strings.Contains(err.Error(), c.wrong) || strings.Contains(err.Error(), "u:s3cret"):
			t.Errorf("%s: %v", c.url, err)
		}
	}
}

// Where a pooler stands before the database, all goes on without prepared statements.
func TestUnprepared(t *testing.T) {
	db := open(t, postgres.Config{URL: store.Secret(servers.Postgres(t).URL(t) + "?prepared_statements=false")})
	i, r := db.Index(), store.Recording{
		RecordID: "r", Tenant: "t", MeetingID: "m\xff", Name: "Ä", State: store.Published, Start: time.UnixMilli(1_767_600_000_125).UTC(),
		Meta: map[string]string{"a": "1"}, Formats: []store.Format{{Type: "video", Images: []store.Image{{Width: 1, Height: -2, Path: "/p"}}}},
	}
	must(t, i.CreateRecording(t.Context(), r))
	page, total, err := i.Recordings(t.Context(), store.RecordingFilter{
		Tenant: "t", MeetingIDs: []string{"m\xff"}, States: []store.RecordingState{store.Published}, Limit: 10,
	})
	if diff := cmp.Diff([]store.Recording{r}, page, cmpopts.EquateEmpty()); diff != "" || total != 1 || err != nil {
		t.Errorf("%d, %v (-want +got):\n%s", total, err, diff)
	}
}

// Where Rails has Scalelite's tables in another schema, no new ones are made beside them without a word.
func TestOpen_Elsewhere(t *testing.T) {
	url, move := filled(t), ""
	for _, table := range []string{
		"recordings", "metadata", "playback_formats", "thumbnails", "callback_data", "schema_migrations", "ar_internal_metadata",
	} {
		move += "ALTER TABLE public." + table + " SET SCHEMA rails;"
	}
	run(t, url, "CREATE SCHEMA rails;"+move)
	before := []string{"", "?schema_search_path=rails,public", "?search_path=rails"}
	for _, more := range before {
		db, err := postgres.Open(t.Context(), postgres.Config{URL: store.Secret(url + more)})
		if err == nil || !strings.Contains(err.Error(), `"rails"`) || !strings.Contains(err.Error(), "SET SCHEMA public") {
			t.Errorf("%s: %v", more, err)
		}
		if err == nil {
			must(t, db.Close())
		}
	}
	run(t, url, `DO $$ BEGIN IF to_regclass('public.recordings') IS NOT NULL OR to_regnamespace('bbbpool') IS NOT NULL THEN
		RAISE 'something was made'; END IF; END $$`)
	run(t, url, strings.NewReplacer("public.", "rails.", "SCHEMA rails", "SCHEMA public").Replace(move)+
		"CREATE TABLE rails.recordings (LIKE public.recordings)") // one of them is no Scalelite
	open(t, postgres.Config{URL: store.Secret(url)})
}

// Several instances may start at once on an empty database; a dry run says what would be done and does nothing.
func TestOpen_Several(t *testing.T) {
	url := servers.Postgres(t).URL(t)
	dry := open(t, postgres.Config{URL: store.Secret(url), DryRun: true})
	if plan := strings.Join(dry.Plan, "; "); !strings.Contains(plan, "schema bbbpool") || !strings.Contains(plan, "recordings") {
		t.Errorf("plan: %s", plan)
	}
	must(t, dry.Close())
	run(t, url, `DO $$ BEGIN IF to_regclass('public.recordings') IS NOT NULL OR to_regnamespace('bbbpool') IS NOT NULL THEN
		RAISE 'a dry run has made something'; END IF; END $$`)
	var wg sync.WaitGroup
	for n := range 4 {
		wg.Go(func() {
			db, err := postgres.Open(t.Context(), postgres.Config{URL: store.Secret(url)})
			if err != nil {
				t.Errorf("open: %v", err)
				return
			}
			if err := db.Index().CreateRecording(t.Context(), store.Recording{RecordID: fmt.Sprint(n), Tenant: "t"}); err != nil {
				t.Errorf("create: %v", err)
			}
			_ = db.Close()
		})
	}
	wg.Wait()
	db := open(t, postgres.Config{URL: store.Secret(url)})
	if len(db.Plan) > 0 {
		t.Errorf("done again: %q", db.Plan)
	}
	counts, err := db.Index().CountRecordings(t.Context())
	if err != nil || len(counts) != 1 || counts[0].Count != 4 {
		t.Errorf("counts %v, %v", counts, err)
	}
	report, err := db.Check(t.Context())
	if err != nil || len(report.Faults) > 0 {
		t.Errorf("check: %+v, %v", report, err)
	}
}

// A schema that is older is raised after a snapshot was kept, which the version before opens again; a newer one is refused.
func TestOpen_Versions(t *testing.T) {
	url := servers.Postgres(t).URL(t)
	config := postgres.Config{URL: store.Secret(url)}
	db := open(t, config)
	must(t, db.Index().AddAudit(t.Context(), store.Audit{ID: "before"}))
	must(t, db.Close())
	func() {
		defer postgres.WithStep("ALTER TABLE bbbpool.rows ADD COLUMN later text; SELECT 1/(SELECT 0 FROM bbbpool.meta LIMIT 1)")()
		if _, err := postgres.Open(t.Context(), config); err == nil {
			t.Error("a step that fails is passed over")
		}
	}()
	db = open(t, config) // nothing of the step stands
	must(t, db.Close())
	func() {
		defer postgres.WithStep("ALTER TABLE bbbpool.rows ADD COLUMN later text")()
		newer := open(t, config)
		if plan := strings.Join(newer.Plan, "; "); !strings.Contains(plan, "bbbpool_snapshot_1") || !strings.Contains(plan, "a step of a test") {
			t.Errorf("plan: %s", plan)
		}
		must(t, newer.Index().AddAudit(t.Context(), store.Audit{ID: "after"}))
		must(t, newer.Close())
	}()
	_, err := postgres.Open(t.Context(), config)
	if !errors.Is(err, store.ErrNewerSchema) || !strings.Contains(err.Error(), "bbbpool_snapshot_1") {
		t.Errorf("a newer schema: %v", err)
	}
	run(t, url, "ALTER SCHEMA bbbpool RENAME TO newer; ALTER SCHEMA bbbpool_snapshot_1 RENAME TO bbbpool")
	list, err := open(t, config).Index().Audits(t.Context(), store.AuditFilter{Limit: 10})
	if err != nil || len(list) != 1 || list[0].ID != "before" {
		t.Errorf("in the snapshot: %v, %v", list, err)
	}
}

// What is not Scalelite's, or may not be written, is left alone, and it is said what to do.
func TestOpen_Refused(t *testing.T) {
	for _, c := range []struct{ sql, want string }{
		{"CREATE TABLE public.recordings (id int)", "somebody else's"},
		{"CREATE TABLE public.schema_migrations (version text)", "another program's"},
	} {
		url := servers.Postgres(t).URL(t)
		run(t, url, c.sql)
		if _, err := postgres.Open(t.Context(), postgres.Config{URL: store.Secret(url)}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.sql, err)
		}
	}
	url := servers.Postgres(t).URL(t)
	run(t, url, "CREATE ROLE weak LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC")
	_, err := postgres.Open(t.Context(), postgres.Config{URL: store.Secret(strings.Replace(url, "postgres@", "weak@", 1))})
	if err == nil || !strings.Contains(err.Error(), "GRANT") {
		t.Errorf("without rights: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, err = postgres.Open(ctx, postgres.Config{URL: "postgres://u:s3cret@127.0.0.1:1/x"})
	if !errors.Is(err, store.ErrAway) || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("nobody there: %v", err)
	}
}
