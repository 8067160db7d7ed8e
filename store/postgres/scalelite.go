package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// layout is what Scalelite's tables are like: older versions have fewer columns, and some that may be null.
type layout struct {
	tables    map[string]bool            // of those of Scalelite that are there
	columns   map[string]map[string]bool // by table
	sequences map[string]string          // that give the IDs, by table
}

// scaleliteTables are those that recordings stand in.
var scaleliteTables = []string{"recordings", "metadata", "playback_formats", "thumbnails"}

// complete tells whether recordings can be kept in it.
func (l *layout) complete() bool {
	for _, table := range scaleliteTables {
		if !l.tables[table] {
			return false
		}
	}
	return true
}

// protects tells whether recordings have a column that protects them, and republishes one for what people have published.
func (l *layout) protects() bool    { return l.columns["recordings"]["protected"] }
func (l *layout) republishes() bool { return l.columns["recordings"]["publish_updated"] }

// readLayout looks at what stands in the schema public.
func (t *txn) readLayout() (*layout, error) {
	l := &layout{tables: map[string]bool{}, columns: map[string]map[string]bool{}, sequences: map[string]string{}}
	err := t.list(func(rows pgx.Rows) error {
		var table, column, fallback string
		if err := rows.Scan(&table, &column, &fallback); err != nil {
			return err
		}
		if l.tables[table] = true; l.columns[table] == nil {
			l.columns[table] = map[string]bool{}
		}
		l.columns[table][column] = true
		if _, rest, ok := strings.Cut(fallback, "nextval('"); ok && column == "id" {
			l.sequences[table], _, _ = strings.Cut(rest, "'")
			if !strings.Contains(l.sequences[table], ".") {
				l.sequences[table] = "public." + l.sequences[table]
			}
		}
		return nil
	}, `SELECT table_name::text, column_name::text, COALESCE(column_default::text, '') FROM information_schema.columns
		WHERE table_schema = 'public' AND table_name = ANY($1::text[])`,
		append([]string{"callback_data", "schema_migrations", "ar_internal_metadata"}, scaleliteTables...))
	return l, err
}

// The tables as Rails would make them (scalelite's db/schema.rb, 20230627141045).
var scaleliteSQL = map[string]string{
	"recordings": `CREATE TABLE public.recordings (
		id bigserial PRIMARY KEY, record_id character varying, meeting_id character varying, name character varying,
		published boolean DEFAULT false NOT NULL, participants integer, state character varying,
		starttime timestamp without time zone, endtime timestamp without time zone, deleted_at timestamp without time zone,
		protected boolean DEFAULT false NOT NULL, publish_updated boolean DEFAULT false NOT NULL);
		CREATE INDEX index_recordings_on_meeting_id ON public.recordings USING btree (meeting_id);
		CREATE UNIQUE INDEX index_recordings_on_record_id ON public.recordings USING btree (record_id)`,
	"metadata": `CREATE TABLE public.metadata (
		id bigserial PRIMARY KEY, recording_id bigint, key character varying, value character varying);
		CREATE UNIQUE INDEX index_metadata_on_recording_id_and_key ON public.metadata USING btree (recording_id, key)`,
	"playback_formats": `CREATE TABLE public.playback_formats (
		id bigserial PRIMARY KEY, recording_id bigint, format character varying, url character varying, length integer,
		processing_time integer);
		CREATE UNIQUE INDEX index_playback_formats_on_recording_id_and_format
		ON public.playback_formats USING btree (recording_id, format)`,
	"thumbnails": `CREATE TABLE public.thumbnails (
		id bigserial PRIMARY KEY, playback_format_id bigint, width integer, height integer, alt character varying,
		url character varying, sequence integer);
		CREATE INDEX index_thumbnails_on_playback_format_id ON public.thumbnails USING btree (playback_format_id)`,
	"callback_data": `CREATE TABLE public.callback_data (
		id bigserial PRIMARY KEY, meeting_id character varying, recording_id integer, callback_attributes text,
		created_at timestamp(6) without time zone NOT NULL, updated_at timestamp(6) without time zone NOT NULL)`,
	"schema_migrations": `CREATE TABLE public.schema_migrations (version character varying NOT NULL PRIMARY KEY);
		INSERT INTO public.schema_migrations VALUES ('20230627141045'), ('20221111194252'), ('20210725200414'),
		('20210630205630'), ('20210425184558'), ('20181123180008')`,
	"ar_internal_metadata": `CREATE TABLE public.ar_internal_metadata (
		key character varying NOT NULL PRIMARY KEY, value character varying,
		created_at timestamp(6) without time zone NOT NULL, updated_at timestamp(6) without time zone NOT NULL);
		INSERT INTO public.ar_internal_metadata VALUES ('environment', 'production', now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC'),
		('schema_sha1', 'c275ed040a708f8f9548c6432d87ce4fc471f5f4', now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC')`,
}

// makeScalelite makes Scalelite's tables where there are none. Some of them without the others are somebody else's.
func (t *txn) makeScalelite() error {
	if t.db.layout.complete() {
		return t.smallIndexes()
	}
	for table := range t.db.layout.tables {
		if table != "schema_migrations" && table != "ar_internal_metadata" {
			return fmt.Errorf("there is a table public.%s, but not all of Scalelite's: this database is somebody else's", table)
		}
	}
	if t.db.layout.tables["schema_migrations"] {
		return fmt.Errorf("there is a table public.schema_migrations, but none of Scalelite's: this database is another program's")
	}
	all := append([]string{"callback_data", "schema_migrations", "ar_internal_metadata"}, scaleliteTables...)
	for _, table := range all {
		if t.db.layout.tables[table] {
			continue
		}
		if err := t.plan("make Scalelite's table "+table, scaleliteSQL[table]); err != nil {
			return err
		}
	}
	var err error
	if t.db.layout, err = t.readLayout(); err != nil {
		return err
	}
	return t.smallIndexes()
}

// index is one of ours on Scalelite's tables: what makes a page of many recordings quick. None of them takes more of a text
// than an index can hold, so none can make a write of Scalelite's fail.
type tableIndex struct{ name, table, on string }

var indexes = []tableIndex{
	{"bbbpool_recordings_newest", "recordings", `(starttime DESC NULLS LAST, (left(record_id, 200)) COLLATE "C")`},
	{"bbbpool_recordings_by_state", "recordings", `(state, starttime DESC NULLS LAST, (left(record_id, 200)) COLLATE "C")`},
	{"bbbpool_recordings_by_id", "recordings", `((left(record_id, 200)) COLLATE "C")`},
	{"bbbpool_recordings_withheld", "recordings", `(starttime DESC NULLS LAST) WHERE state = 'published' AND published IS NOT TRUE`},
	{"bbbpool_metadata_by_value", "metadata", `((left(key, 100)) COLLATE "C", (left(value, 200)) COLLATE "C", recording_id)`},
}

// small is how many rows a table has at most whose indexes are made at once.
const small = 20_000

// smallIndexes makes our indexes where that takes no time. The others are made beside the calls.
func (t *txn) smallIndexes() error {
	for _, i := range indexes {
		var there bool
		var rows int64
		err := t.QueryRow(t.ctx, `SELECT to_regclass('public.' || $1) IS NOT NULL,
			(SELECT count(*) FROM (SELECT FROM public.`+i.table+` LIMIT $2) x)`, i.name, int64(small+1)).Scan(&there, &rows)
		if err != nil {
			return ofDB(err)
		}
		if there || rows > small {
			continue
		}
		if err := t.plan("make the index "+i.name, "CREATE INDEX "+i.name+" ON public."+i.table+" "+i.on); err != nil {
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
	for _, i := range indexes {
		var valid, there bool
		err := conn.QueryRow(ctx, `SELECT COALESCE(bool_and(x.indisvalid), false), count(*) > 0 FROM pg_catalog.pg_index x
			WHERE x.indexrelid = to_regclass('public.' || $1)`, i.name).Scan(&valid, &there)
		if err != nil {
			return err
		}
		if valid {
			continue
		}
		statements := []string{`SET statement_timeout = 0`, `SET lock_timeout = '30s'`}
		if there {
			statements = append(statements, `DROP INDEX CONCURRENTLY IF EXISTS public.`+i.name)
		}
		statements = append(statements, `CREATE INDEX CONCURRENTLY `+i.name+` ON public.`+i.table+` `+i.on,
			`ANALYZE public.`+i.table, `RESET statement_timeout`, `RESET lock_timeout`)
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
		if err := db.recount(db.ended); err != nil && db.ended.Err() == nil {
			wait = time.Minute
		}
	}
}
