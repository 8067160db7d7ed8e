package postgres

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/postgres/question"
	"github.com/bbbpool/bbbpool/store/postgres/rails"
	"github.com/bbbpool/bbbpool/store/rows"
)

// longestID bounds what Scalelite's indexes hold.
const longestID = 2048

// many is how many recordings are locked one by one; for more, all other writers wait.
const many = 100

// lockRecordings makes writers of the same recordings wait for each other.
func (t *txn) lockRecordings(recordIDs []string, more ...int64) error {
	if len(recordIDs) > many {
		return t.lockAll()
	}
	for _, id := range recordIDs {
		more = append(more, lockOf(rows.Recordings.Kind, []byte(id)))
	}
	return t.lock(more...)
}

// changeRecordings queues what a closure makes of recordings. It gets the one that stands or, where there is none, a fresh
// one, and whether it stands. They must be locked.
func (t *txn) changeRecordings(
	b *pgx.Batch, recordIDs []string, change func(r *store.Recording, there bool) error,
) (list []store.Recording, err error) {
	found, err := t.stand(byID(slices.DeleteFunc(slices.Clone(recordIDs), func(id string) bool { return !rails.IsText(id) })), true)
	if err != nil {
		return nil, err
	}
	var saved []saving
	at := map[string]int{} // in saved, by the ID
	for _, id := range recordIDs {
		s := found[id]
		if s == nil {
			s = &standing{}
			found[id] = s
		}
		before := s.record
		if !s.there() {
			before = store.Recording{RecordID: id}
		}
		next, err := t.db.layout.saved(s, before, change)
		if err != nil {
			return nil, err
		}
		if i, twice := at[id]; twice {
			saved[i].after, saved[i].value = next.after, next.value // of one that is named twice, the last
		} else {
			at[id], saved = len(saved), append(saved, next)
		}
		s.record, s.how, s.own = next.after, alone, &next.after // what the next change of it finds
		list = append(list, next.after)
	}
	return list, t.saveAll(b, saved)
}

// saving is a recording on its way into the tables.
type saving struct {
	shown  *shown // what Scalelite has of it; nil for nothing
	there  bool
	before store.Recording
	after  store.Recording
	value  []byte // after as a row of its own
}

// saved is what a closure makes of a recording.
func (l *layout) saved(
	s *standing, before store.Recording, change func(r *store.Recording, there bool) error,
) (v saving, err error) {
	v = saving{shown: s.shown, there: s.there(), before: before}
	id, after := before.RecordID, before
	if v.there {
		after = clone(before)
	}
	if err := change(&after, v.there); err != nil {
		return v, err
	}
	after.RecordID = id
	if err := checkRecording(after); err != nil {
		return v, err
	}
	if v.value, err = rows.Recordings.Encode(after); err != nil {
		return v, err
	}
	v.after, err = rows.Recordings.Decode([]byte(id), v.value)
	return v, err
}

// clone is a recording that shares nothing with another one.
func clone(r store.Recording) store.Recording {
	value, err := rows.Recordings.Encode(r)
	if err != nil {
		return r
	}
	again, err := rows.Recordings.Decode([]byte(r.RecordID), value)
	if err != nil {
		return r
	}
	return again
}

// errText refuses a record ID that no column of text can hold.
var errText = errors.New("the record ID is no text")

// checkRecording refuses what could not be found again.
func checkRecording(r store.Recording) error {
	if r.RecordID == "" || rows.OfTenant(r.Tenant) == nil {
		return rows.ErrKey
	}
	if !rails.IsText(r.RecordID) {
		return errText
	}
	for what, id := range map[string]string{
		"record ID": r.RecordID, "tenant": rails.ToText(r.Tenant), "meeting ID": rails.ToText(r.MeetingID),
	} {
		if len(id) > longestID {
			return fmt.Errorf("%w: the %s: %d bytes, the limit is %d", store.ErrTooLarge, what, len(id), longestID)
		}
	}
	return nil
}

// saveAll queues recordings. Numbers for what is new in the tables are asked for first.
func (t *txn) saveAll(b *pgx.Batch, list []saving) error {
	var newRecordings, newFormats int
	for _, v := range list {
		if !stands(v.after) {
			continue
		}
		var there []shownFormat
		if v.shown == nil {
			newRecordings++
		} else {
			there = v.shown.formats
		}
		for _, f := range show(v.after).formats {
			if formatIn(there, f.format) == nil {
				newFormats++
			}
		}
	}
	w := writer{Batch: b, layout: t.db.layout}
	var err error
	if w.recordings, err = t.numbers("recordings", newRecordings); err != nil {
		return err
	}
	if w.formats, err = t.numbers("playback_formats", newFormats); err != nil {
		return err
	}
	var c tallies
	for _, v := range list {
		if err := w.save(v); err != nil {
			return err
		}
		if v.there {
			c.add(v.before, -1)
		}
		c.add(v.after, 1)
	}
	w.fresh.queue(b)
	c.queue(b)
	return nil
}

var errNoSequence = errors.New("the table has no sequence that gives numbers, as Rails makes it")

// numbers are for new rows of a table of Scalelite's.
func (t *txn) numbers(table string, n int) (list []int64, err error) {
	if n == 0 {
		return nil, nil
	}
	sequence := t.db.layout.Sequences[table]
	if sequence == "" {
		return nil, fmt.Errorf("public.%s: %w", table, errNoSequence)
	}
	err = t.list(func(rows pgx.Rows) error {
		var id int64
		err := rows.Scan(&id)
		list = append(list, id)
		return err
	}, "SELECT nextval($1::text::regclass) FROM generate_series(1, $2::int)", sequence, n)
	return list, err
}

// writer queues what changes in Scalelite's tables and in ours.
type writer struct {
	*pgx.Batch
	fresh      fresh // what is queued at the end
	layout     *layout
	recordings []int64 // numbers for new ones
	formats    []int64
}

func take(list *[]int64) int64 {
	n := (*list)[0]
	*list = (*list)[1:]
	return n
}

// save queues one recording.
func (w *writer) save(v saving) error {
	row, look, err := w.layout.ownRow(v.after, v.value)
	if err != nil {
		return err
	}
	switch is := show(v.after); {
	case !stands(v.after) && v.shown != nil:
		w.drop(v.shown.id)
	case !stands(v.after):
	case v.shown == nil:
		w.insert(v.after.RecordID, is)
	default:
		w.update(*v.shown, show(v.before), is)
	}
	return w.fresh.put(row, look)
}

// drop takes a recording out of Scalelite's tables.
func (w *writer) drop(id int64) {
	w.dropFormats("recording_id = $1", id)
	w.Queue("DELETE FROM public.metadata WHERE recording_id = $1", id)
	w.Queue("DELETE FROM public.recordings WHERE id = $1", id)
}

func (w *writer) dropFormats(which string, args ...any) {
	w.Queue("DELETE FROM public.thumbnails WHERE playback_format_id IN (SELECT id FROM public.playback_formats WHERE "+which+")",
		args...)
	w.Queue("DELETE FROM public.playback_formats WHERE "+which, args...)
}

// columns are the columns of a recording, and their values.
func (l *layout) values(s shown) (columns []string, values []any) {
	add := func(column string, value any) {
		if l.Columns["recordings"][column] {
			columns, values = append(columns, column), append(values, value)
		}
	}
	add("meeting_id", s.meetingID)
	add("name", s.name)
	add("published", s.published)
	add("participants", pgtype.Int4{Int32: s.participants, Valid: s.participants != 0})
	add("state", pgtype.Text{String: s.state, Valid: s.state != ""})
	add("starttime", question.Timestamp(s.start))
	add("endtime", question.Timestamp(s.end))
	add("protected", s.protected)
	add("publish_updated", s.republished)
	return columns, values
}

func (w *writer) insert(recordID string, s shown) {
	columns, values := w.layout.values(s)
	id := take(&w.recordings)
	columns, values = append(columns, "id", "record_id"), append(values, id, recordID)
	var marks []string
	for i := range values {
		marks = append(marks, fmt.Sprintf("$%d", i+1))
	}
	w.Queue("INSERT INTO public.recordings ("+strings.Join(columns, ", ")+") VALUES ("+strings.Join(marks, ", ")+")", values...)
	w.fresh.addMeta(id, metaRows(s))
	for _, f := range s.formats {
		w.fresh.addFormat(take(&w.formats), id, f)
	}
}

// metaRows are the rows of metadata, the tenant's among them.
func metaRows(s shown) map[string]string {
	all := make(map[string]string, len(s.meta)+1)
	maps.Copy(all, s.meta)
	if s.owned {
		all[tenantKey] = s.tenant
	}
	return all
}

// update writes what differs from what the recording was, and nothing else: a column that says it in another way than we would
// stays. The rows of metadata and formats are taken from what there is.
func (w *writer) update(there, was, is shown) {
	columns, values := w.layout.values(is)
	_, before := w.layout.values(was)
	var sets []string
	args := []any{there.id}
	for i, column := range columns {
		if values[i] != before[i] {
			args = append(args, values[i])
			sets = append(sets, fmt.Sprintf("%s = $%d", column, len(args)))
		}
	}
	if len(sets) > 0 {
		w.Queue("UPDATE public.recordings SET "+strings.Join(sets, ", ")+" WHERE id = $1", args...)
	}
	w.moveMeta(there.id, metaRows(there), metaRows(is))
	w.moveFormats(there.id, there.formats, is.formats)
}

// moveMeta takes the rows of metadata from what they were to what they are.
func (w *writer) moveMeta(id int64, was, is map[string]string) {
	var gone, changedKeys, changedValues []string
	added := map[string]string{}
	for key := range was {
		if _, ok := is[key]; !ok {
			gone = append(gone, key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(is)) {
		if before, ok := was[key]; !ok {
			added[key] = is[key]
		} else if before != is[key] {
			changedKeys, changedValues = append(changedKeys, key), append(changedValues, is[key])
		}
	}
	if len(gone) > 0 {
		w.Queue("DELETE FROM public.metadata WHERE recording_id = $1 AND key = ANY($2::text[])", id, gone)
	}
	if len(changedKeys) > 0 {
		w.Queue(`UPDATE public.metadata m SET value = n.value FROM unnest($2::text[], $3::text[]) AS n(key, value)
			WHERE m.recording_id = $1 AND m.key = n.key`, id, changedKeys, changedValues)
	}
	w.fresh.addMeta(id, added)
}

// moveFormats takes the formats from what they were to what they are.
func (w *writer) moveFormats(id int64, was, is []shownFormat) {
	for _, f := range was {
		if formatIn(is, f.format) == nil {
			w.dropFormats("recording_id = $1 AND format = $2", id, f.format)
		}
	}
	for _, f := range is {
		before := formatIn(was, f.format)
		switch {
		case before == nil:
			w.fresh.addFormat(take(&w.formats), id, f)
			continue
		case before.path != f.path || before.minutes != f.minutes:
			w.Queue("UPDATE public.playback_formats SET url = $2, length = $3 WHERE id = $1", before.id, f.path, f.minutes)
		}
		if !slices.Equal(before.images, f.images) {
			w.Queue("DELETE FROM public.thumbnails WHERE playback_format_id = $1", before.id)
			w.fresh.addImages(before.id, f.images)
		}
	}
}

// formatIn is the format of a type; nil for none.
func formatIn(list []shownFormat, format string) *shownFormat {
	for i := range list {
		if list[i].format == format {
			return &list[i]
		}
	}
	return nil
}
