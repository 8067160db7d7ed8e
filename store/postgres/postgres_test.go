package postgres_test

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/postgres"
	"github.com/bbbpool/bbbpool/store/storetest"
	"github.com/bbbpool/bbbpool/store/storetest/daemon"
)

var servers daemon.Servers

func TestMain(m *testing.M) { os.Exit(servers.Main(m)) }

// open opens a database, which the test need not close.
func open(t testing.TB, c postgres.Config) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestIndex(t *testing.T) {
	used := emptied{server: servers.Postgres(t)}
	storetest.RunIndex(t, func(t *testing.T) store.Index {
		return open(t, postgres.Config{URL: store.Secret(used.url(t))}).Index()
	})
}

// emptied are databases that were used before, and are empty again but for the schema: to make one takes longer than most cases.
type emptied struct {
	server *daemon.Postgres
	free   []string
}

// url is the address of one that nobody else has until the end of the test. One that a test has failed with is not used again.
func (e *emptied) url(t *testing.T) (url string) {
	t.Helper()
	if n := len(e.free); n > 0 {
		url, e.free = e.free[n-1], e.free[:n-1]
	} else {
		url = e.server.URL(t)
	}
	t.Cleanup(func() {
		if t.Failed() {
			return
		}
		if err := empty(context.WithoutCancel(t.Context()), url); err != nil {
			t.Error(err)
			return
		}
		e.free = append(e.free, url)
	})
	return url
}

// empty removes all that is in the tables, whatever refers to what.
func empty(ctx context.Context, url string) (err error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	_, err = conn.Exec(ctx, `SET session_replication_role = replica; DO $$ DECLARE t record; BEGIN
		FOR t IN SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('public', 'bbbpool')
			AND tablename NOT IN ('meta', 'schema_migrations', 'ar_internal_metadata') LOOP
			EXECUTE format('DELETE FROM %I.%I', t.schemaname, t.tablename);
		END LOOP;
		DELETE FROM bbbpool.meta WHERE name <> 'schema';
	END $$`)
	return err
}
