// Package question makes SQL of what is asked of recordings, for Scalelite's tables. It never runs any.
package question

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/postgres/rails"
)

// Query makes of a filter what is asked of Scalelite's tables. Its questions answer with id, record_id and total, and are for
// one use: what they were asked with stands in Args afterwards.
type Query struct {
	Filter store.RecordingFilter
	Args   []any
}

// arg is how a value is named in the question.
func (q *Query) arg(value any) string {
	q.Args = append(q.Args, value)
	return fmt.Sprintf("$%d", len(q.Args))
}

// The order of pages, and how much of it the index has. Incremental sorting does the rest.
const (
	newest   = `r.starttime DESC NULLS LAST, left(r.record_id, 200) COLLATE "C", r.record_id COLLATE "C"`
	sortedBy = `left(r.record_id, 200) COLLATE "C" AS head, r.record_id COLLATE "C" AS whole` // so that branches can be merged
	newestOf = `starttime DESC NULLS LAST, record_id COLLATE "C"`
)

// ofTenant is the condition that recordings are whose are asked for.
func (q *Query) ofTenant() string {
	if q.Filter.AllTenants {
		return ""
	}
	return " AND COALESCE(" + told + ", " + keptBy + ", 'default') = " + q.arg(rails.ToText(q.Filter.Tenant))
}

// joinTenant is the same, for all recordings in turn: what the metadata say is looked up for each (OFFSET 0 keeps it so, where
// the planner would read the whole table first) by a join, which is quicker than a condition that asks. What equals something
// that the planner knows nothing of it takes for one row of 200, and would read and sort all there are to find a page: of
// COALESCE it expects that every other row passes.
func (q *Query) joinTenant() (join, where string) {
	if q.Filter.AllTenants {
		return "", ""
	}
	of := "m.value"
	if len(q.Filter.States) == 0 || slices.Contains(q.Filter.States, store.Deleted) {
		of = "COALESCE(m.value, " + keptBy + ")"
	}
	join = ` LEFT JOIN LATERAL (SELECT m.value FROM public.metadata m
		WHERE m.recording_id = r.id AND m.key = 'tenant-id' OFFSET 0) m ON true`
	isDefault := q.Filter.Tenant == store.DefaultTenant // whose metadata say nothing
	return join, fmt.Sprintf(" AND COALESCE(%s = %s, %v)", of, q.arg(rails.ToText(q.Filter.Tenant)), isDefault)
}

// branch is a part of the recordings that an index has in the order of pages.
type branch string

// branches are the conditions of the states that are asked for. One that Scalelite has imported unpublished is called published
// there, and not published.
func (q *Query) branches() (list []branch) {
	states := slices.Clone(q.Filter.States)
	slices.Sort(states)
	states = slices.Compact(states)
	both := slices.Contains(states, store.Published) && slices.Contains(states, store.Unpublished)
	for _, state := range states {
		is := branch("r.state = " + q.stateOf(state))
		switch {
		case state == "":
			list = append(list, "COALESCE(r.state, '') = ''")
		case state == store.Published && !both:
			list = append(list, is+" AND r.published IS TRUE")
		case state == store.Unpublished && !both:
			list = append(list, is, "r.state = 'published' AND r.published IS NOT TRUE")
		default:
			list = append(list, is)
		}
	}
	return list
}

// stateOf is how a state is named in the question. What front ends ask for every day is named itself: the planner, which plans
// once for all arguments, then knows how many there are of each, and does not look for the few of one state among all others.
func (q *Query) stateOf(state store.RecordingState) string {
	if state == store.Published || state == store.Unpublished || state == "" {
		return "'" + string(state) + "'"
	}
	return q.arg(rails.ToText(string(state)))
}

// inStates is the condition of the states.
func (q *Query) inStates() string {
	var list []string
	for _, b := range q.branches() {
		list = append(list, "("+string(b)+")")
	}
	if len(list) == 0 {
		return ""
	}
	return " AND (" + strings.Join(list, " OR ") + ")"
}

// Plain asks for a page of all recordings, or of those in some states: each state's index has them in their order.
func (q *Query) Plain() string {
	most := ""
	if q.Filter.Limit > 0 {
		most = fmt.Sprintf(" LIMIT %d", atLeast(q.Filter.Limit+max(0, q.Filter.Offset)))
	}
	branches := q.branches()
	if len(branches) == 0 {
		branches = []branch{"true"}
	}
	join, tenant := q.joinTenant()
	var parts []string
	for _, b := range branches {
		parts = append(parts, "(SELECT r.id, r.record_id, r.starttime, "+sortedBy+" FROM public.recordings r"+join+
			" WHERE r.record_id IS NOT NULL AND "+string(b)+tenant+" ORDER BY "+newest+most+")")
	}
	return "SELECT x.id, x.record_id, 0 AS total FROM (" + strings.Join(parts, " UNION ALL ") +
		") x ORDER BY x.starttime DESC NULLS LAST, x.head, x.whole" + q.cut()
}

// atLeast is a limit of a branch: no less than n, and one of few, so that pages at all offsets are one statement, which the
// server plans once. Branches are merged as they are read, no further than the page needs.
func atLeast(n int) int {
	most := 128
	for most < n {
		most *= 2
	}
	return most
}

// OfFew asks for the same of a tenant that has few: all that are his are looked at.
func (q *Query) OfFew() string {
	tenant := q.arg(rails.ToText(q.Filter.Tenant))
	return `WITH o AS MATERIALIZED (SELECT m.recording_id FROM public.metadata m WHERE left(m.key, 100) COLLATE "C" = 'tenant-id'
		AND left(m.value, 200) COLLATE "C" = left(` + tenant + `, 200) AND m.key = 'tenant-id' AND m.value = ` + tenant + `)
		SELECT r.id, r.record_id, 0 AS total FROM o JOIN public.recordings r ON r.id = o.recording_id WHERE r.record_id IS NOT NULL` +
		q.inStates() + " ORDER BY " + newest + q.cut()
}

// cut takes the page out of what is selected.
func (q *Query) cut() string {
	s := ""
	if q.Filter.Offset > 0 || q.Filter.Limit > 0 {
		s = " OFFSET " + q.arg(int64(max(0, q.Filter.Offset)))
	}
	if q.Filter.Limit > 0 {
		s += " LIMIT " + q.arg(int64(q.Filter.Limit))
	}
	return s
}

// All tells whether the page is all that is asked for: nobody needs to count it beside.
func All(f store.RecordingFilter) bool { return f.Offset <= 0 && f.Limit <= 0 }

// Selected asks for all that IDs and metadata select, with those that stand apart, and cuts the page out of it. The total is 0
// where the page is All.
func (q *Query) Selected(apart []store.Recording) string {
	from := "public.recordings r"
	where := "r.record_id IS NOT NULL"
	switch {
	case len(q.Filter.RecordIDs) > 0:
		from = q.prefixed()
	case len(q.Filter.MeetingIDs) > 0:
		from = q.ofMeetings()
	}
	var matching []string
	for _, m := range q.Filter.Meta {
		matching = append(matching, q.matching(m))
	}
	where += strings.Join(matching, "") + q.inStates() + q.ofTenant()
	sql := "SELECT r.id, r.record_id, r.starttime FROM " + from + " WHERE " + where
	if len(apart) > 0 {
		sql += " UNION SELECT n.id, n.record_id, n.starttime FROM " + q.given(apart) + " AS n(id, record_id, starttime)"
	}
	total := "count(*) OVER ()"
	if All(q.Filter) {
		total = "0"
	}
	return "SELECT x.id, x.record_id, " + total + " AS total FROM (" + sql + ") x ORDER BY x." + newestOf + q.cut()
}

// given are recordings that the tables do not find.
func (q *Query) given(list []store.Recording) string {
	var ids []string
	var starts []pgtype.Timestamp
	for _, r := range list {
		ids, starts = append(ids, r.RecordID), append(starts, Timestamp(Moment(r.Start)))
	}
	return `(SELECT COALESCE((SELECT r.id FROM public.recordings r WHERE r.record_id = g.id), 0), g.id::varchar, g.start
		FROM unnest(` + q.arg(ids) + `::text[], ` + q.arg(starts) + `::timestamp[]) AS g(id, start))`
}

// prefixed are the recordings whose IDs begin so. They are found first (OFFSET 0 keeps it so), and then looked at.
func (q *Query) prefixed() string {
	var from, to []string
	for _, p := range outermost(q.Filter.RecordIDs) {
		from, to = append(from, p), append(to, p+strings.Repeat("\U0010ffff", 64))
	}
	lo, hi := q.arg(from), q.arg(to)
	return `(SELECT y.* FROM unnest(` + lo + `::text[], ` + hi + `::text[]) AS g(lo, hi) CROSS JOIN LATERAL (
		SELECT z.* FROM public.recordings z WHERE left(z.record_id, 200) COLLATE "C" >= left(g.lo, 200) COLLATE "C"
			AND left(z.record_id, 200) COLLATE "C" <= left(g.hi, 200) COLLATE "C"
			AND left(z.record_id, length(g.lo)) = g.lo OFFSET 0) y OFFSET 0) r`
}

// outermost drops the prefixes that select nothing, or nothing that a shorter one doesn't.
func outermost(prefixes []string) (kept []string) {
	for _, p := range slices.Sorted(slices.Values(prefixes)) {
		if p == "" || !rails.IsText(p) || len(kept) > 0 && strings.HasPrefix(p, kept[len(kept)-1]) {
			continue
		}
		kept = append(kept, p)
	}
	return kept
}

// ofMeetings are the recordings of meetings. They are few: they are found first (OFFSET 0 keeps it so), and then looked at, where
// the planner, which does not know that, would rather look at all that are in the states that are asked for.
func (q *Query) ofMeetings() string {
	var ids []string
	for _, id := range q.Filter.MeetingIDs {
		ids = append(ids, rails.ToText(id))
	}
	is := "y.meeting_id = ANY(" + q.arg(ids) + "::text[])"
	if slices.Contains(ids, "") {
		is += " OR y.meeting_id IS NULL"
	}
	return "(SELECT y.* FROM public.recordings y WHERE " + is + " OFFSET 0) r"
}

// matching is the condition that the metadata have a value. The index has the starts of keys and values.
func (q *Query) matching(m store.MetaMatch) string {
	p := m.Pattern()
	if rails.Unstored(m.Key) {
		return q.matchingColumn(m.Key, p)
	}
	key := q.arg(rails.ToText(m.Key))
	is := `left(m.key, 100) COLLATE "C" = left(` + key + `, 100) AND m.key = ` + key
	value := "COALESCE(m.value, '')"
	switch text := q.arg(rails.ToText(p.Text)); {
	case p.Head && p.Tail:
		is += " AND strpos(" + value + ", " + text + ") > 0"
	case p.Head:
		is += " AND right(" + value + ", length(" + text + ")) = " + text
	case p.Tail:
		is += " AND left(" + value + ", length(" + text + ")) = " + text
		if p.Text != "" {
			is += ` AND left(m.value, 200) COLLATE "C" >= left(` + text + `, 200) AND left(m.value, 200) COLLATE "C" <= left(` +
				text + ` || repeat(U&'\+10FFFF', 200), 200)`
		}
	default:
		is += " AND " + value + " = " + text
		if p.Text != "" {
			is += ` AND left(m.value, 200) COLLATE "C" = left(` + text + `, 200)`
		}
	}
	return " AND r.id IN (SELECT m.recording_id FROM public.metadata m WHERE " + is + ")"
}

// matchingColumn is the same for metadata that Scalelite does not store: a column says it. Recordings of breakout rooms are no
// others there.
func (q *Query) matchingColumn(key string, p store.Pattern) string {
	column := map[string]string{"meetingId": "r.meeting_id", "meetingName": "r.name"}[key]
	if column == "" {
		return fmt.Sprintf(" AND %v", p.Matches("false"))
	}
	value, text := "COALESCE("+column+", '')", q.arg(rails.ToText(p.Text))
	switch {
	case p.Head && p.Tail:
		return " AND strpos(" + value + ", " + text + ") > 0"
	case p.Head:
		return " AND right(" + value + ", length(" + text + ")) = " + text
	case p.Tail:
		return " AND left(" + value + ", length(" + text + ")) = " + text
	}
	return " AND " + value + " = " + text
}

// Selects tells whether a recording is among those that are asked for, as the tables would.
func Selects(f store.RecordingFilter, r store.Recording) bool {
	switch {
	case !f.AllTenants && r.Tenant != f.Tenant,
		len(f.States) > 0 && !slices.Contains(f.States, r.State),
		len(f.RecordIDs) > 0 && !slices.ContainsFunc(f.RecordIDs, func(p string) bool {
			return p != "" && strings.HasPrefix(r.RecordID, p)
		}),
		len(f.RecordIDs) == 0 && len(f.MeetingIDs) > 0 && !slices.Contains(f.MeetingIDs, r.MeetingID):
		return false
	}
	return !slices.ContainsFunc(f.Meta, func(m store.MetaMatch) bool {
		value, ok := r.Meta[m.Key]
		return !ok || !m.Pattern().Matches(value)
	})
}

// Narrow tells whether IDs or metadata select.
func Narrow(f store.RecordingFilter) bool { return len(f.RecordIDs)+len(f.MeetingIDs)+len(f.Meta) > 0 }

// MayBeApart tells whether what the tables do not find is asked for.
func MayBeApart(f store.RecordingFilter) bool {
	in := func(s store.RecordingState) bool { return len(f.States) == 0 || slices.Contains(f.States, s) }
	return in(store.Awaited) || len(f.Meta) > 0 && in(store.Deleted)
}

// Whose a recording is is told by the metadata; of a deleted one, which has none, our row has kept it.
const (
	told   = `(SELECT m.value FROM public.metadata m WHERE m.recording_id = r.id AND m.key = 'tenant-id')`
	keptBy = `CASE WHEN r.state = 'deleted' THEN (SELECT convert_from(substring(p.place from 9), 'UTF8') FROM bbbpool.places p
		WHERE p.kind = 'recordings' AND p.look = 1 AND p.key = convert_to(r.record_id, 'UTF8')) END`
)

// Moment is a time as a column holds it.
func Moment(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// Timestamp is a moment as an argument; NULL for none.
func Timestamp(t time.Time) pgtype.Timestamp { return pgtype.Timestamp{Time: t, Valid: !t.IsZero()} }
