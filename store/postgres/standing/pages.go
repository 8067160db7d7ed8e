package standing

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/postgres/fault"
)

// A page is read by one statement, in one round trip and as of one moment: which recordings are on it, and the rows that all
// tables have of them, as a line for some of the recordings, each column of it an array. Lines of single rows would be twenty
// times as many and take as long as everything else, lines of single recordings half as long again. One line for all would be
// more than the server can hold in one value where nobody limits the page.

// together is how many recordings are on a line.
const together = 32

// line is some recordings of a page. The arrays of a table are as long as it has rows of them, in no order.
type line struct {
	total      int64
	places     []int64 // on the page
	recordIDs  []string
	recordings struct { // as they stand in Scalelite's table
		ids                               []int64
		recordIDs                         []string
		meetingIDs, names, states         []string
		published, protected, republished []bool
		participants                      []int32
		starts, ends                      []pgtype.Timestamp
	}
	meta struct {
		of           []int64 // the recording
		keys, values []string
	}
	formats struct {
		ids, of       []int64
		formats, urls []string
		lengths       []int32
	}
	images struct {
		of, places      []int64 // the format, and what they are sorted by
		widths, heights []int32
		alts, urls      []string
	}
	own struct{ keys, values [][]byte }
}

// into is where a line is read to, as wholePage has it.
func (l *line) into() []any {
	r, m, f, i := &l.recordings, &l.meta, &l.formats, &l.images
	return []any{
		&l.total, &l.places, &l.recordIDs, &r.ids, &r.recordIDs, &r.meetingIDs, &r.names, &r.states,
		&r.published, &r.protected, &r.republished, &r.participants, &r.starts, &r.ends, &m.of, &m.keys, &m.values,
		&f.ids, &f.of, &f.formats, &f.urls, &f.lengths, &i.of, &i.places, &i.widths, &i.heights, &i.alts, &i.urls,
		&l.own.keys, &l.own.values,
	}
}

// wholePage is the statement that reads what a question finds. The rows of each table are looked up by all the keys of a line
// at once: that is quicker than one by one, and the planner, which cannot know how short a page is, is not tempted to read whole
// tables.
func (l *Layout) wholePage(question string) string {
	return `WITH p AS (SELECT q.id, q.record_id, q.total, row_number() OVER () AS place FROM (` + question + `) q),
s AS MATERIALIZED (SELECT min(p.total)::int8 AS total, array_agg(p.place) AS places, array_agg(p.record_id::text) AS record_ids,
	array_agg(p.id) AS ids, array_agg(convert_to(p.record_id, 'UTF8')) AS keys FROM p GROUP BY (p.place - 1) / ` +
		strconv.Itoa(together) + `)
SELECT s.total, s.places, s.record_ids, r.*, m.*, f.*, i.*, w.* FROM s
LEFT JOIN LATERAL (SELECT array_agg(r.id), array_agg(r.record_id::text), array_agg(COALESCE(r.meeting_id, '')::text),
	array_agg(COALESCE(r.name, '')::text), array_agg(COALESCE(r.state, '')::text), array_agg(` + l.Flag("published") + `),
	array_agg(` + l.Flag("protected") + `), array_agg(` + l.Flag("publish_updated") + `), array_agg(COALESCE(r.participants, 0)),
	array_agg(r.starttime), array_agg(r.endtime) FROM public.recordings r WHERE r.id = ANY(s.ids)) r ON true
LEFT JOIN LATERAL (SELECT array_agg(y.recording_id), array_agg(COALESCE(y.key, '')::text), array_agg(COALESCE(y.value, '')::text)
	FROM public.metadata y WHERE y.recording_id = ANY(s.ids)) m ON true
LEFT JOIN LATERAL (SELECT array_agg(y.id), array_agg(y.recording_id), array_agg(COALESCE(y.format, '')::text),
	array_agg(COALESCE(y.url, '')::text), array_agg(COALESCE(y.length, 0))
	FROM public.playback_formats y WHERE y.recording_id = ANY(s.ids)) f(ids) ON true
LEFT JOIN LATERAL (SELECT array_agg(y.playback_format_id), array_agg((COALESCE(y.sequence, 0)::int8 << 32) | (y.id & 4294967295)),
	array_agg(COALESCE(y.width, 0)), array_agg(COALESCE(y.height, 0)), array_agg(COALESCE(y.alt, '')::text),
	array_agg(COALESCE(y.url, '')::text) FROM public.thumbnails y WHERE y.playback_format_id = ANY(f.ids)) i ON true
LEFT JOIN LATERAL (SELECT array_agg(y.key), array_agg(y.value)
	FROM bbbpool.rows y WHERE y.kind = 'recordings' AND y.key = ANY(s.keys)) w ON true`
}

// Sheet puts a page together.
type Sheet struct {
	gathering
	placed []placed
	Total  int       // that are found, beyond the page, too
	images []imageAt // of all formats
}

// placed is where a recording is on the page.
type placed struct {
	at int64
	id string
}

// imageAt is a thumbnail, of which format it is, and what it is sorted by there.
type imageAt struct {
	of, at int64
	image  shownImage
}

func newSheet() *Sheet { return &Sheet{gathering: newGathering()} }

// QueuePage queues the statement that reads what a question finds.
func (l *Layout) QueuePage(b *pgx.Batch, question string, args []any) *Sheet {
	s := newSheet()
	b.Queue(l.wholePage(question), args...).Query(func(rows pgx.Rows) error {
		*s = *newSheet() // of a try that did not count
		return Walk(rows, func(rows pgx.Rows) error {
			var l line
			if err := scan(rows, l.into()); err != nil {
				return err
			}
			if err := s.add(&l); err != nil {
				return fault.Ours{Err: err}
			}
			return nil
		})
	})
	return s
}

func newGathering() gathering {
	return gathering{map[string]*Recording{}, map[int64]*Recording{}, map[int64][2]int64{}}
}

// whole tells whether the arrays of each table are as long as they must be.
func (l *line) whole() bool {
	r, m, f, i := &l.recordings, &l.meta, &l.formats, &l.images
	alike := func(n int, others ...int) bool {
		return !slices.ContainsFunc(others, func(o int) bool { return o != n })
	}
	return alike(len(l.places), len(l.recordIDs)) &&
		alike(len(r.ids), len(r.recordIDs), len(r.meetingIDs), len(r.names), len(r.states), len(r.published), len(r.protected),
			len(r.republished), len(r.participants), len(r.starts), len(r.ends)) &&
		alike(len(m.of), len(m.keys), len(m.values)) &&
		alike(len(f.ids), len(f.of), len(f.formats), len(f.urls), len(f.lengths)) &&
		alike(len(i.of), len(i.places), len(i.widths), len(i.heights), len(i.alts), len(i.urls)) &&
		alike(len(l.own.keys), len(l.own.values))
}

// add puts a line where it belongs.
func (s *Sheet) add(l *line) error {
	if !l.whole() {
		return errArray
	}
	s.Total = int(l.total)
	for n, id := range l.recordIDs {
		s.placed = append(s.placed, placed{l.places[n], id})
	}
	s.addRecordings(l)
	for n, id := range l.meta.of {
		s.tell(id, l.meta.keys[n], l.meta.values[n])
	}
	f, i := &l.formats, &l.images
	for n, id := range f.ids {
		s.format(f.of[n], shownFormat{id: id, format: f.formats[n], path: f.urls[n], minutes: f.lengths[n]})
	}
	s.images = slices.Grow(s.images, len(i.of))
	for n, id := range i.of {
		s.images = append(s.images, imageAt{id, i.places[n], shownImage{i.widths[n], i.heights[n], i.alts[n], i.urls[n]}})
	}
	for n, key := range l.own.keys {
		if err := s.ours(key, l.own.values[n]); err != nil {
			return err
		}
	}
	return nil
}

func (s *Sheet) addRecordings(l *line) {
	r := &l.recordings
	all := make([]shown, len(r.ids))
	many := max(1, len(l.formats.ids)/max(1, len(r.ids)))
	for n, id := range r.ids {
		all[n] = shown{
			id: id, meetingID: r.meetingIDs[n], name: r.names[n], state: r.states[n], published: r.published[n],
			protected: r.protected[n], republished: r.republished[n], participants: r.participants[n],
			meta: make(map[string]string, len(l.meta.of)/len(r.ids)), once: true, formats: make([]shownFormat, 0, many),
		}
		s.place(r.recordIDs[n], &Recording{shown: &all[n]}, r.starts[n], r.ends[n])
	}
}

// Len is how many recordings are on it.
func (s *Sheet) Len() int { return len(s.placed) }

// Page are the recordings of the sheet, in their order. It is asked for once: what was read becomes theirs.
func (s *Sheet) Page() (list []store.Recording) {
	s.hang()
	for _, r := range s.found {
		if r.shown != nil {
			slices.SortStableFunc(r.formats, func(a, b shownFormat) int { return strings.Compare(a.format, b.format) })
		}
	}
	slices.SortFunc(s.placed, func(a, b placed) int { return cmp.Compare(a.at, b.at) })
	if len(s.placed) > 0 {
		list = make([]store.Recording, 0, len(s.placed))
	}
	for _, p := range s.placed {
		if r := s.found[p.id]; r.There() {
			list = append(list, merge(p.id, r.shown, r.how, r.own))
		}
	}
	return list
}

// hang puts the thumbnails where they belong, in their order. All share one array.
func (s *Sheet) hang() {
	slices.SortFunc(s.images, func(a, b imageAt) int { return cmp.Or(cmp.Compare(a.of, b.of), cmp.Compare(a.at, b.at)) })
	all := make([]shownImage, len(s.images))
	for i, first := 0, 0; i < len(all); i++ {
		all[i] = s.images[i].image
		if of := s.images[i].of; i+1 == len(all) || s.images[i+1].of != of {
			if at, ok := s.formats[of]; ok {
				s.numbered[at[0]].formats[at[1]].images = all[first : i+1 : i+1]
			}
			first = i + 1
		}
	}
}
