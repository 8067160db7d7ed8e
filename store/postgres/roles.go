package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/postgres/fault"
	"github.com/bbbpool/bbbpool/store/rows"
)

var (
	jobTable        = table[store.Job]{noun: "job", codec: rows.Jobs}
	adminTokenTable = table[store.AdminToken]{noun: "admin token", codec: rows.AdminTokens}
	auditTable      = table[store.Audit]{noun: "audit entry", codec: rows.Audits}
	eventTable      = table[rows.Journal]{noun: "events", codec: rows.Events}
)

var errNoKey = errors.New("there is none yet, and the fresh one is empty")

// keyRole is [store.Keys].
type keyRole struct{ db *DB }

func (role keyRole) Key(ctx context.Context, name string, fresh []byte) (key []byte, err error) {
	op := fmt.Sprintf("get the key %.100q", name)
	err = role.db.read(ctx, op, func(t *txn) error {
		key, err = t.get(rows.Keys.Kind, []byte(name))
		return err
	})
	if err != nil || key != nil {
		return key, err
	}
	err = role.db.write(ctx, op, func(t *txn) error {
		if err := t.lock(lockOf(rows.Keys.Kind, []byte(name))); err != nil {
			return err
		}
		if key, err = t.get(rows.Keys.Kind, []byte(name)); err != nil || key != nil {
			return err
		}
		switch {
		case name == "":
			return rows.ErrKey
		case len(fresh) == 0:
			return errNoKey
		}
		var b pgx.Batch
		if err := put(&b, store.Row{Kind: rows.Keys.Kind, Key: []byte(name), Value: fresh}, nil); err != nil {
			return err
		}
		key = slices.Clone(fresh)
		return t.send(&b)
	})
	if err != nil {
		return nil, err
	}
	return key, nil
}

// eventRole is [store.Events].
type eventRole struct{ db *DB }

func (role eventRole) Events(ctx context.Context) (map[string][]store.Event, error) {
	events := map[string][]store.Event{}
	err := role.db.read(ctx, "list events", func(t *txn) error {
		journals, err := all(t, eventTable, span{})
		for _, j := range journals {
			events[j.Server] = j.List
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return events, nil
}

func (role eventRole) KeepEvents(ctx context.Context, server string, list []store.Event) error {
	return role.db.write(ctx, fmt.Sprintf("keep the events of %.100q", server), func(t *txn) error {
		if server == "" {
			return rows.ErrKey
		}
		if err := t.lock(lockOf(rows.Events.Kind, []byte(server))); err != nil {
			return err
		}
		var b pgx.Batch
		if len(list) == 0 {
			forget(&b, rows.Events.Kind, []byte(server))
		} else if _, err := eventTable.save(&b, []byte(server), rows.Journal{Server: server, List: list}); err != nil {
			return err
		}
		return t.send(&b)
	})
}

// adminTokenRole is [store.AdminTokens].
type adminTokenRole struct{ db *DB }

func (role adminTokenRole) AdminTokens(ctx context.Context) ([]store.AdminToken, error) {
	return whole(ctx, role.db, "list admin tokens", adminTokenTable)
}

func (role adminTokenRole) CreateAdminToken(ctx context.Context, a store.AdminToken) error {
	return create(ctx, role.db, adminTokenTable, []byte(a.Name), a)
}

func (role adminTokenRole) DeleteAdminToken(ctx context.Context, name string) error {
	return remove(ctx, role.db, adminTokenTable, []byte(name))
}

// auditRole is [store.Audits].
type auditRole struct{ db *DB }

func (role auditRole) AddAudit(ctx context.Context, a store.Audit) error {
	return create(ctx, role.db, auditTable, rows.Audits.Key(a), a)
}

func (role auditRole) Audits(ctx context.Context, f store.AuditFilter) (list []store.Audit, err error) {
	err = role.db.read(ctx, "list the audit log", func(t *txn) error {
		if list = nil; f.Limit <= 0 {
			return nil
		}
		list, err = t.audits(f)
		return err
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// audits reads backwards a page at a time, of those entries that the database takes for selected.
func (t *txn) audits(f store.AuditFilter) (list []store.Audit, err error) {
	s := span{to: rows.AuditsEnd(f), limit: f.Limit, last: true}
	if !f.Since.IsZero() {
		s.from = rows.TimeKey(f.Since)
	}
	for {
		var read int
		err = t.each(rows.Audits.Kind, s, func(key, value []byte) error {
			read++
			s.to = key
			a, err := rows.Audits.Decode(key, value)
			if err == nil && f.Selects(a) && len(list) < f.Limit {
				list = append(list, a)
			}
			return err
		}, rows.AuditWords(f)...)
		if err != nil || read < s.limit || len(list) == f.Limit {
			return list, err
		}
	}
}

func (role auditRole) DeleteAudits(ctx context.Context, before time.Time, limit int) (int, error) {
	return role.db.deleteFirst(ctx, "shorten the audit log", rows.Audits.Kind, span{to: rows.TimeKey(before), limit: limit})
}

// importRole is [store.Imports].
type importRole struct{ db *DB }

func (role importRole) Jobs(ctx context.Context, f store.JobFilter) (list []store.Job, err error) {
	err = role.db.read(ctx, "list jobs", func(t *txn) error {
		if len(f.States) == 0 {
			list, err = all(t, jobTable, span{after: []byte(f.After), limit: f.Limit})
			return err
		}
		list, err = t.jobsIn(f)
		return err
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// jobsIn takes the first jobs of each state, and of these the first.
func (t *txn) jobsIn(f store.JobFilter) (list []store.Job, err error) {
	states := slices.Clone(f.States)
	slices.Sort(states)
	for _, state := range slices.Compact(states) {
		s := prefixed([]byte(rows.Sized(string(state))))
		s.limit = f.Limit
		if f.After != "" {
			s.from, s.after = nil, append(slices.Clone(s.from), f.After...)
		}
		jobs, err := found(t, jobTable, 0, s)
		if err != nil {
			return nil, err
		}
		list = append(list, jobs...)
	}
	slices.SortFunc(list, func(a, b store.Job) int { return strings.Compare(a.ID, b.ID) })
	if f.Limit > 0 && len(list) > f.Limit {
		list = list[:f.Limit]
	}
	return list, nil
}

func (role importRole) Job(ctx context.Context, id string) (store.Job, error) {
	return one(ctx, role.db, jobTable, []byte(id))
}

func (role importRole) UpdateJob(ctx context.Context, id string, change func(*store.Job) error) (store.Job, error) {
	fresh := store.Job{ID: id}
	return update(ctx, role.db, jobTable, []byte(id), &fresh, func(j *store.Job) error { return fault.OfClosure(change(j)) })
}

func (role importRole) DeleteJob(ctx context.Context, id string) error {
	return remove(ctx, role.db, jobTable, []byte(id))
}

func (role importRole) Commit(
	ctx context.Context, job store.Job, recordIDs []string, change func(*store.Recording) error,
	tell ...func(store.Recording) []store.Callback,
) (list []store.Recording, err error) {
	err = role.db.write(ctx, jobTable.op("commit", []byte(job.ID)), func(t *txn) error {
		if err := t.lockRecordings(recordIDs, lockOf(rows.Jobs.Kind, []byte(job.ID))); err != nil {
			return err
		}
		var b pgx.Batch
		if _, err := jobTable.save(&b, []byte(job.ID), job); err != nil {
			return err
		}
		list, err = t.changeRecordings(&b, recordIDs, func(r *store.Recording, _ bool) error { return fault.OfClosure(change(r)) })
		if err != nil {
			return err
		}
		var callbacks []store.Callback
		for _, r := range list {
			for _, of := range tell {
				callbacks = append(callbacks, of(r)...)
			}
		}
		if err := addCallbacks(&b, callbacks); err != nil {
			return err
		}
		return t.send(&b)
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}
