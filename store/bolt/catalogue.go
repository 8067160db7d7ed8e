package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/bbbpool/bbbpool/store"
)

// Recording implements [store.Catalogue].
func (db *DB) Recording(ctx context.Context, recordID string) (store.Recording, error) {
	return one(ctx, db, recordingTable, []byte(recordID))
}

// ScanRecordings implements [store.Catalogue].
func (db *DB) ScanRecordings(ctx context.Context, after string, limit int) (list []store.Recording, err error) {
	err = db.read(ctx, fmt.Sprintf("scan recordings after %q", after), func(tx *bbolt.Tx) error {
		for id := range merge(bucket(tx, recordings), []string{""}, after) {
			if len(list) >= limit {
				return nil
			}
			r, err := recordingTable.read(id, bucket(tx, recordings).Get(id))
			if err := errors.Join(err, ctx.Err()); err != nil {
				return err
			}
			list = append(list, r)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// OwedRecordings implements [store.Catalogue].
func (db *DB) OwedRecordings(ctx context.Context) (list []store.Recording, err error) {
	err = db.read(ctx, "list owed recordings", func(tx *bbolt.Tx) error {
		var ids []string
		for id := range merge(bucket(tx, recordingsOwed), []string{""}, "") {
			ids = append(ids, string(id))
		}
		list, err = rowsOf(ctx, tx, ids)
		return err
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// CountRecordings implements [store.Catalogue].
func (db *DB) CountRecordings(ctx context.Context) (counts []store.RecordingCount, err error) {
	err = db.read(ctx, "count recordings", func(tx *bbolt.Tx) error {
		return bucket(tx, recordingsCounted).ForEach(func(key, value []byte) error {
			tenant, state, _ := bytes.Cut(key, []byte{0})
			sum := tallyOf(value)
			counts = append(counts, store.RecordingCount{
				Tenant: string(tenant), State: store.RecordingState(state), Count: int(sum.count), Bytes: sum.bytes,
			})
			return ctx.Err()
		})
	})
	if err != nil {
		return nil, err
	}
	return counts, nil
}

// DeleteRecording implements [store.Catalogue].
func (db *DB) DeleteRecording(ctx context.Context, recordID string) error {
	return remove(ctx, db, recordingTable, []byte(recordID), anyway)
}
