package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/bbbpool/bbbpool/store/postgres/fault"
	"github.com/bbbpool/bbbpool/store/postgres/rails"
)

// oldest is the oldest version of PostgreSQL that is known to do.
const oldest = 120000

// Report is what a check has found.
type Report struct {
	Version  string   // of the server
	Faults   []string // why a pool cannot use the database
	Warnings []string // what is not as it should be
}

// Check looks whether a pool can use the database: its version, its encoding, the rights of its user, and whether it can be
// written. It changes nothing.
func (db *DB) Check(ctx context.Context) (r Report, err error) {
	err = db.run(ctx, "check the database", pgx.TxOptions{}, func(t *txn) error {
		r = Report{}
		return t.check(&r)
	})
	return r, err
}

func (t *txn) check(r *Report) error {
	var number, open, most int
	var encoding, readOnly, sync string
	var replica, schema, public, create bool
	err := t.QueryRow(t.ctx, `SELECT current_setting('server_version_num')::int, current_setting('server_version'),
		current_setting('server_encoding'), current_setting('default_transaction_read_only'), current_setting('synchronous_commit'),
		pg_is_in_recovery(), COALESCE(has_schema_privilege(to_regnamespace('bbbpool'), 'USAGE, CREATE'), false),
		has_schema_privilege('public', 'USAGE'), has_database_privilege(current_database(), 'CREATE'),
		(SELECT count(*)::int FROM pg_stat_activity), current_setting('max_connections')::int`).Scan(
		&number, &r.Version, &encoding, &readOnly, &sync, &replica, &schema, &public, &create, &open, &most)
	if err != nil {
		return fault.OfDB(err)
	}
	fault := func(is bool, format string, args ...any) {
		if is {
			r.Faults = append(r.Faults, fmt.Sprintf(format, args...))
		}
	}
	fault(number < oldest, "PostgreSQL %s is too old: 12 is the oldest that does", r.Version)
	fault(encoding != "UTF8", "its encoding is %s: only UTF8 takes all names", encoding)
	fault(replica || readOnly == "on", "it can only be read: it is a standby, or default_transaction_read_only is on")
	fault(!schema && !create, "its user may not make the schema bbbpool: GRANT CREATE ON DATABASE … TO its name")
	fault(!public, "its user may not use the schema public: GRANT USAGE ON SCHEMA public TO its name")
	if sync == "off" {
		r.Warnings = append(r.Warnings, "synchronous_commit is off: a crash of the server loses what was acknowledged last")
	}
	if spare := most - open; spare < int(t.db.pool.Config().MaxConns) {
		r.Warnings = append(r.Warnings, fmt.Sprintf(
			"%d of %d connections are left, and each instance wants up to %d: raise max_connections, or lower pool in DATABASE_URL",
			max(0, spare), most, t.db.pool.Config().MaxConns))
	}
	return t.checkTables(r)
}

// checkTables looks at the rights on what is there already.
func (t *txn) checkTables(r *Report) error {
	var missing, indexes []string
	err := t.QueryRow(t.ctx, `SELECT ARRAY(SELECT c.oid::regclass::text FROM pg_catalog.pg_class c
			JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND (n.nspname = 'bbbpool'
			OR n.nspname = 'public' AND c.relname = ANY($1::text[]))
			AND NOT has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE') ORDER BY 1),
		ARRAY(SELECT i.name FROM unnest($2::text[]) AS i(name) WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_index x
			WHERE x.indexrelid = to_regclass('public.' || i.name) AND x.indisvalid))`,
		rails.Tables, indexNames()).Scan(&missing, &indexes)
	if err != nil {
		return fault.OfDB(err)
	}
	if len(missing) > 0 {
		r.Faults = append(r.Faults, "its user may not read and write "+strings.Join(missing, ", ")+": GRANT ALL ON … TO its name")
	}
	if len(indexes) > 0 {
		r.Warnings = append(r.Warnings, "indexes that make pages quick are missing: "+strings.Join(indexes, ", ")+
			": a pool makes them while it serves, as the owner of the tables")
	}
	return nil
}

func indexNames() (names []string) {
	for _, i := range rails.Indexes {
		names = append(names, i.Name)
	}
	return names
}
