// Package rails says what Scalelite's tables are like, as Ruby on Rails has made them in its versions: their columns, their
// text, and our Indexes on them. It never asks a database.
package rails

import (
	"encoding/hex"
	"strings"
	"unicode/utf8"
)

// Layout is what Scalelite's tables are like: older versions have fewer columns, and some that may be null.
type Layout struct {
	Tables    map[string]bool            // of those of Scalelite that are there
	Columns   map[string]map[string]bool // by table
	Sequences map[string]string          // that give the IDs, by table
}

// Tables are those that recordings stand in.
var Tables = []string{"recordings", "metadata", "playback_formats", "thumbnails"}

// Complete tells whether recordings can be kept in it.
func (l *Layout) Complete() bool {
	for _, table := range Tables {
		if !l.Tables[table] {
			return false
		}
	}
	return true
}

// Protects tells whether recordings have a column that protects them.
func (l *Layout) Protects() bool { return l.Columns["recordings"]["protected"] }

// Republishes tells whether they have one for what people have published.
func (l *Layout) Republishes() bool { return l.Columns["recordings"]["publish_updated"] }

// Make are the tables as Rails would make them (scalelite's db/schema.rb, 20230627141045).
var Make = map[string]string{
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
		INSERT INTO public.ar_internal_metadata SELECT v.key, v.value, now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC' FROM
		(VALUES ('environment', 'production'), ('schema_sha1', 'c275ed040a708f8f9548c6432d87ce4fc471f5f4')) AS v(key, value)`,
}

// Unstored tells whether Scalelite leaves out a piece of a recording's metadata: what its own columns say, or nobody asks for.
func Unstored(key string) bool {
	return key == "isBreakout" || key == "meetingId" || key == "meetingName"
}

// Index is one of ours on Scalelite's tables: what makes a page of many recordings quick. None of them takes more of a text
// than an index can hold, so none can make a write of Scalelite's fail.
type Index struct{ Name, Table, On string }

// Indexes are all of ours on tables of Scalelite's.
var Indexes = []Index{
	{"bbbpool_recordings_newest", "recordings", `(starttime DESC NULLS LAST, (left(record_id, 200)) COLLATE "C")`},
	{"bbbpool_recordings_by_state", "recordings", `(state, starttime DESC NULLS LAST, (left(record_id, 200)) COLLATE "C")`},
	{"bbbpool_recordings_by_id", "recordings", `((left(record_id, 200)) COLLATE "C")`},
	{"bbbpool_recordings_withheld", "recordings", `(starttime DESC NULLS LAST) WHERE state = 'published' AND published IS NOT TRUE`},
	{"bbbpool_metadata_by_value", "metadata", `((left(key, 100)) COLLATE "C", (left(value, 200)) COLLATE "C", recording_id)`},
}

// bytesMark begins a text that stands for bytes which no text can hold, in hexadecimal digits. Nobody else writes it; a text
// that happens to begin so is written that way itself.
const bytesMark = "bbbpool-bytes:"

// ToText makes a text of any bytes.
func ToText(s string) string {
	if utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 && !strings.HasPrefix(s, bytesMark) {
		return s
	}
	return bytesMark + hex.EncodeToString([]byte(s))
}

// FromText is what ToText has made a text of.
func FromText(s string) string {
	if digits, ok := strings.CutPrefix(s, bytesMark); ok {
		if b, err := hex.DecodeString(digits); err == nil {
			return string(b)
		}
	}
	return s
}

// IsText tells whether a column of text can hold it.
func IsText(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// Flag is a column that may be null, or missing.
func (l *Layout) Flag(column string) string {
	if !l.Columns["recordings"][column] {
		return "false"
	}
	return "COALESCE(r." + column + ", false)"
}
