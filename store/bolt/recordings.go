package bolt

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/bbbpool/bbbpool/store"
)

var recordingTable = table[store.Recording]{
	bucket: recordings, noun: "recording", encode: encodeRecording, decode: decodeRecording, index: indexRecording,
}

func encodeRecording(r store.Recording) any {
	row := recordingRow{
		Tenant: text(r.Tenant), MeetingID: text(r.MeetingID), Name: text(r.Name), State: text(r.State),
		Published: r.Published, Start: r.Start.UTC(), End: r.End.UTC(), Participants: r.Participants,
		Meta: make(map[string]text, len(r.Meta)),
	}
	for name, value := range r.Meta {
		row.Meta[name] = text(value)
	}
	for _, f := range r.Formats {
		row.Formats = append(row.Formats, formatRow{
			Type: text(f.Type), Path: text(f.Path), Length: f.Length, Size: f.Size,
		})
	}
	return row
}

func decodeRecording(key, value []byte) (store.Recording, error) {
	var row recordingRow
	err := json.Unmarshal(value, &row)
	r := store.Recording{
		RecordID: string(key), Tenant: string(row.Tenant), MeetingID: string(row.MeetingID), Name: string(row.Name),
		State: string(row.State), Published: row.Published, Start: row.Start, End: row.End,
		Participants: row.Participants, Meta: make(map[string]string, len(row.Meta)),
	}
	for name, value := range row.Meta {
		r.Meta[name] = string(value)
	}
	for _, f := range row.Formats {
		r.Formats = append(r.Formats, store.Format{
			Type: string(f.Type), Path: string(f.Path), Length: f.Length, Size: f.Size,
		})
	}
	return r, err
}

// indexRecording moves a recording in its three indexes. They carry what the filters ask for, so that rows are read
// for one page only.
func indexRecording(t *txn, before, after *store.Recording) error {
	tenant := ofTenant(after.Tenant)
	if tenant == nil {
		return errKey
	}
	if before != nil {
		if err := unindexRecording(t, before); err != nil {
			return err
		}
	}
	start, id, state := newestFirst(after.Start), []byte(after.RecordID), []byte(after.State)
	if err := t.put(recordingsByID, slices.Concat(tenant, id), slices.Concat(start, state)); err != nil {
		return err
	}
	place := slices.Concat(start, id)
	if err := t.put(recordingsByStart, slices.Concat(tenant, place), state); err != nil {
		return err
	}
	return t.put(recordingsByMeeting, slices.Concat(ofMeeting(tenant, after.MeetingID), place), state)
}

func unindexRecording(t *txn, r *store.Recording) error {
	tenant := ofTenant(r.Tenant)
	if err := t.delete(recordingsByID, slices.Concat(tenant, []byte(r.RecordID))); err != nil {
		return err
	}
	place := slices.Concat(newestFirst(r.Start), []byte(r.RecordID))
	if err := t.delete(recordingsByStart, slices.Concat(tenant, place)); err != nil {
		return err
	}
	return t.delete(recordingsByMeeting, slices.Concat(ofMeeting(tenant, r.MeetingID), place))
}

// CreateRecording implements [store.Recordings].
func (db *DB) CreateRecording(ctx context.Context, r store.Recording) error {
	_, err := create(ctx, db, recordingTable, []byte(r.RecordID), r)
	return err
}

// UpdateRecording implements [store.Recordings].
func (db *DB) UpdateRecording(
	ctx context.Context, tenant, recordID string, change func(*store.Recording) error,
) (store.Recording, error) {
	return update(ctx, db, recordingTable, []byte(recordID), func(r *store.Recording) error {
		if r.Tenant != tenant {
			return store.ErrNotFound
		}
		return refused(change(r))
	})
}

// Recordings implements [store.Recordings].
func (db *DB) Recordings(
	ctx context.Context, f store.RecordingFilter,
) (page []store.Recording, total int, err error) {
	err = db.read(ctx, fmt.Sprintf("list recordings of %q", f.Tenant), func(tx *bbolt.Tx) error {
		var ids []string
		ids, total = pageOf(query{tx: tx, ended: ctx.Err, filter: f}.entries(), f)
		for _, id := range ids {
			r, err := recordingTable.read([]byte(id), bucket(tx, recordings).Get([]byte(id)))
			if err != nil {
				return err
			}
			page = append(page, r)
		}
		return ctx.Err()
	})
	if err != nil {
		return nil, 0, err
	}
	return page, total, nil
}
