package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bbbpool/bbbpool/store/postgres/fault"
)

// steps take our schema from one version to the next, in a transaction when the database is opened. The rule for a change: a
// table or column that is there keeps its meaning for ever, and what is added must have a default, for older instances go on
// beside the younger ones, and write, until the schema is raised (raise.go). By store.Schema instances tell each other what they
// know: it rises with a step. What cannot be done like this, as a copy that older ones would leave behind, is not for a step but
// for RaiseSchema, and until then the younger version works on what stands. What a version has left is kept as a snapshot, which
// that version opens when the schemas are renamed.
var steps = []step{{"make its tables of records", `
CREATE TABLE bbbpool.rows (
	kind text COLLATE "C" NOT NULL, key bytea NOT NULL, value bytea NOT NULL, PRIMARY KEY (kind, key)
);
CREATE TABLE bbbpool.places (
	kind text COLLATE "C" NOT NULL, look smallint NOT NULL, place bytea NOT NULL, key bytea NOT NULL,
	PRIMARY KEY (kind, look, key)
);
CREATE INDEX places_in_order ON bbbpool.places (kind, look, substring(place from 1 for 2000));
CREATE TABLE bbbpool.counts (
	tenant text COLLATE "C" NOT NULL, state text COLLATE "C" NOT NULL, count bigint NOT NULL, bytes bigint NOT NULL,
	PRIMARY KEY (tenant, state)
);`}}

// step is one of steps.
type step struct{ what, sql string }

// Locks that all instances take, by numbers that nobody else is likely to use in this database.
const (
	lockSchema  = 0x6262_6270_6f6f_6c01 // while the schema is brought to today's
	lockGate    = 0x6262_6270_6f6f_6c02 // shared by all who write; alone for who writes a lot at once
	lockCounts  = 0x6262_6270_6f6f_6c03 // while recordings are counted again
	lockIndexes = 0x6262_6270_6f6f_6c04 // while an index is made
)

// setUp is the longest that bringing a schema to today's takes: the first start counts all recordings.
const setUp = 10 * time.Minute

// openTimeout is how long Open waits for a database to say what is in it.
const openTimeout = 10 * time.Second

// prepare brings our schema and, in an empty database, Scalelite's to today's, in one transaction: either all of it is there
// or nothing has changed.
func (db *DB) prepare(ctx context.Context) error {
	v, err := db.version(ctx)
	if err != nil {
		return err
	}
	if v.current(db.config.Shared) && db.layout.Complete() && !db.config.DryRun {
		return nil
	}
	long, cancel := context.WithTimeout(ctx, setUp)
	defer cancel()
	return db.once(long, pgx.TxOptions{}, func(t *txn) error {
		if err := t.patiently(lockSchema); err != nil {
			return err
		}
		if db.config.DryRun {
			if err := t.migrate(); err != nil {
				return err
			}
			return errDry
		}
		return t.migrate()
	})
}

// errDry takes back what a dry run has done.
var errDry = errors.New("a dry run")

// patiently gives the transaction time, and takes locks of all instances.
func (t *txn) patiently(locks ...int64) error {
	var b pgx.Batch
	for _, name := range []string{"statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"} {
		b.Queue("SELECT set_config($1, $2, true)", name, strconv.FormatInt(setUp.Milliseconds(), 10))
	}
	for _, lock := range locks {
		b.Queue("SELECT pg_advisory_xact_lock($1)", lock)
	}
	return t.send(&b)
}

// unhurried gives a transaction time, and takes no lock.
func (t *txn) unhurried() error { return t.patiently() }

// version reads what stands of ours, and what Scalelite's tables are like.
func (db *DB) version(ctx context.Context) (v version, err error) {
	own, cancel := context.WithTimeout(ctx, max(db.config.Longest(), openTimeout))
	defer cancel()
	err = db.once(own, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(t *txn) error {
		if err := t.patiently(); err != nil {
			return err
		}
		v, err = t.version()
		return err
	})
	return v, err
}

func (t *txn) version() (v version, err error) {
	if t.db.layout, err = t.readLayout(); err != nil {
		return v, err
	}
	return t.stands()
}

// plan notes what is done, and does it.
func (t *txn) plan(what, sql string) error {
	t.db.Plan = append(t.db.Plan, what)
	_, err := t.Exec(t.ctx, sql)
	if fault.CodeOf(err) == fault.CodeNoRight {
		return fmt.Errorf("%s: the database user has no right to do that (%s); as an administrator: GRANT CREATE ON DATABASE …, "+
			"GRANT CREATE, USAGE ON SCHEMA public TO its name", what, fault.Short(err))
	}
	return fault.OfDB(err)
}

// migrate does what is to be done of it. Another instance may have done all of it meanwhile. In a database that is shared the
// schema stays what it was: [DB.RaiseSchema] raises it, and keeps the snapshot.
func (t *txn) migrate() error {
	v, err := t.version()
	if err != nil {
		return err
	}
	if err := t.makeScalelite(); err != nil {
		return err
	}
	shared := t.db.config.Shared && v.schema > 0
	if v.current(shared) {
		return nil
	}
	if v.schema == 0 {
		err = t.plan("make the schema bbbpool", `CREATE SCHEMA IF NOT EXISTS bbbpool`)
		if err == nil {
			err = t.plan("make its table of versions", `CREATE TABLE bbbpool.meta (name text PRIMARY KEY, value text NOT NULL)`)
		}
	} else if !shared {
		err = t.snapshot(v.schema)
	}
	if err != nil {
		return err
	}
	return t.climb(v, shared)
}

// climb takes the steps that were not taken.
func (t *txn) climb(v version, shared bool) error {
	for i := v.steps; i < len(steps); i++ {
		if err := t.plan(steps[i].what, steps[i].sql); err != nil {
			return err
		}
		if err := t.put(metaSteps, i+1); err != nil {
			return err
		}
	}
	if shared {
		return nil
	}
	if err := t.put(metaSchema, len(steps)); err != nil || v.schema > 0 {
		return err
	}
	return t.countAgain()
}

// snapshot keeps what an older version has left, as it can open it.
func (t *txn) snapshot(version int) error {
	name := fmt.Sprintf("bbbpool_snapshot_%d", version)
	err := t.plan("keep the schema as "+name, fmt.Sprintf(`DROP SCHEMA IF EXISTS %[1]s CASCADE; CREATE SCHEMA %[1]s`, name))
	if err != nil {
		return err
	}
	var tables []string
	err = t.list(func(rows pgx.Rows) error {
		var table string
		err := rows.Scan(&table)
		tables = append(tables, pgx.Identifier{table}.Sanitize())
		return err
	}, `SELECT tablename::text FROM pg_catalog.pg_tables WHERE schemaname = 'bbbpool' ORDER BY 1`)
	for _, table := range tables {
		if err == nil {
			err = t.plan("keep "+table, fmt.Sprintf(
				`CREATE TABLE %[1]s.%[2]s (LIKE bbbpool.%[2]s INCLUDING ALL); INSERT INTO %[1]s.%[2]s SELECT * FROM bbbpool.%[2]s`,
				name, table))
		}
	}
	return err
}
