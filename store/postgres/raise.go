package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/postgres/fault"
)

// This file has how versions of bbbpool stand beside each other in one database. There are two numbers: how many of our steps
// were taken, and the schema, which refuses those versions that know less. A step only adds, so that older versions go on
// without it; the schema is theirs until nobody needs it any more.

// version is what stands in the database; nothing where we have made nothing.
type version struct{ schema, steps int }

// The names of the two in our table of versions. Databases without the second have it as large as the first.
const (
	metaSchema = "schema"
	metaSteps  = "steps"
)

// current tells whether nothing is to be done when the database is opened. Where it is shared the schema is raised later.
func (v version) current(shared bool) bool {
	return v.steps >= len(steps) && (shared || v.schema >= len(steps))
}

// stands reads what stands.
func (t *txn) stands() (v version, err error) {
	var there bool
	if err := t.QueryRow(t.ctx, "SELECT to_regclass('bbbpool.meta') IS NOT NULL").Scan(&there); err != nil {
		return v, fault.OfDB(err)
	}
	if !there {
		return v, nil
	}
	err = t.QueryRow(t.ctx, `SELECT value::int, COALESCE((SELECT value::int FROM bbbpool.meta WHERE name = $2), value::int)
		FROM bbbpool.meta WHERE name = $1`, metaSchema, metaSteps).Scan(&v.schema, &v.steps)
	switch pg, ok := errors.AsType[*pgconn.PgError](err); {
	case errors.Is(err, pgx.ErrNoRows), ok && !fault.Away(pg.Code):
		return v, fmt.Errorf("the schema bbbpool is not one of ours, or damaged: %s", fault.Short(err))
	case err != nil:
		return v, fault.OfDB(err)
	}
	if v.schema > len(steps) {
		return v, fmt.Errorf("%w: the schema bbbpool is at %d, this version knows up to %d: start the newer version, or put the "+
			"snapshot bbbpool_snapshot_%d in its place (ALTER SCHEMA … RENAME TO bbbpool)", store.ErrNewerSchema, v.schema,
			len(steps), len(steps))
	}
	return v, nil
}

// put writes one of the two.
func (t *txn) put(name string, n int) error {
	_, err := t.Exec(t.ctx, `INSERT INTO bbbpool.meta VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
		name, strconv.Itoa(n))
	return fault.OfDB(err)
}

// RaiseSchema has older versions refused from now on, for all that share the database know what this one knows. What they would
// open is kept as a snapshot. It does nothing where that was done.
func (db *DB) RaiseSchema(ctx context.Context) error {
	const op = "raise the schema"
	raised := false
	err := db.read(ctx, op, func(t *txn) error {
		v, err := t.stands()
		raised = v.schema >= len(steps)
		return err
	})
	if err != nil || raised {
		return err
	}
	long, cancel := context.WithTimeout(ctx, setUp)
	defer cancel()
	return fault.Wrap(ctx, op, db.once(long, pgx.TxOptions{IsoLevel: pgx.RepeatableRead}, func(t *txn) error {
		if err := t.patiently(lockSchema); err != nil {
			return err
		}
		v, err := t.stands()
		if err != nil || v.schema >= len(steps) {
			return err
		}
		if err := t.snapshot(v.schema); err != nil {
			return err
		}
		return t.put(metaSchema, len(steps))
	}))
}
