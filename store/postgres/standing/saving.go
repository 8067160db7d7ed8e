package standing

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

// LongestID bounds what Scalelite's indexes hold.
const LongestID = 2048

// Saving is a recording on its way into the tables.
type Saving struct {
	shown  *shown // what Scalelite has of it; nil for nothing
	There  bool
	Before store.Recording
	After  store.Recording
	value  []byte // After as a row of its own
}

// Change is what a closure makes of a recording of this ID, which it is from then on.
func (s *Recording) Change(id string, change func(r *store.Recording, there bool) error) (v Saving, err error) {
	before := s.Record
	if !s.There() {
		before = store.Recording{RecordID: id}
	}
	v = Saving{shown: s.shown, There: s.There(), Before: before}
	after := before
	if v.There {
		after = clone(before)
	}
	if err := change(&after, v.There); err != nil {
		return v, err
	}
	after.RecordID = id
	if err := checkRecording(after); err != nil {
		return v, err
	}
	if v.value, err = rows.Recordings.Encode(after); err != nil {
		return v, err
	}
	if v.After, err = rows.Recordings.Decode([]byte(id), v.value); err != nil {
		return v, err
	}
	s.Record, s.how, s.own = v.After, alone, &v.After // what the next change of it finds
	return v, nil
}

// Then is both, one after the other.
func (v Saving) Then(next Saving) Saving {
	v.After, v.value = next.After, next.value
	return v
}

// Numbers is how many numbers writing takes, for what is new in Scalelite's tables.
func Numbers(list []Saving) (recordings, formats int) {
	for _, v := range list {
		if !stands(v.After) {
			continue
		}
		var there []shownFormat
		if v.shown == nil {
			recordings++
		} else {
			there = v.shown.formats
		}
		for _, f := range show(v.After).formats {
			if formatIn(there, f.format) == nil {
				formats++
			}
		}
	}
	return recordings, formats
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
		if len(id) > LongestID {
			return fmt.Errorf("%w: the %s: %d bytes, the limit is %d", store.ErrTooLarge, what, len(id), LongestID)
		}
	}
	return nil
}

// Writer queues what changes in Scalelite's tables and in ours.
type Writer struct {
	*pgx.Batch
	fresh      fresh // what is queued at the end
	Layout     *Layout
	Recordings []int64 // numbers for new ones
	Formats    []int64
}

func take(list *[]int64) int64 {
	n := (*list)[0]
	*list = (*list)[1:]
	return n
}

// Save queues one recording.
func (w *Writer) Save(v Saving) error {
	row, look, err := w.Layout.ownRow(v.After, v.value)
	if err != nil {
		return err
	}
	switch is := show(v.After); {
	case !stands(v.After) && v.shown != nil:
		w.drop(v.shown.id)
	case !stands(v.After):
	case v.shown == nil:
		w.insert(v.After.RecordID, is)
	default:
		w.update(*v.shown, show(v.Before), is)
	}
	return w.fresh.put(row, look)
}

// Finish queues what was not yet.
func (w *Writer) Finish() { w.fresh.queue(w.Batch) }

// Drop takes a recording out of Scalelite's tables, if it stands there.
func (w *Writer) Drop(s *Recording) {
	if s.shown != nil {
		w.drop(s.id)
	}
}

// drop takes a recording out of Scalelite's tables.
func (w *Writer) drop(id int64) {
	w.dropFormats("recording_id = $1", id)
	w.Queue("DELETE FROM public.metadata WHERE recording_id = $1", id)
	w.Queue("DELETE FROM public.recordings WHERE id = $1", id)
}

func (w *Writer) dropFormats(which string, args ...any) {
	w.Queue("DELETE FROM public.thumbnails WHERE playback_format_id IN (SELECT id FROM public.playback_formats WHERE "+which+")",
		args...)
	w.Queue("DELETE FROM public.playback_formats WHERE "+which, args...)
}

// columns are the columns of a recording, and their values.
func (l *Layout) values(s shown) (columns []string, values []any) {
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

func (w *Writer) insert(recordID string, s shown) {
	columns, values := w.Layout.values(s)
	id := take(&w.Recordings)
	columns, values = append(columns, "id", "record_id"), append(values, id, recordID)
	var marks []string
	for i := range values {
		marks = append(marks, fmt.Sprintf("$%d", i+1))
	}
	w.Queue("INSERT INTO public.recordings ("+strings.Join(columns, ", ")+") VALUES ("+strings.Join(marks, ", ")+")", values...)
	w.fresh.addMeta(id, metaRows(s))
	for _, f := range s.formats {
		w.fresh.addFormat(take(&w.Formats), id, f)
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
func (w *Writer) update(there, was, is shown) {
	columns, values := w.Layout.values(is)
	_, before := w.Layout.values(was)
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
func (w *Writer) moveMeta(id int64, was, is map[string]string) {
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
func (w *Writer) moveFormats(id int64, was, is []shownFormat) {
	for _, f := range was {
		if formatIn(is, f.format) == nil {
			w.dropFormats("recording_id = $1 AND format = $2", id, f.format)
		}
	}
	for _, f := range is {
		before := formatIn(was, f.format)
		switch {
		case before == nil:
			w.fresh.addFormat(take(&w.Formats), id, f)
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
