package bolt

import (
	"context"
	"errors"

	"go.etcd.io/bbolt"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/rows"
)

var jobTable = table[store.Job]{
	bucket: jobs, noun: "job", codec: rows.Jobs, links: jobLinks,
}

// jobLinks are the entries of a job in its index.
func jobLinks(j store.Job) []link {
	return []link{{jobsByState, rows.Sized(string(j.State)) + j.ID, ""}}
}

// importRole is [store.Imports].
type importRole struct{ db *DB }

// Jobs goes by an index: a hundred thousand jobs that are done cost nothing where open ones are asked for.
func (role importRole) Jobs(ctx context.Context, f store.JobFilter) ([]store.Job, error) {
	return fetch(ctx, role.db, "list jobs", func(tx *bbolt.Tx) (list []store.Job, err error) {
		index, prefixes := jobs, []string{""}
		if len(f.States) > 0 {
			index, prefixes = jobsByState, statePrefixes("", f.States)
		}
		for id := range merge(bucket(tx, index), prefixes, f.After) {
			j, err := jobTable.read(id, bucket(tx, jobs).Get(id))
			if err := errors.Join(err, ctx.Err()); err != nil {
				return list, err
			}
			if list = append(list, j); len(list) == f.Limit {
				return list, nil
			}
		}
		return list, nil
	})
}

func (role importRole) Job(ctx context.Context, id string) (store.Job, error) {
	return one(ctx, role.db, jobTable, []byte(id))
}

func (role importRole) UpdateJob(ctx context.Context, id string, change func(*store.Job) error) (store.Job, error) {
	fresh := store.Job{ID: id}
	return upsert(ctx, role.db, jobTable, []byte(id), &fresh, func(j *store.Job) error { return ofClosure(change(j)) })
}

func (role importRole) DeleteJob(ctx context.Context, id string) error {
	return remove(ctx, role.db, jobTable, []byte(id), anyway)
}

func (role importRole) Commit(
	ctx context.Context, job store.Job, recordIDs []string, change func(*store.Recording) error,
	tell ...func(store.Recording) []store.Callback,
) ([]store.Recording, error) {
	key := []byte(job.ID)
	return apply(ctx, role.db, jobTable.op("commit", key), func(t *txn) (list []store.Recording, err error) {
		for _, id := range recordIDs {
			fresh := store.Recording{RecordID: id}
			r, err := recordingTable.change(t, []byte(id), &fresh, func(r *store.Recording) error {
				return ofClosure(change(r))
			})
			if err != nil {
				return nil, err
			}
			list = append(list, r)
			for _, callbacks := range tell {
				if err := t.addCallbacks(callbacks(r)); err != nil {
					return nil, err
				}
			}
		}
		_, err = jobTable.change(t, key, &job, func(j *store.Job) error { *j = job; return nil })
		return list, err
	})
}
