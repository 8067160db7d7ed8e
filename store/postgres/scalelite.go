package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bbbpool/bbbpool/store/postgres/fault"
	"github.com/bbbpool/bbbpool/store/postgres/rails"
	"github.com/bbbpool/bbbpool/store/postgres/standing"
)

// readLayout looks at what stands in the schema public.
func (t *txn) readLayout() (*standing.Layout, error) {
	l := &standing.Layout{Layout: rails.Layout{
		Tables: map[string]bool{}, Columns: map[string]map[string]bool{}, Sequences: map[string]string{},
	}}
	err := t.list(func(rows pgx.Rows) error {
		var table, column, fallback string
		if err := rows.Scan(&table, &column, &fallback); err != nil {
			return err
		}
		if l.Tables[table] = true; l.Columns[table] == nil {
			l.Columns[table] = map[string]bool{}
		}
		l.Columns[table][column] = true
		if _, rest, ok := strings.Cut(fallback, "nextval('"); ok && column == "id" {
			l.Sequences[table], _, _ = strings.Cut(rest, "'")
			if !strings.Contains(l.Sequences[table], ".") {
				l.Sequences[table] = "public." + l.Sequences[table]
			}
		}
		return nil
	}, `SELECT table_name::text, column_name::text, COALESCE(column_default::text, '') FROM information_schema.columns
		WHERE table_schema = 'public' AND table_name = ANY($1::text[])`,
		append([]string{"callback_data", "schema_migrations", "ar_internal_metadata"}, rails.Tables...))
	return l, err
}

// makeScalelite makes Scalelite's tables where there are none. Some of them without the others are somebody else's.
func (t *txn) makeScalelite() error {
	if t.db.layout.Complete() {
		return t.smallIndexes()
	}
	for table := range t.db.layout.Tables {
		if table != "schema_migrations" && table != "ar_internal_metadata" {
			return fmt.Errorf("there is a table public.%s, but not all of Scalelite's: this database is somebody else's", table)
		}
	}
	if t.db.layout.Tables["schema_migrations"] {
		return fmt.Errorf("there is a table public.schema_migrations, but none of Scalelite's: this database is another program's")
	}
	if err := t.elsewhere(); err != nil {
		return err
	}
	all := append([]string{"callback_data", "schema_migrations", "ar_internal_metadata"}, rails.Tables...)
	for _, table := range all {
		if t.db.layout.Tables[table] {
			continue
		}
		if err := t.plan("make Scalelite's table "+table, rails.Make[table]); err != nil {
			return err
		}
	}
	var err error
	if t.db.layout, err = t.readLayout(); err != nil {
		return err
	}
	return t.smallIndexes()
}

// elsewhere refuses Scalelite's tables in another schema, where Rails finds them by a search path: a pool that made its own in
// public would begin anew, and say nothing of it.
func (t *txn) elsewhere() error {
	var schema string
	err := t.QueryRow(t.ctx, `SELECT COALESCE((SELECT n.nspname::text FROM pg_catalog.pg_class c
		JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r', 'p') AND c.relname = ANY($1::text[]) AND n.nspname <> 'public'
		GROUP BY n.nspname HAVING count(*) = cardinality($1::text[]) ORDER BY 1 LIMIT 1), '')`, rails.Tables).Scan(&schema)
	if err != nil || schema == "" {
		return fault.OfDB(err)
	}
	return fmt.Errorf("the tables of Scalelite stand in the schema %.63q, and only public is looked at: move all of them there "+
		"(ALTER TABLE … SET SCHEMA public), or drop those that nobody needs any more", schema)
}

// small is how many rows a table has at most whose indexes are made at once.
const small = 20_000

// smallIndexes makes our indexes where that takes no time. The others are made beside the calls.
func (t *txn) smallIndexes() error {
	for _, i := range rails.Indexes {
		var there bool
		var rows int64
		err := t.QueryRow(t.ctx, `SELECT to_regclass('public.' || $1) IS NOT NULL,
			(SELECT count(*) FROM (SELECT FROM public.`+i.Table+` LIMIT $2) x)`, i.Name, int64(small+1)).Scan(&there, &rows)
		if err != nil {
			return fault.OfDB(err)
		}
		if there || rows > small {
			continue
		}
		if err := t.plan("make the index "+i.Name, "CREATE INDEX "+i.Name+" ON public."+i.Table+" "+i.On); err != nil {
			return err
		}
	}
	return nil
}

// largeIndexes makes those of our indexes that are missing, one after the other, while all goes on. It returns whether all
// are there. One that a crash has left unfinished is made again.
func (db *DB) largeIndexes(ctx context.Context) error {
	conn, err := db.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	var locked bool
	if err := conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1)`, int64(lockIndexes)).Scan(&locked); err != nil || !locked {
		return err
	}
	defer func() {
		_, _ = conn.Exec(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1)`, int64(lockIndexes))
	}()
	for _, i := range rails.Indexes {
		var valid, there bool
		err := conn.QueryRow(ctx, `SELECT COALESCE(bool_and(x.indisvalid), false), count(*) > 0 FROM pg_catalog.pg_index x
			WHERE x.indexrelid = to_regclass('public.' || $1)`, i.Name).Scan(&valid, &there)
		if err != nil {
			return err
		}
		if valid {
			continue
		}
		statements := []string{`SET statement_timeout = 0`, `SET lock_timeout = '30s'`}
		if there {
			statements = append(statements, `DROP INDEX CONCURRENTLY IF EXISTS public.`+i.Name)
		}
		statements = append(statements, `CREATE INDEX CONCURRENTLY `+i.Name+` ON public.`+i.Table+` `+i.On,
			`ANALYZE public.`+i.Table, `RESET statement_timeout`, `RESET lock_timeout`)
		for _, sql := range statements {
			if _, err := conn.Exec(ctx, sql, pgx.QueryExecModeSimpleProtocol); err != nil {
				_ = conn.Conn().Close(context.WithoutCancel(ctx)) // its settings are not for others
				return err
			}
		}
	}
	return nil
}

// every is how often recordings are counted again: a count lags what others have changed by no more than twice that.
const every = 4 * time.Minute

// maintain makes the indexes, and counts again from time to time.
func (db *DB) maintain() {
	wait := time.Duration(0)
	for {
		select {
		case <-db.ended.Done():
			return
		case <-time.After(wait):
		}
		wait = every
		if err := db.largeIndexes(db.ended); err != nil && db.ended.Err() == nil {
			wait = time.Minute
		}
		if _, err := db.recount(db.ended); err != nil && db.ended.Err() == nil {
			wait = time.Minute
		}
	}
}
