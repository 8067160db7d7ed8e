package postgres

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/postgres/fault"
)

// A page is read by one statement, in one round trip and as of one moment: which recordings are on it, and the rows that all
// tables have of them, one below the other. What a line is of stands in its first column.
const (
	ofPage = iota
	ofRecording
	ofMetadata
	ofFormat
	ofImage
	ofOurs
)

// line is a row of any of these tables.
type line struct {
	of              int16
	id, n, m        int64
	a, b, c, d      string
	start, end      pgtype.Timestamp
	published, x, y bool
	value           []byte
}

// wholePage is the statement that reads what a question finds.
func (l *layout) wholePage(question string) string {
	protected, republished := l.Flag("protected"), l.Flag("publish_updated")
	none := ", NULL::timestamp, NULL::timestamp, false, false, false, NULL::bytea"
	return `WITH p AS MATERIALIZED (SELECT q.id, q.record_id, q.total, row_number() OVER () AS place FROM (` + question + `) q)
SELECT 0::int2, COALESCE(p.id, 0), p.place, p.total::int8, p.record_id::text, ''::text, ''::text, ''::text` + none + ` FROM p
UNION ALL SELECT 1::int2, r.id, COALESCE(r.participants, 0)::int8, 0::int8, r.record_id::text, COALESCE(r.meeting_id, '')::text,
	COALESCE(r.name, '')::text, COALESCE(r.state, '')::text, r.starttime, r.endtime,
	` + l.Flag("published") + ", " + protected + ", " +
		republished + `, NULL::bytea FROM p` +
		each("public.recordings", "id = p.id", "r") + `
UNION ALL SELECT 2::int2, m.recording_id, 0::int8, 0::int8, COALESCE(m.key, '')::text, COALESCE(m.value, '')::text,
	''::text, ''::text` +
		none + ` FROM p` +
		each("public.metadata", "recording_id = p.id", "m") + `
UNION ALL SELECT 3::int2, f.id, f.recording_id, COALESCE(f.length, 0)::int8, COALESCE(f.format, '')::text,
	COALESCE(f.url, '')::text, ''::text, ''::text` + none + ` FROM p` +
		each("public.playback_formats", "recording_id = p.id", "f") + `
UNION ALL SELECT 4::int2, i.playback_format_id, (COALESCE(i.width, 0)::int8 << 32) | (COALESCE(i.height, 0)::int8 & 4294967295),
	(COALESCE(i.sequence, 0)::int8 << 32) | (i.id & 4294967295), COALESCE(i.alt, '')::text,
	COALESCE(i.url, '')::text, ''::text, ''::text` +
		none + ` FROM p` +
		each("public.playback_formats", "recording_id = p.id", "f") + each("public.thumbnails", "playback_format_id = f.id", "i") + `
UNION ALL SELECT 5::int2, 0::int8, 0::int8, 0::int8, p.record_id::text, ''::text, ''::text, ''::text,
	NULL::timestamp, NULL::timestamp, false, false, false, w.value
	FROM p` + each("bbbpool.rows", "kind = 'recordings' AND y.key = convert_to(p.record_id, 'UTF8')", "w")
}

// each are the rows that belong to those before, looked up one by one (OFFSET 0 keeps it so): a page is short, and the planner,
// which cannot know that, would rather read whole tables.
func each(table, where, as string) string {
	return " CROSS JOIN LATERAL (SELECT y.* FROM " + table + " y WHERE y." + where + " OFFSET 0) " + as
}

// sheet puts a page together.
type sheet struct {
	gathering
	ids    []string // in the order of the page
	total  int
	orders map[int64][]imageAt // of the thumbnails of formats
}

// imageAt is a thumbnail, and what it is sorted by.
type imageAt struct {
	at    int64
	image shownImage
}

// queuePage queues the statement.
func (l *layout) queuePage(b *pgx.Batch, question string, args []any) *sheet {
	s := &sheet{gathering: newGathering(), orders: map[int64][]imageAt{}}
	b.Queue(l.wholePage(question), args...).Query(func(rows pgx.Rows) error {
		s.gathering, s.ids, s.total, s.orders = newGathering(), nil, 0, map[int64][]imageAt{} // of a try that did not count
		var l line
		into := l.columns()
		return walk(rows, func(rows pgx.Rows) error {
			of := int(rows.RawValues()[0][len(rows.RawValues()[0])-1] & 0x0f) // of a small number, in either form
			if err := rows.Scan(into[min(of, ofOurs)]...); err != nil {
				return err
			}
			l.of = int16(of)
			return s.add(&l)
		})
	})
	return s
}

// columns are what lines of each table are read into. Most columns of most lines are empty, and reading them would take the
// longest of all.
func (l *line) columns() [ofOurs + 1][]any {
	all := []any{&l.of, &l.id, &l.n, &l.m, &l.a, &l.b, &l.c, &l.d, &l.start, &l.end, &l.published, &l.x, &l.y, &l.value}
	none := func(list []any) []any { return append(list, make([]any, len(all)-len(list))...) }
	return [...][]any{
		ofPage: all, ofRecording: all,
		ofMetadata: none([]any{nil, &l.id, nil, nil, &l.a, &l.b}), ofFormat: none([]any{nil, &l.id, &l.n, &l.m, &l.a, &l.b}),
		ofImage: none([]any{nil, &l.id, &l.n, &l.m, &l.a, &l.b}), ofOurs: append(none([]any{nil, nil, nil, nil, &l.a})[:13], &l.value),
	}
}

func newGathering() gathering {
	return gathering{map[string]*standing{}, map[int64]*standing{}, map[int64][2]int64{}}
}

// add puts a line where it belongs. Lines of the same table come together, in the order of the tables.
func (s *sheet) add(l *line) error {
	switch l.of {
	case ofPage:
		s.ids, s.total = append(s.ids, l.a), int(l.m)
	case ofRecording:
		s.place(l.a, &standing{shown: &shown{
			id: l.id, meetingID: l.b, name: l.c, state: l.d, published: l.published, protected: l.x, republished: l.y,
			participants: int32(l.n), meta: map[string]string{},
		}}, l.start, l.end)
	case ofMetadata:
		s.tell(l.id, l.a, l.b)
	case ofFormat:
		s.format(l.n, shownFormat{id: l.id, format: l.a, path: l.b, minutes: int32(l.m)})
	case ofImage:
		i := shownImage{width: int32(l.n >> 32), height: int32(l.n & 0xffff_ffff), alt: l.a, path: l.b}
		s.orders[l.id] = append(s.orders[l.id], imageAt{l.m, i})
	case ofOurs:
		if err := s.ours([]byte(l.a), l.value); err != nil {
			return fault.Ours{Err: err}
		}
	}
	return nil
}

// page are the recordings of the sheet, in their order.
func (s *sheet) page() (list []store.Recording) {
	for _, r := range s.found {
		if r.shown == nil {
			continue
		}
		slices.SortStableFunc(r.formats, func(a, b shownFormat) int { return strings.Compare(a.format, b.format) })
		for i := range r.formats {
			images := s.orders[r.formats[i].id]
			slices.SortFunc(images, func(a, b imageAt) int { return int(min(1, max(-1, a.at-b.at))) })
			for _, at := range images {
				r.formats[i].images = append(r.formats[i].images, at.image)
			}
		}
	}
	for _, id := range s.ids {
		r := s.found[id]
		if !r.there() {
			continue
		}
		list = append(list, merge(id, r.shown, r.how, r.own))
	}
	return list
}

// ask sends a batch of questions, which need no transaction, in one round trip.
func (db *DB) ask(ctx context.Context, op string, b *pgx.Batch) error {
	if err := ctx.Err(); err != nil {
		return fault.Wrap(ctx, op, err)
	}
	own, cancel := context.WithTimeout(ctx, db.config.Longest())
	defer cancel()
	for try := 1; ; try++ {
		err := fault.Marked(db.pool.SendBatch(own, b).Close())
		if err == nil || try == maxTries || !fault.Again(err) || own.Err() != nil {
			return fault.Wrap(ctx, op, err)
		}
		select {
		case <-own.Done():
		case <-time.After(time.Millisecond):
		}
	}
}
