package assembly_test

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/bbbpool/bbbpool/store"
)

// The schema of what instances share is raised by the one that leads, in both databases, and by no other.
func TestInstances_Schema(t *testing.T) {
	t.Parallel()
	c := several(t, 2)
	conn, err := pgx.Connect(t.Context(), c.stores.DatabaseURL.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	stands := func() (schema int) {
		t.Helper()
		if err := conn.QueryRow(t.Context(), "SELECT value::int FROM bbbpool.meta WHERE name = 'schema'").Scan(&schema); err != nil {
			t.Fatal(err)
		}
		return schema
	}
	today := stands()
	leader, followers := c.leader()
	if err := followers[0].Stores.RaiseSchema(t.Context()); !errors.Is(err, store.ErrFenced) {
		t.Errorf("by a follower: %v", err)
	}
	if _, err := conn.Exec(t.Context(), "UPDATE bbbpool.meta SET value = '0' WHERE name = 'schema'"); err != nil {
		t.Fatal(err)
	}
	if err := leader.Stores.RaiseSchema(t.Context()); err != nil || stands() != today {
		t.Errorf("by the leader: %d, want %d; %v", stands(), today, err)
	}
}
