package postgres_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/postgres"
	"github.com/bbbpool/bbbpool/store/storetest/daemon"
)

// A database that is away when it is opened is taken up as soon as it is there: its schema is raised before anything else is
// asked, it is looked at by whoever has opened it, and a newer one is refused and never written.
func TestOpenLate(t *testing.T) {
	server := daemon.NewPostgres(t)
	t.Cleanup(server.Remove)
	config := postgres.Config{URL: store.Secret(server.URL(t))}
	must(t, open(t, config).Close())
	server.Kill()
	back := postgres.WithStep("ALTER TABLE bbbpool.rows ADD COLUMN later text")
	admitted := make(chan error, 1)
	raised, err := postgres.OpenLate(t.Context(), config, postgres.Late{Admit: func(ctx context.Context, db *postgres.DB) error {
		_, err := db.Index().Events(ctx)
		admitted <- err
		return err
	}})
	must(t, err)
	i := raised.Index()
	for what, err := range map[string]error{
		"read": drop1(i.Session(t.Context(), "x")), "write": i.AddAudit(t.Context(), store.Audit{ID: "x"}),
		"page": drop2(i.Recordings(t.Context(), store.RecordingFilter{AllTenants: true, Limit: 1})),
		"dump": i.Dump(t.Context(), func(store.Row) error { return nil }),
	} {
		if !errors.Is(err, store.ErrAway) {
			t.Errorf("%s while it is away: %v", what, err)
		}
	}
	server.Start(t)
	must(t, <-admitted)
	for err := store.ErrAway; errors.Is(err, store.ErrAway); time.Sleep(time.Millisecond) {
		err = i.AddAudit(t.Context(), store.Audit{ID: "after"})
	}
	if len(raised.Plan) == 0 {
		t.Error("the schema was not raised")
	}
	must(t, raised.Close())
	server.Kill()
	back()

	refused := make(chan error, 1)
	older, err := postgres.OpenLate(t.Context(), config, postgres.Late{Refused: func(err error) { refused <- err }})
	must(t, err)
	t.Cleanup(func() { _ = older.Close() })
	server.Start(t)
	if err := <-refused; !errors.Is(err, store.ErrNewerSchema) {
		t.Errorf("refused: %v", err)
	}
	if err := older.Index().AddAudit(t.Context(), store.Audit{ID: "never"}); !errors.Is(err, store.ErrAway) {
		t.Errorf("written to a newer schema: %v", err)
	}
}

func drop1[T any](_ T, err error) error { return err }

func drop2[T, U any](_ T, _ U, err error) error { return err }
