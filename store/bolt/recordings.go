package bolt

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/bbbpool/bbbpool/store"
)

var recordingTable = table[store.Recording]{
	bucket: recordings, noun: "recording", encode: encodeRecording, decode: decodeRecording, index: indexRecording,
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
	err = db.read(ctx, fmt.Sprintf("list recordings of %.100q", f.Tenant), func(tx *bbolt.Tx) error {
		q := query{tx: tx, ended: ctx.Err, filter: f, tenants: tenantsOf(tx, f)}
		var ids []string
		ids, total = q.page()
		if q.err != nil {
			return q.err
		}
		page, err = rowsOf(ctx, tx, ids)
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	return page, total, nil
}

// tenantsOf are the starts of the keys of those tenants whose recordings are asked for: none for one that can have none.
func tenantsOf(tx *bbolt.Tx, f store.RecordingFilter) (starts []string) {
	if !f.AllTenants {
		return slices.DeleteFunc([]string{string(ofTenant(f.Tenant))}, func(start string) bool { return start == "" })
	}
	for key := range merge(bucket(tx, recordingsCounted), []string{""}, "") {
		starts = append(starts, string(key[:bytes.IndexByte(key, 0)+1]))
	}
	return slices.Compact(starts)
}

func rowsOf(ctx context.Context, tx *bbolt.Tx, ids []string) (list []store.Recording, err error) {
	for _, id := range ids {
		r, err := recordingTable.read([]byte(id), bucket(tx, recordings).Get([]byte(id)))
		if err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, ctx.Err()
}
