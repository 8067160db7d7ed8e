// Package postgres keeps the large group of records, [store.Index], in a PostgreSQL database: recordings in the tables that
// Scalelite has for them, and everything else in a schema of its own beside them. It knows no Redis, and never puts a column,
// a constraint or a trigger on a table that is not its own.
//
// # Our schema
//
// All tables are named with their schema, never found by a search path. Rows are those of package rows.
//
//	bbbpool.meta(name, value)               the version of the schema, and how many of our steps were taken
//	bbbpool.rows(kind, key, value)          one row for each record; of recordings, what Scalelite has no place for
//	bbbpool.places(kind, look, place, key)  what records are found by, in the order of the bytes: [rows.Codec.Look]
//	bbbpool.counts(tenant, state, …)        how many recordings there are
//
// # Recordings
//
// What stands in public.recordings, metadata, playback_formats and thumbnails is the truth and is asked each time, so that
// what others change there holds at once. Our row beside it has the rest, and what the columns cannot say exactly: it counts
// for as long as the column says what we have written there. Only what was changed is written. A recording that nobody may
// see yet (awaited) stands in our row alone.
//
// Every call has a deadline. A database that is away is told by [store.ErrAway]; conflicts are tried again.
package postgres
