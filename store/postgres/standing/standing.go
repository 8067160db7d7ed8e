package standing

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/postgres/fault"
	"github.com/bbbpool/bbbpool/store/postgres/rails"
	"github.com/bbbpool/bbbpool/store/rows"
)

// The look-ups of recordings in places.
const (
	Owed  = iota // those of which a server owes something
	Owned        // 8 bytes: how many its files have; then whose it is, as text
	Alone        // those that stand in our table only
	Kept         // deleted ones of which we have the metadata, and Scalelite has none
)

// Recording is what there is of a recording.
type Recording struct {
	*shown // nil where it does not stand in Scalelite's tables
	how    part
	own    *store.Recording // what our row has; nil for none
	Record store.Recording  // both together
}

// There tells whether the recording is there: our row without Scalelite's is what is left of one that Scalelite has lost.
func (s *Recording) There() bool {
	return s != nil && (s.shown != nil || s.own != nil && s.how == alone)
}

// Shown tells whether it stands in Scalelite's tables.
func (s *Recording) Shown() bool { return s.shown != nil }

// Hidden tells whether a look at Scalelite's tables does not find it, by its metadata or by anything.
func (s *Recording) Hidden(byMeta bool) bool { return s.shown == nil || byMeta && len(s.meta) == 0 }

var errRow = errors.New("our row of the recording cannot be read")

// readOwn reads our row of a recording.
func (s *Recording) readOwn(key, value []byte) error {
	if len(value) < 1 {
		return fmt.Errorf("%w: %.100q", errRow, key)
	}
	r, err := rows.Recordings.Decode(key, value[1:])
	s.how, s.own = part(value[0]), &r
	return err
}

// Selection names recordings.
type Selection struct {
	where, ids string
	arg        any
	keys       [][]byte // of our rows
}

// ByID names them by their IDs.
func ByID(recordIDs []string) Selection {
	s := Selection{
		where: "r.record_id = ANY($1::text[])", ids: "ARRAY(SELECT x.id FROM public.recordings x WHERE x.record_id = ANY($1::text[]))",
		arg: recordIDs,
	}
	for _, id := range recordIDs {
		s.keys = append(s.keys, []byte(id))
	}
	return s
}

// gathering puts together what several queries find of recordings.
type gathering struct {
	found    map[string]*Recording
	numbered map[int64]*Recording
	formats  map[int64][2]int64 // the number of the recording, and its place there
}

// Queue queues what reads recordings. With lock nobody else changes Scalelite's rows of them until the end. What is returned
// tells what was found, once the batch was sent.
func Queue(b *pgx.Batch, l *Layout, s Selection, lock bool) (found func() map[string]*Recording) {
	g := newGathering()
	sql := l.selectRecordings() + s.where
	if lock {
		sql += " ORDER BY r.id FOR UPDATE"
	}
	queue := func(fn func(pgx.Rows) error, sql string, arg any) {
		b.Queue(sql, arg).Query(func(rows pgx.Rows) error { return Walk(rows, fn) })
	}
	queue(g.recordingRow, sql, s.arg)
	queue(g.metaRow, `SELECT m.recording_id, COALESCE(m.key, ''), COALESCE(m.value, '') FROM public.metadata m
		WHERE m.recording_id = ANY(`+s.ids+`)`, s.arg)
	queue(g.formatRow, `SELECT f.id, f.recording_id, COALESCE(f.format, ''), COALESCE(f.url, ''), COALESCE(f.length, 0)
		FROM public.playback_formats f WHERE f.recording_id = ANY(`+s.ids+`) ORDER BY f.format COLLATE "C", f.id`, s.arg)
	queue(g.imageRow, `SELECT i.playback_format_id, COALESCE(i.width, 0), COALESCE(i.height, 0), COALESCE(i.alt, ''),
		COALESCE(i.url, '') FROM public.thumbnails i WHERE i.playback_format_id = ANY(ARRAY(SELECT f.id FROM public.playback_formats f
			WHERE f.recording_id = ANY(`+s.ids+`))) ORDER BY i.sequence, i.id`, s.arg)
	queue(g.ownRow, `SELECT key, value FROM bbbpool.rows WHERE kind = 'recordings' AND key = ANY($1::bytea[])`, s.keys)
	return func() map[string]*Recording {
		for id, s := range g.found {
			s.Record = merge(id, s.shown, s.how, s.own)
		}
		return g.found
	}
}

// selectRecordings asks for the columns that there are.
func (l *Layout) selectRecordings() string {
	return `SELECT r.id, r.record_id, COALESCE(r.meeting_id, ''), COALESCE(r.name, ''), COALESCE(r.state, ''), ` +
		l.Flag("published") + ", " + l.Flag("protected") + ", " + l.Flag("publish_updated") +
		`, COALESCE(r.participants, 0), r.starttime, r.endtime FROM public.recordings r WHERE r.record_id IS NOT NULL AND `
}

func (g *gathering) recordingRow(rows pgx.Rows) error {
	s := &Recording{shown: &shown{meta: map[string]string{}}}
	var id string
	var start, end pgtype.Timestamp
	err := rows.Scan(&s.id, &id, &s.meetingID, &s.name, &s.state, &s.published, &s.protected, &s.republished, &s.participants,
		&start, &end)
	g.place(id, s, start, end)
	return err
}

// place puts a recording among those that were found. One that Scalelite has imported unpublished is called published there,
// and not published.
func (g *gathering) place(id string, s *Recording, start, end pgtype.Timestamp) {
	if s.state == string(store.Published) && !s.published {
		s.state = string(store.Unpublished)
	}
	if start.InfinityModifier == pgtype.Finite {
		s.start = start.Time
	}
	if end.InfinityModifier == pgtype.Finite {
		s.end = end.Time
	}
	g.found[id], g.numbered[s.id] = s, s
}

func (g *gathering) metaRow(rows pgx.Rows) error {
	var id int64
	var key, value string
	err := rows.Scan(&id, &key, &value)
	g.tell(id, key, value)
	return err
}

// tell notes a row of metadata. A recording that is not there has come meanwhile.
func (g *gathering) tell(id int64, key, value string) {
	switch s := g.numbered[id]; {
	case s == nil:
	case key == tenantKey:
		s.tenant, s.owned = value, true
	default:
		s.meta[key] = value
	}
}

func (g *gathering) formatRow(rows pgx.Rows) error {
	var id int64
	var f shownFormat
	err := rows.Scan(&f.id, &id, &f.format, &f.path, &f.minutes)
	g.format(id, f)
	return err
}

func (g *gathering) format(id int64, f shownFormat) {
	if s := g.numbered[id]; s != nil {
		g.formats[f.id] = [2]int64{id, int64(len(s.formats))}
		s.formats = append(s.formats, f)
	}
}

func (g *gathering) imageRow(rows pgx.Rows) error {
	var id int64
	var i shownImage
	err := rows.Scan(&id, &i.width, &i.height, &i.alt, &i.path)
	if at, ok := g.formats[id]; ok {
		f := &g.numbered[at[0]].formats[at[1]]
		f.images = append(f.images, i)
	}
	return err
}

func (g *gathering) ownRow(rows pgx.Rows) error {
	var key, value []byte
	if err := rows.Scan(&key, &value); err != nil {
		return err
	}
	if err := g.ours(key, value); err != nil {
		return fault.Ours{Err: err}
	}
	return nil
}

// ours notes our row of a recording.
func (g *gathering) ours(key, value []byte) error {
	s := g.found[string(key)]
	if s == nil {
		s = &Recording{}
		g.found[string(key)] = s
	}
	return s.readOwn(key, value)
}

// ownRow is our row of a recording, of which whole is the row that has all of it: the least that, together with what Scalelite
// has, is all of it.
func (l *Layout) ownRow(r store.Recording, whole []byte) (store.Row, [][]byte, error) {
	row := store.Row{Kind: rows.Recordings.Kind, Key: []byte(r.RecordID)}
	look := lookRecording(r)
	if !stands(r) {
		row.Value = append([]byte{byte(alone)}, whole...)
		return row, look, nil
	}
	for _, how := range []part{rest, kept} {
		value, err := rows.Recordings.Encode(l.strip(r, how))
		if err != nil {
			return row, nil, err
		}
		own, err := rows.Recordings.Decode(row.Key, value)
		if err != nil {
			return row, nil, err
		}
		s := show(r)
		again, err := rows.Recordings.Encode(merge(r.RecordID, &s, how, &own))
		if err == nil && bytes.Equal(again, whole) {
			row.Value = append([]byte{byte(how)}, value...)
			return row, look, nil
		}
	}
	return row, nil, fmt.Errorf("the recording %.100q cannot be kept as it is", r.RecordID)
}

// lookRecording is what a recording is found by in our tables, beside what it is found by in Scalelite's.
func lookRecording(r store.Recording) [][]byte {
	key := []byte(r.RecordID)
	size := binary.BigEndian.AppendUint64(nil, uint64(Size(r)))
	look := [][]byte{nil, append(size, rails.ToText(r.Tenant)...), nil, nil}
	if r.Owed != nil {
		look[Owed] = key
	}
	switch {
	case !stands(r):
		look[Alone] = key
	case r.State == store.Deleted && len(r.Meta) > 0:
		look[Kept] = key
	}
	return look
}

// Size is how many bytes a recording has in the library.
func Size(r store.Recording) (n int64) {
	for _, f := range r.Formats {
		n += f.Bytes
	}
	return n
}

// InOrder are the recordings that are there, in the order of the IDs, as records.
func InOrder(found map[string]*Recording) (list []store.Recording) {
	for _, id := range slices.Sorted(maps.Keys(found)) {
		if found[id].There() {
			list = append(list, found[id].Record)
		}
	}
	return list
}
