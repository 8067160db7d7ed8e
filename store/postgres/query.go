package postgres

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/bbbpool/bbbpool/store"
)

// query makes of a filter what is asked of Scalelite's tables.
type query struct {
	filter store.RecordingFilter
	args   []any
}

// arg is how a value is named in the question.
func (q *query) arg(value any) string {
	q.args = append(q.args, value)
	return fmt.Sprintf("$%d", len(q.args))
}

// The order of pages, and how much of it the index has. Incremental sorting does the rest.
const (
	newest   = `r.starttime DESC NULLS LAST, left(r.record_id, 200) COLLATE "C", r.record_id COLLATE "C"`
	newestOf = `starttime DESC NULLS LAST, record_id COLLATE "C"`
)

// ofTenant is the condition that recordings are whose are asked for.
func (q *query) ofTenant() string {
	if q.filter.AllTenants {
		return ""
	}
	return " AND " + tenantOf + " = " + q.arg(toText(q.filter.Tenant))
}

// branch is a part of the recordings that an index has in the order of pages.
type branch string

// branches are the conditions of the states that are asked for. One that Scalelite has imported unpublished is called published
// there, and not published.
func (q *query) branches() (list []branch) {
	states := slices.Clone(q.filter.States)
	slices.Sort(states)
	states = slices.Compact(states)
	both := slices.Contains(states, store.Published) && slices.Contains(states, store.Unpublished)
	for _, state := range states {
		is := branch("r.state = " + q.arg(toText(string(state))))
		switch {
		case state == "":
			q.args = q.args[:len(q.args)-1]
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

// inStates is the condition of the states.
func (q *query) inStates() string {
	var list []string
	for _, b := range q.branches() {
		list = append(list, "("+string(b)+")")
	}
	if len(list) == 0 {
		return ""
	}
	return " AND (" + strings.Join(list, " OR ") + ")"
}

// plain asks for a page of all recordings, or of those in some states: each state's index has them in their order.
func (q *query) plain() string {
	most := ""
	if q.filter.Limit > 0 {
		most = fmt.Sprintf(" LIMIT %d", q.filter.Limit+max(0, q.filter.Offset))
	}
	branches := q.branches()
	if len(branches) == 0 {
		branches = []branch{"true"}
	}
	tenant := q.ofTenant()
	var parts []string
	for _, b := range branches {
		parts = append(parts, "(SELECT r.id, r.record_id, r.starttime FROM public.recordings r WHERE r.record_id IS NOT NULL AND "+
			string(b)+tenant+" ORDER BY "+newest+most+")")
	}
	return "SELECT x.id, x.record_id, 0 AS total FROM (" + strings.Join(parts, " UNION ALL ") + ") x ORDER BY x." + newestOf + q.cut()
}

// ofFew asks for the same of a tenant that has few: all that are his are looked at.
func (q *query) ofFew() string {
	tenant := q.arg(toText(q.filter.Tenant))
	return `WITH o AS MATERIALIZED (SELECT m.recording_id FROM public.metadata m WHERE left(m.key, 100) COLLATE "C" = 'tenant-id'
		AND left(m.value, 200) COLLATE "C" = left(` + tenant + `, 200) AND m.key = 'tenant-id' AND m.value = ` + tenant + `)
		SELECT r.id, r.record_id, 0 AS total FROM o JOIN public.recordings r ON r.id = o.recording_id WHERE r.record_id IS NOT NULL` +
		q.inStates() + " ORDER BY " + newest + q.cut()
}

// cut takes the page out of what is selected.
func (q *query) cut() string {
	s := fmt.Sprintf(" OFFSET %d", max(0, q.filter.Offset))
	if q.filter.Limit > 0 {
		s += fmt.Sprintf(" LIMIT %d", q.filter.Limit)
	}
	return s
}

// selected asks for all that IDs and metadata select, with those that stand apart, and cuts the page out of it.
func (q *query) selected(apart []store.Recording) string {
	from := "public.recordings r"
	where := "r.record_id IS NOT NULL"
	switch {
	case len(q.filter.RecordIDs) > 0:
		from = q.prefixed()
	case len(q.filter.MeetingIDs) > 0:
		where += q.ofMeetings()
	}
	for _, m := range q.filter.Meta {
		where += q.matching(m)
	}
	where += q.inStates() + q.ofTenant()
	sql := "SELECT r.id, r.record_id, r.starttime FROM " + from + " WHERE " + where
	if len(apart) > 0 {
		sql += " UNION SELECT n.id, n.record_id, n.starttime FROM " + q.given(apart) + " AS n(id, record_id, starttime)"
	}
	return "SELECT x.id, x.record_id, count(*) OVER () AS total FROM (" + sql + ") x ORDER BY x." + newestOf + q.cut()
}

// given are recordings that the tables do not find.
func (q *query) given(list []store.Recording) string {
	var ids []string
	var starts []pgtype.Timestamp
	for _, r := range list {
		ids, starts = append(ids, r.RecordID), append(starts, timestamp(moment(r.Start)))
	}
	return `(SELECT COALESCE((SELECT r.id FROM public.recordings r WHERE r.record_id = g.id), 0), g.id::varchar, g.start
		FROM unnest(` + q.arg(ids) + `::text[], ` + q.arg(starts) + `::timestamp[]) AS g(id, start))`
}

// prefixed are the recordings whose IDs begin so.
func (q *query) prefixed() string {
	var from, to []string
	for _, p := range outermost(q.filter.RecordIDs) {
		from, to = append(from, p), append(to, p+strings.Repeat("\U0010ffff", 64))
	}
	lo, hi := q.arg(from), q.arg(to)
	return `unnest(` + lo + `::text[], ` + hi + `::text[]) AS p(lo, hi) CROSS JOIN LATERAL (SELECT * FROM public.recordings y
		WHERE left(y.record_id, 200) COLLATE "C" >= left(p.lo, 200) COLLATE "C"
			AND left(y.record_id, 200) COLLATE "C" <= left(p.hi, 200) COLLATE "C"
			AND left(y.record_id, length(p.lo)) = p.lo) r`
}

// outermost drops the prefixes that select nothing, or nothing that a shorter one doesn't.
func outermost(prefixes []string) (kept []string) {
	for _, p := range slices.Sorted(slices.Values(prefixes)) {
		if p == "" || !isText(p) || len(kept) > 0 && strings.HasPrefix(p, kept[len(kept)-1]) {
			continue
		}
		kept = append(kept, p)
	}
	return kept
}

func (q *query) ofMeetings() string {
	var ids []string
	for _, id := range q.filter.MeetingIDs {
		ids = append(ids, toText(id))
	}
	is := "r.meeting_id = ANY(" + q.arg(ids) + "::text[])"
	if slices.Contains(ids, "") {
		is = "(" + is + " OR r.meeting_id IS NULL)"
	}
	return " AND " + is
}

// matching is the condition that the metadata have a value. The index has the starts of keys and values.
func (q *query) matching(m store.MetaMatch) string {
	p := patternOf(m)
	key := q.arg(toText(m.Key))
	is := `left(m.key, 100) COLLATE "C" = left(` + key + `, 100) AND m.key = ` + key
	value := "COALESCE(m.value, '')"
	switch text := q.arg(toText(p.text)); {
	case p.head && p.tail:
		is += " AND strpos(" + value + ", " + text + ") > 0"
	case p.head:
		is += " AND right(" + value + ", length(" + text + ")) = " + text
	case p.tail:
		is += " AND left(" + value + ", length(" + text + ")) = " + text
		if p.text != "" {
			is += ` AND left(m.value, 200) COLLATE "C" >= left(` + text + `, 200) AND left(m.value, 200) COLLATE "C" <= left(` +
				text + ` || repeat(U&'\+10FFFF', 200), 200)`
		}
	default:
		is += " AND " + value + " = " + text
		if p.text != "" {
			is += ` AND left(m.value, 200) COLLATE "C" = left(` + text + `, 200)`
		}
	}
	return " AND r.id IN (SELECT m.recording_id FROM public.metadata m WHERE " + is + ")"
}

// pattern is a value of the metadata that is asked for.
type pattern struct {
	key, text  string
	head, tail bool // anything may stand before it, behind it
}

// patternOf takes the "%" off what is asked for.
func patternOf(m store.MetaMatch) pattern {
	p := pattern{key: m.Key}
	p.text, p.head = strings.CutPrefix(m.Value, "%")
	p.text, p.tail = strings.CutSuffix(p.text, "%")
	return p
}

// matches tells whether a value is what is asked for.
func (p pattern) matches(value string) bool {
	switch {
	case p.head && p.tail:
		return strings.Contains(value, p.text)
	case p.head:
		return strings.HasSuffix(value, p.text)
	case p.tail:
		return strings.HasPrefix(value, p.text)
	}
	return value == p.text
}

// selects tells whether a recording is among those that are asked for, as the tables would.
func selects(f store.RecordingFilter, r store.Recording) bool {
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
		return !ok || !patternOf(m).matches(value)
	})
}

// narrow tells whether IDs or metadata select.
func narrow(f store.RecordingFilter) bool { return len(f.RecordIDs)+len(f.MeetingIDs)+len(f.Meta) > 0 }

// mayBeApart tells whether what the tables do not find is asked for.
func mayBeApart(f store.RecordingFilter) bool {
	in := func(s store.RecordingState) bool { return len(f.States) == 0 || slices.Contains(f.States, s) }
	return in(store.Awaited) || len(f.Meta) > 0 && in(store.Deleted)
}

// apart are the recordings that are asked for and that the tables do not find.
func (t *txn) apart(f store.RecordingFilter) (list []store.Recording, err error) {
	if !mayBeApart(f) {
		return nil, nil
	}
	keys, err := t.placed("recordings", recordingsApart, span{})
	if err != nil || len(keys) == 0 {
		return nil, err
	}
	var ids []string
	for _, key := range keys {
		ids = append(ids, string(key))
	}
	found, err := t.stand(byID(ids), false)
	for _, s := range found {
		hidden := s.shown == nil || len(f.Meta) > 0 && len(s.shown.meta) == 0
		if s.there() && hidden && selects(f, s.record) {
			list = append(list, s.record)
		}
	}
	slices.SortFunc(list, func(a, b store.Recording) int { return cmp.Compare(a.RecordID, b.RecordID) })
	return list, err
}
