package postgres

import (
	"cmp"
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
// tables have of them, as a line for each recording. Lines of single rows would be twenty times as many, and take as long as
// everything else.

// line is a recording.
type line struct {
	place, id, total int64
	recordID         string
	there            bool // it stands in Scalelite's table
	shown            shown
	start, end       pgtype.Timestamp
	keys, values     []string // of the metadata
	formats          struct {
		ids           []int64
		formats, urls []string
		lengths       []int32
	}
	images struct {
		of, places      []int64 // the format, and what they are sorted by
		widths, heights []int32
		alts, urls      []string
	}
	own []byte
}

// into is where a line is read to, as wholePage has it.
func (l *line) into() []any {
	s, f, i := &l.shown, &l.formats, &l.images
	return []any{
		&l.place, &l.id, &l.total, &l.recordID, &l.there, &s.meetingID, &s.name, &s.state, &s.published, &s.protected, &s.republished,
		&s.participants, &l.start, &l.end, &l.keys, &l.values, &f.ids, &f.formats, &f.urls, &f.lengths,
		&i.of, &i.places, &i.widths, &i.heights, &i.alts, &i.urls, &l.own,
	}
}

// wholePage is the statement that reads what a question finds.
func (l *layout) wholePage(question string) string {
	return `WITH p AS MATERIALIZED (SELECT q.id, q.record_id, q.total, row_number() OVER () AS place FROM (` + question + `) q)
SELECT p.place, COALESCE(p.id, 0), p.total::int8, p.record_id::text, r.id IS NOT NULL, COALESCE(r.meeting_id, '')::text,
	COALESCE(r.name, '')::text, COALESCE(r.state, '')::text, ` +
		l.Flag("published") + ", " + l.Flag("protected") + ", " + l.Flag("publish_updated") + `,
	COALESCE(r.participants, 0), r.starttime, r.endtime, m.*, f.*, i.*, w.value
FROM p` + each("public.recordings", "id = p.id", "r") + `
LEFT JOIN LATERAL (SELECT array_agg(COALESCE(y.key, '')::text), array_agg(COALESCE(y.value, '')::text)
	FROM public.metadata y WHERE y.recording_id = p.id) m ON true
LEFT JOIN LATERAL (SELECT array_agg(y.id), array_agg(COALESCE(y.format, '')::text), array_agg(COALESCE(y.url, '')::text),
	array_agg(COALESCE(y.length, 0)) FROM public.playback_formats y WHERE y.recording_id = p.id) f(ids) ON true
LEFT JOIN LATERAL (SELECT array_agg(y.playback_format_id), array_agg((COALESCE(y.sequence, 0)::int8 << 32) | (y.id & 4294967295)),
	array_agg(COALESCE(y.width, 0)), array_agg(COALESCE(y.height, 0)), array_agg(COALESCE(y.alt, '')::text),
	array_agg(COALESCE(y.url, '')::text) FROM public.thumbnails y WHERE y.playback_format_id = ANY(f.ids)) i ON true` +
		each("bbbpool.rows", "kind = 'recordings' AND y.key = convert_to(p.record_id, 'UTF8')", "w")
}

// each is the row that belongs to what stands before, looked up one by one (OFFSET 0 keeps it so): a page is short, and the
// planner, which cannot know that, would rather read whole tables.
func each(table, where, as string) string {
	return " LEFT JOIN LATERAL (SELECT y.* FROM " + table + " y WHERE y." + where + " OFFSET 0) " + as + " ON true"
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

func newSheet() *sheet { return &sheet{gathering: newGathering(), orders: map[int64][]imageAt{}} }

// queuePage queues the statement.
func (l *layout) queuePage(b *pgx.Batch, question string, args []any) *sheet {
	s := newSheet()
	b.Queue(l.wholePage(question), args...).Query(func(rows pgx.Rows) error {
		*s = *newSheet() // of a try that did not count
		var lines []line
		err := walk(rows, func(rows pgx.Rows) error {
			var l line
			err := rows.Scan(l.into()...)
			lines = append(lines, l)
			return err
		})
		if err != nil {
			return err
		}
		slices.SortFunc(lines, func(a, b line) int { return cmp.Compare(a.place, b.place) })
		for i := range lines {
			if err := s.add(&lines[i]); err != nil {
				return fault.Ours{Err: err}
			}
		}
		return nil
	})
	return s
}

func newGathering() gathering {
	return gathering{map[string]*standing{}, map[int64]*standing{}, map[int64][2]int64{}}
}

// add puts a line where it belongs.
func (s *sheet) add(l *line) error {
	s.ids, s.total = append(s.ids, l.recordID), int(l.total)
	if l.there {
		l.shown.id, l.shown.meta = l.id, make(map[string]string, len(l.keys))
		s.place(l.recordID, &standing{shown: &l.shown}, l.start, l.end)
	}
	for i, key := range l.keys {
		s.tell(l.id, key, l.values[i])
	}
	for i, id := range l.formats.ids {
		s.format(l.id, shownFormat{id: id, format: l.formats.formats[i], path: l.formats.urls[i], minutes: l.formats.lengths[i]})
	}
	for n, id := range l.images.of {
		i := shownImage{l.images.widths[n], l.images.heights[n], l.images.alts[n], l.images.urls[n]}
		s.orders[id] = append(s.orders[id], imageAt{l.images.places[n], i})
	}
	if l.own == nil {
		return nil
	}
	return s.ours([]byte(l.recordID), l.own)
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
