package bolt

import (
	"bytes"
	"cmp"
	"iter"
	"slices"
	"strings"

	"go.etcd.io/bbolt"

	"github.com/bbbpool/bbbpool/store"
)

// query finds recordings in the indexes, without their rows. It ends early when its context does.
type query struct {
	tx     *bbolt.Tx
	ended  func() error // the context's Err
	filter store.RecordingFilter
}

// entry is a recording as its indexes know it.
type entry struct {
	id    string
	start string // sorts newest first
	state string
}

// pageOf counts what is selected and returns the IDs of the page, which is all that is kept of 200,000 entries.
func pageOf(entries iter.Seq[entry], f store.RecordingFilter) (ids []string, total int) {
	for e := range entries {
		if len(f.States) > 0 && !slices.Contains(f.States, e.state) {
			continue
		}
		if total >= f.Offset && (f.Limit <= 0 || len(ids) < f.Limit) {
			ids = append(ids, e.id)
		}
		total++
	}
	return ids, total
}

// entries yields what the IDs of the filter select, newest first.
func (q query) entries() iter.Seq[entry] {
	tenant := ofTenant(q.filter.Tenant)
	switch {
	case tenant == nil:
		return func(func(entry) bool) {}
	case len(q.filter.RecordIDs) > 0:
		return q.byID(tenant)
	case len(q.filter.MeetingIDs) > 0:
		return q.byMeeting(tenant)
	}
	return q.scan(recordingsByStart, tenant, placed)
}

func (q query) byID(tenant []byte) iter.Seq[entry] {
	var found []entry
	for _, prefix := range outermost(q.filter.RecordIDs) {
		read := func(rest, value []byte) entry {
			start, state := value[:timeSize], value[timeSize:]
			return entry{id: prefix + string(rest), start: string(start), state: string(state)}
		}
		found = slices.AppendSeq(found, q.scan(recordingsByID, slices.Concat(tenant, []byte(prefix)), read))
	}
	return inOrder(found)
}

func (q query) byMeeting(tenant []byte) iter.Seq[entry] {
	var found []entry
	for _, meetingID := range slices.Compact(slices.Sorted(slices.Values(q.filter.MeetingIDs))) {
		found = slices.AppendSeq(found, q.scan(recordingsByMeeting, ofMeeting(tenant, meetingID), placed))
	}
	return inOrder(found)
}

// scan yields what is under prefix in an index; read gets the rest of each key.
func (q query) scan(name string, prefix []byte, read func(rest, value []byte) entry) iter.Seq[entry] {
	return func(yield func(entry) bool) {
		cursor := bucket(q.tx, name).Cursor()
		for key, value := cursor.Seek(prefix); key != nil && q.ended() == nil; key, value = cursor.Next() {
			rest, ok := bytes.CutPrefix(key, prefix)
			if !ok || !yield(read(rest, value)) {
				return
			}
		}
	}
}

// placed reads the keys that end in start and ID.
func placed(rest, state []byte) entry {
	return entry{id: string(rest[timeSize:]), start: string(rest[:timeSize]), state: string(state)}
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

func inOrder(entries []entry) iter.Seq[entry] {
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(strings.Compare(a.start, b.start), strings.Compare(a.id, b.id))
	})
	return slices.Values(entries)
}
