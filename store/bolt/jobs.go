package bolt

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"go.etcd.io/bbolt"

	"github.com/bbbpool/bbbpool/store"
)

var jobTable = table[store.Job]{
	bucket: jobs, noun: "job", encode: encodeJob, decode: decodeJob, index: indexJob,
}

type jobRow struct {
	Path       text      `json:"path,omitempty"`
	Source     text      `json:"source,omitempty"`
	Keep       bool      `json:"keep,omitempty"`
	Tenant     text      `json:"tenant,omitempty"`
	Server     text      `json:"server,omitempty"`
	SHA256     text      `json:"sha256,omitempty"`
	State      text      `json:"state"`
	Attempts   int       `json:"attempts,omitempty"`
	Reason     text      `json:"reason,omitempty"`
	Next       time.Time `json:"next,omitzero"`
	Bytes      int64     `json:"bytes,omitempty"`
	Modified   time.Time `json:"modified,omitzero"`
	Staging    text      `json:"staging,omitempty"`
	Recordings []text    `json:"recordings,omitempty"`
	Created    time.Time `json:"created,omitzero"`
	Changed    time.Time `json:"changed,omitzero"`
}

func encodeJob(j store.Job) any {
	return jobRow{
		Path: text(j.Path), Source: text(j.Source), Keep: j.Keep, Tenant: text(j.Tenant), Server: text(j.Server),
		SHA256: text(j.SHA256), State: text(j.State), Attempts: j.Attempts, Reason: text(j.Reason),
		Next: j.Next.UTC(), Bytes: j.Bytes, Modified: j.Modified.UTC(), Staging: text(j.Staging),
		Recordings: texts(j.Recordings), Created: j.Created.UTC(), Changed: j.Changed.UTC(),
	}
}

func decodeJob(key, value []byte) (store.Job, error) {
	var r jobRow
	err := json.Unmarshal(value, &r)
	return store.Job{
		ID: string(key), Path: string(r.Path), Source: string(r.Source), Keep: r.Keep, Tenant: string(r.Tenant),
		Server: string(r.Server), SHA256: string(r.SHA256), State: store.JobState(r.State), Attempts: r.Attempts,
		Reason: string(r.Reason), Next: r.Next, Bytes: r.Bytes, Modified: r.Modified, Staging: string(r.Staging),
		Recordings: plain(r.Recordings), Created: r.Created, Changed: r.Changed,
	}, err
}

// jobLinks are the entries of a job in its index.
func jobLinks(j *store.Job) []link {
	if j == nil {
		return nil
	}
	return []link{{jobsByState, sized(string(j.State)) + j.ID, ""}}
}

func indexJob(t *txn, before, after *store.Job) error {
	return t.move(jobLinks(before), jobLinks(after))
}

// importRole is [store.Imports].
type importRole struct{ db *DB }

// Jobs goes by an index: a hundred thousand jobs that are done cost nothing where open ones are asked for.
func (role importRole) Jobs(ctx context.Context, f store.JobFilter) (list []store.Job, err error) {
	err = role.db.read(ctx, "list jobs", func(tx *bbolt.Tx) error {
		index, prefixes := jobs, []string{""}
		if len(f.States) > 0 {
			index, prefixes = jobsByState, statePrefixes("", f.States)
		}
		for id := range merge(bucket(tx, index), prefixes, f.After) {
			j, err := jobTable.read(id, bucket(tx, jobs).Get(id))
			if err := errors.Join(err, ctx.Err()); err != nil {
				return err
			}
			if list = append(list, j); len(list) == f.Limit {
				return nil
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list, nil
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
) (list []store.Recording, err error) {
	key := []byte(job.ID)
	err = role.db.write(ctx, jobTable.op("commit", key), func(t *txn) error {
		list = nil // of a run that did not count
		for _, id := range recordIDs {
			fresh := store.Recording{RecordID: id}
			r, err := recordingTable.change(t, []byte(id), &fresh, func(r *store.Recording) error {
				return ofClosure(change(r))
			})
			if err != nil {
				return err
			}
			list = append(list, r)
		}
		_, err := jobTable.change(t, key, &job, func(j *store.Job) error { *j = job; return nil })
		return err
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}
