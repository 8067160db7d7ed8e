package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/rows"
)

var recordingTable = table[store.Recording]{
	bucket: recordings, noun: "recording", codec: rows.Recordings, links: recordingLinks, tally: (*txn).add,
	check: func(r store.Recording) error { return rows.CheckTenant(r.Tenant) },
}

// recordingRole is [store.Recordings].
type recordingRole struct{ db *DB }

func (role recordingRole) CreateRecording(ctx context.Context, r store.Recording) error {
	_, err := create(ctx, role.db, recordingTable, []byte(r.RecordID), r)
	return err
}

func (role recordingRole) UpdateRecording(
	ctx context.Context, tenant, recordID string, change func(*store.Recording) error,
) (store.Recording, error) {
	return update(ctx, role.db, recordingTable, []byte(recordID), func(r *store.Recording) error {
		if r.Tenant != tenant {
			return store.ErrNotFound
		}
		return ofClosure(change(r))
	})
}

func (role recordingRole) Recordings(
	ctx context.Context, f store.RecordingFilter,
) (page []store.Recording, total int, err error) {
	err = role.db.read(ctx, fmt.Sprintf("list recordings of %.100q", f.Tenant), func(tx *bbolt.Tx) error {
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

// catalogueRole is [store.Catalogue].
type catalogueRole struct{ db *DB }

func (role catalogueRole) Recording(ctx context.Context, recordID string) (store.Recording, error) {
	return one(ctx, role.db, recordingTable, []byte(recordID))
}

func (role catalogueRole) ScanRecordings(ctx context.Context, after string, limit int) ([]store.Recording, error) {
	op := fmt.Sprintf("scan recordings after %q", after)
	return fetch(ctx, role.db, op, func(tx *bbolt.Tx) (list []store.Recording, err error) {
		for id := range merge(bucket(tx, recordings), []string{""}, after) {
			if len(list) >= limit {
				return list, nil
			}
			r, err := recordingTable.read(id, bucket(tx, recordings).Get(id))
			if err := errors.Join(err, ctx.Err()); err != nil {
				return list, err
			}
			list = append(list, r)
		}
		return list, nil
	})
}

func (role catalogueRole) OwedRecordings(ctx context.Context) ([]store.Recording, error) {
	return fetch(ctx, role.db, "list owed recordings", func(tx *bbolt.Tx) (list []store.Recording, err error) {
		var ids []string
		for id := range merge(bucket(tx, recordingsOwed), []string{""}, "") {
			ids = append(ids, string(id))
		}
		list, err = rowsOf(ctx, tx, ids)
		return list, err
	})
}

func (role catalogueRole) CountRecordings(ctx context.Context) ([]store.RecordingCount, error) {
	return fetch(ctx, role.db, "count recordings", func(tx *bbolt.Tx) (counts []store.RecordingCount, err error) {
		err = bucket(tx, recordingsCounted).ForEach(func(key, value []byte) error {
			tenant, state, _ := bytes.Cut(key, []byte{0})
			sum := tallyOf(value)
			counts = append(counts, store.RecordingCount{
				Tenant: string(tenant), State: store.RecordingState(state), Count: int(sum.count), Bytes: sum.bytes,
			})
			return ctx.Err()
		})
		return counts, err
	})
}

func (role catalogueRole) DeleteRecording(ctx context.Context, recordID string) error {
	return remove(ctx, role.db, recordingTable, []byte(recordID), anyway)
}

// tenantsOf are the starts of the keys of those tenants whose recordings are asked for: none for one that can have none.
func tenantsOf(tx *bbolt.Tx, f store.RecordingFilter) (starts []string) {
	if !f.AllTenants {
		return slices.DeleteFunc([]string{string(rows.OfTenant(f.Tenant))}, func(start string) bool { return start == "" })
	}
	for key := range merge(bucket(tx, recordingsCounted), []string{""}, "") {
		starts = append(starts, string(key[:bytes.IndexByte(key, 0)+1]))
	}
	return slices.Compact(starts)
}

// rowsOf reads the recordings with these IDs, in that order. It ends early when ctx does.
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
