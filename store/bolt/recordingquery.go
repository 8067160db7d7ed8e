package bolt

import (
	"bytes"
	"iter"
	"slices"
	"strings"

	"go.etcd.io/bbolt"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/rows"
)

// query finds recordings in the indexes. What it keeps of those it comes across are their places (placeOf), and those
// of the selected alone. It ends early when its context does.
type query struct {
	tx      *bbolt.Tx
	ended   func() error // the context's Err
	filter  store.RecordingFilter
	tenants []string // the starts of their keys
	tenant  string   // that is just being searched, one of them
	err     error
}

// page returns the IDs of the page, and how many are selected over all pages.
func (q *query) page() (ids []string, total int) {
	f := q.filter
	if len(f.RecordIDs)+len(f.MeetingIDs)+len(f.Meta) > 0 {
		found := q.found()
		first := min(max(f.Offset, 0), len(found))
		last := len(found)
		if f.Limit > 0 {
			last = first + min(f.Limit, last-first)
		}
		for _, place := range found[first:last] {
			ids = append(ids, place[rows.TimeSize:])
		}
		return ids, len(found)
	}
	if total = q.counted(); f.Offset < total {
		ids = q.cut(q.inOrder())
	}
	return ids, total
}

// counted reads the total where the states alone select: walking would take as long as there are recordings.
func (q *query) counted() (total int) {
	for _, tenant := range q.tenants {
		for state, value := range q.scan(recordingsCounted, tenant, "") {
			if q.wants(state) {
				total += int(tallyOf(value).count)
			}
		}
	}
	return total
}

// inOrder yields the places of all recordings, or of those in the states that are asked for.
func (q *query) inOrder() iter.Seq[[]byte] {
	if len(q.filter.States) == 0 {
		return merge(bucket(q.tx, recordingsByStart), q.tenants, "")
	}
	var prefixes []string
	for _, tenant := range q.tenants {
		prefixes = append(prefixes, statePrefixes(tenant, q.filter.States)...)
	}
	return merge(bucket(q.tx, recordingsByState), prefixes, "")
}

// cut takes the page out of the places of everything that is selected.
func (q *query) cut(places iter.Seq[[]byte]) (ids []string) {
	skip := q.filter.Offset
	for place := range places {
		if !q.going() {
			break
		}
		if skip--; skip >= 0 {
			continue
		}
		if ids = append(ids, string(idAt(place))); len(ids) == q.filter.Limit {
			break
		}
	}
	return ids
}

// wants tells whether recordings in a state are asked for.
func (q *query) wants(state []byte) bool {
	return len(q.filter.States) == 0 || slices.Contains(q.filter.States, store.RecordingState(state))
}

// going notes why the query cannot go on.
func (q *query) going() bool {
	if q.err == nil {
		q.err = q.ended()
	}
	return q.err == nil
}

// found are the places that IDs and metadata select, in their order and each once.
func (q *query) found() (places []string) {
	for _, q.tenant = range q.tenants {
		places = append(places, q.foundOfOne()...)
	}
	if len(q.tenants) > 1 {
		slices.Sort(places)
	}
	return places
}

// foundOfOne is found for one tenant. What has been found by one criterion is measured by the others.
func (q *query) foundOfOne() (places []string) {
	patterns := patternsOf(q.filter.Meta)
	switch {
	case len(q.filter.RecordIDs) > 0:
		places = q.byID()
	case len(q.filter.MeetingIDs) > 0:
		places = q.byMeeting()
	default:
		q.shortestFirst(patterns)
		for place := range q.matching(patterns[0]) {
			places = append(places, string(place))
		}
		patterns = patterns[1:]
	}
	slices.Sort(places)
	return q.narrow(slices.Compact(places), patterns)
}

// byID finds the recordings whose IDs begin so.
func (q *query) byID() (places []string) {
	for _, prefix := range outermost(q.filter.RecordIDs) {
		for id, value := range q.scan(recordingsByID, q.tenant, prefix) {
			if start, state := value[:rows.TimeSize], value[rows.TimeSize:]; q.wants(state) {
				places = append(places, string(start)+string(id))
			}
		}
	}
	return places
}

// byMeeting finds the recordings of meetings.
func (q *query) byMeeting() (places []string) {
	for _, meetingID := range slices.Compact(slices.Sorted(slices.Values(q.filter.MeetingIDs))) {
		for place, state := range q.scan(recordingsByMeeting, q.tenant+rows.Sized(meetingID), "") {
			if q.wants(state) {
				places = append(places, string(place))
			}
		}
	}
	return places
}

// scan yields what an index has under prefix and more: what its keys have behind the prefix, and the values.
func (q *query) scan(name, prefix, more string) iter.Seq2[[]byte, []byte] {
	return func(yield func(rest, value []byte) bool) {
		cursor, start := bucket(q.tx, name).Cursor(), []byte(prefix+more)
		for key, value := cursor.Seek(start); bytes.HasPrefix(key, start) && q.going(); key, value = cursor.Next() {
			if !yield(key[len(prefix):], value) {
				return
			}
		}
	}
}

// outermost drops the prefixes that select nothing, or nothing that a shorter one doesn't: a thousand times "a" is
// one scan.
func outermost(prefixes []string) (kept []string) {
	for _, p := range slices.Sorted(slices.Values(prefixes)) {
		if p == "" || len(kept) > 0 && strings.HasPrefix(p, kept[len(kept)-1]) {
			continue
		}
		kept = append(kept, p)
	}
	return kept
}
