package postgres_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/postgres"
)

// Where instances share the database, a younger version takes its steps beside an older one, which goes on, and may be started again,
// until all that are there know the younger schema and it is raised. Then the older one is refused, with the way back.
func TestRaiseSchema(t *testing.T) {
	url := servers.Postgres(t).URL(t)
	config := postgres.Config{URL: store.Secret(url), Shared: true}
	audits := func(db *postgres.DB) (ids []string) {
		t.Helper()
		list, err := db.Index().Audits(t.Context(), store.AuditFilter{Limit: 10})
		must(t, err)
		for _, one := range list {
			ids = append(ids, one.ID)
		}
		slices.Sort(ids)
		return ids
	}
	write := func(db *postgres.DB, id string) {
		t.Helper()
		must(t, db.Index().AddAudit(t.Context(), store.Audit{ID: id}))
		must(t, db.Index().CreateRecording(t.Context(), store.Recording{RecordID: id, Tenant: "t"}))
	}
	old := open(t, config)
	write(old, "a")
	must(t, old.RaiseSchema(t.Context()))
	younger := func(do func()) {
		defer postgres.WithStep("ALTER TABLE bbbpool.rows ADD COLUMN later text NOT NULL DEFAULT ''; CREATE TABLE bbbpool.more (id text)")()
		do()
	}
	var young *postgres.DB
	younger(func() { young = open(t, config) })
	if plan := strings.Join(young.Plan, "; "); !strings.Contains(plan, "a step of a test") || strings.Contains(plan, "snapshot") {
		t.Errorf("done when it was opened: %s", plan)
	}
	run(t, url, "SELECT later FROM bbbpool.rows")
	write(young, "b")
	write(old, "c")
	again := open(t, config) // the older one, started again
	write(again, "d")
	must(t, again.RaiseSchema(t.Context())) // to what it knows, which stands
	if got := audits(again); !slices.Equal(got, []string{"a", "b", "c", "d"}) {
		t.Errorf("the older one has %q", got)
	}
	younger(func() {
		if plan := open(t, config).Plan; len(plan) > 0 {
			t.Errorf("done twice: %q", plan)
		}
		must(t, young.RaiseSchema(t.Context()))
		must(t, young.RaiseSchema(t.Context()))
		if got := audits(open(t, config)); !slices.Equal(got, []string{"a", "b", "c", "d"}) {
			t.Errorf("the younger one has %q", got)
		}
	})
	write(old, "e") // what runs is not cut off
	if _, err := postgres.Open(t.Context(), config); !errors.Is(err, store.ErrNewerSchema) || !strings.Contains(err.Error(), "bbbpool_snapshot_1") {
		t.Errorf("an older one after it was raised: %v", err)
	}
	run(t, url, "ALTER SCHEMA bbbpool RENAME TO newer; ALTER SCHEMA bbbpool_snapshot_1 RENAME TO bbbpool")
	back := open(t, config)
	if got := audits(back); !slices.Equal(got, []string{"a", "b", "c", "d"}) {
		t.Errorf("in the snapshot: %q", got)
	}
	write(back, "f")
	younger(func() {
		must(t, open(t, config).RaiseSchema(t.Context()))
		alone := config
		alone.Shared = false
		if got := audits(open(t, alone)); !slices.Equal(got, []string{"a", "b", "c", "d", "f"}) {
			t.Errorf("after a walk back and there again: %q", got)
		}
	})
}
