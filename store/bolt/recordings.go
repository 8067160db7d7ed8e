package bolt

import (
	"context"
	"fmt"

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
	err = db.read(ctx, fmt.Sprintf("list recordings of %q", f.Tenant), func(tx *bbolt.Tx) error {
		q := query{tx: tx, ended: ctx.Err, filter: f, tenant: string(ofTenant(f.Tenant))}
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
