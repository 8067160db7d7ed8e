package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/postgres/fault"
	"github.com/bbbpool/bbbpool/store/postgres/question"
	"github.com/bbbpool/bbbpool/store/postgres/rails"
	"github.com/bbbpool/bbbpool/store/postgres/standing"
	"github.com/bbbpool/bbbpool/store/rows"
)

// recordingRole is [store.Recordings].
type recordingRole struct{ db *DB }

func (role recordingRole) CreateRecording(ctx context.Context, r store.Recording) error {
	_, err := role.db.changeRecording(ctx, "create", r.RecordID, func(fresh *store.Recording, there bool) error {
		if there {
			return store.ErrExists
		}
		*fresh = r
		return nil
	})
	return err
}

func (role recordingRole) UpdateRecording(
	ctx context.Context, tenant, recordID string, change func(*store.Recording) error,
) (store.Recording, error) {
	return role.db.changeRecording(ctx, "update", recordID, func(r *store.Recording, there bool) error {
		if !there || r.Tenant != tenant {
			return store.ErrNotFound
		}
		return fault.OfClosure(change(r))
	})
}

// changeRecording changes one recording in one transaction.
func (db *DB) changeRecording(
	ctx context.Context, verb, recordID string, change func(r *store.Recording, there bool) error,
) (r store.Recording, err error) {
	err = db.write(ctx, fmt.Sprintf("%s recording %.100q", verb, recordID), func(t *txn) error {
		if err := t.lockRecordings([]string{recordID}); err != nil {
			return err
		}
		var b pgx.Batch
		list, err := t.changeRecordings(&b, []string{recordID}, change)
		if err != nil {
			return err
		}
		r = list[0]
		return t.send(&b)
	})
	if err != nil {
		return store.Recording{}, err
	}
	return r, nil
}

func (role recordingRole) Recordings(
	ctx context.Context, f store.RecordingFilter,
) (page []store.Recording, total int, err error) {
	op := fmt.Sprintf("list recordings of %.100q", f.Tenant)
	if err := role.db.there(ctx, op); err != nil {
		return nil, 0, err
	}
	if !f.AllTenants && rows.OfTenant(f.Tenant) == nil {
		return nil, 0, fault.Wrap(ctx, op, ctx.Err()) // nothing could be stored of it
	}
	var apart []store.Recording
	if question.MayBeApart(f) {
		err := role.db.read(ctx, op, func(t *txn) error {
			apart, err = t.apart(f)
			return err
		})
		if err != nil {
			return nil, 0, err
		}
	}
	if question.Narrow(f) || len(apart) > 0 {
		return role.db.narrowed(ctx, op, f, apart)
	}
	return role.db.inTurn(ctx, op, f)
}

// narrowed finds a page of what IDs or metadata select. Behind the last page nothing says how many there are: it is asked.
func (db *DB) narrowed(
	ctx context.Context, op string, f store.RecordingFilter, apart []store.Recording,
) (page []store.Recording, total int, err error) {
	q, b := question.Query{Filter: f}, pgx.Batch{}
	db.queueLimits(&b)
	sql := q.Selected(apart)
	s := db.layout.QueuePage(&b, sql, q.Args)
	if err := db.ask(ctx, op, &b); err != nil {
		return nil, 0, err
	}
	if question.All(f) {
		return s.Page(), s.Len(), nil
	}
	if s.Len() > 0 || f.Offset <= 0 {
		return s.Page(), s.Total, nil
	}
	f.Offset, f.Limit = 0, 1
	_, total, err = db.narrowed(ctx, op, f, apart)
	return nil, total, err
}

// inTurn finds a page of all, or of what is in some states, and counts them without looking at them.
func (db *DB) inTurn(ctx context.Context, op string, f store.RecordingFilter) ([]store.Recording, int, error) {
	share, known := db.shares.get(f)
	for {
		q, b := question.Query{Filter: f}, pgx.Batch{}
		db.queueLimits(&b)
		var counts tallies
		var all int64
		queueCounts(&b, f, &counts, &all)
		var s *standing.Sheet
		if known {
			question := q.Plain
			if few(f, share) {
				question = q.OfFew
			}
			sql := question()
			s = db.layout.QueuePage(&b, sql, q.Args)
		}
		if err := db.ask(ctx, op, &b); err != nil {
			return nil, 0, err
		}
		mine := 0
		for _, y := range counts {
			if len(f.States) == 0 || slices.Contains(f.States, store.RecordingState(rails.FromText(y.state))) {
				mine += int(y.count)
			}
		}
		share = db.shares.set(f, mine, int(all))
		if known {
			return s.Page(), totalOf(f, s.Len(), mine), nil
		}
		known = true
	}
}

// apart are the recordings that are asked for and that the tables do not find.
func (t *txn) apart(f store.RecordingFilter) (list []store.Recording, err error) {
	if !question.MayBeApart(f) {
		return nil, nil
	}
	keys, err := t.placed(rows.Recordings.Kind, standing.Alone, span{})
	if err == nil && len(f.Meta) > 0 {
		var deleted [][]byte
		deleted, err = t.placed(rows.Recordings.Kind, standing.Kept, span{})
		keys = append(keys, deleted...)
	}
	if err != nil || len(keys) == 0 {
		return nil, err
	}
	var ids []string
	for _, key := range keys {
		ids = append(ids, string(key))
	}
	found, err := t.stand(standing.ByID(ids), false)
	for _, s := range found {
		if s.There() && s.Hidden(len(f.Meta) > 0) && question.Selects(f, s.Record) {
			list = append(list, s.Record)
		}
	}
	slices.SortFunc(list, func(a, b store.Recording) int { return cmp.Compare(a.RecordID, b.RecordID) })
	return list, err
}

// totalOf corrects a count by what the page itself shows.
func totalOf(f store.RecordingFilter, found, counted int) int {
	offset := max(0, f.Offset)
	switch seen := offset + found; {
	case found == 0 && offset > 0:
		return min(counted, offset)
	case f.Limit <= 0 || found < f.Limit:
		return seen
	default:
		return max(seen, counted)
	}
}

// few tells whether a tenant has so few recordings that looking at all of them is quicker than looking for a page of them
// among those of others. Deleted ones are not found by the tenant in the metadata.
func few(f store.RecordingFilter, has share) bool {
	if f.AllTenants || f.Tenant == store.DefaultTenant || len(f.States) == 0 || slices.Contains(f.States, store.Deleted) {
		return false
	}
	if f.Limit <= 0 {
		return true
	}
	return float64(has.mine)*float64(has.mine) < float64(has.all)*float64(f.Limit+max(0, f.Offset))
}

// catalogueRole is [store.Catalogue].
type catalogueRole struct{ db *DB }

func (role catalogueRole) Recording(ctx context.Context, recordID string) (r store.Recording, err error) {
	err = role.db.read(ctx, fmt.Sprintf("read recording %.100q", recordID), func(t *txn) error {
		if !rails.IsText(recordID) {
			return store.ErrNotFound
		}
		found, err := t.stand(standing.ByID([]string{recordID}), false)
		if err != nil {
			return err
		}
		if !found[recordID].There() {
			return store.ErrNotFound
		}
		r = found[recordID].Record
		return nil
	})
	if err != nil {
		return store.Recording{}, err
	}
	return r, nil
}

func (role catalogueRole) ScanRecordings(ctx context.Context, after string, limit int) (list []store.Recording, err error) {
	err = role.db.read(ctx, fmt.Sprintf("scan recordings after %.100q", after), func(t *txn) error {
		list, err = t.scan(after, limit)
		return err
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// scan reads the first recordings behind an ID, of both tables. What is left of lost ones is passed by.
func (t *txn) scan(after string, limit int) (list []store.Recording, err error) {
	if limit <= 0 || !rails.IsText(after) {
		return nil, nil
	}
	var ids []string
	err = t.list(func(rows pgx.Rows) error {
		var id string
		err := rows.Scan(&id)
		ids = append(ids, id)
		return err
	}, `SELECT r.record_id FROM public.recordings r WHERE left(r.record_id, 200) COLLATE "C" >= left($1, 200) COLLATE "C"
		AND r.record_id COLLATE "C" > $1 ORDER BY left(r.record_id, 200) COLLATE "C", r.record_id COLLATE "C" LIMIT $2`, after, limit)
	if err != nil {
		return nil, err
	}
	keys, err := t.placed(rows.Recordings.Kind, standing.Alone, span{after: []byte(after), limit: limit})
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		ids = append(ids, string(key))
	}
	slices.Sort(ids)
	if ids = slices.Compact(ids); len(ids) > limit {
		ids = ids[:limit]
	}
	found, err := t.stand(standing.ByID(ids), false)
	return standing.InOrder(found), err
}

func (role catalogueRole) OwedRecordings(ctx context.Context) (list []store.Recording, err error) {
	err = role.db.read(ctx, "list owed recordings", func(t *txn) error {
		keys, err := t.placed(rows.Recordings.Kind, standing.Owed, span{})
		if err != nil {
			return err
		}
		var ids []string
		for _, key := range keys {
			ids = append(ids, string(key))
		}
		found, err := t.stand(standing.ByID(ids), false)
		list = standing.InOrder(found)
		return err
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

func (role catalogueRole) CountRecordings(ctx context.Context) (counts []store.RecordingCount, err error) {
	err = role.db.read(ctx, "count recordings", func(t *txn) error {
		counts = nil
		var b pgx.Batch
		var list tallies
		var all int64
		queueCounts(&b, store.RecordingFilter{AllTenants: true}, &list, &all)
		err := t.send(&b)
		for _, y := range list {
			counts = append(counts, store.RecordingCount{
				Tenant: rails.FromText(y.tenant), State: store.RecordingState(rails.FromText(y.state)), Count: int(y.count), Bytes: y.bytes,
			})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(counts, func(a, b store.RecordingCount) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.State, b.State))
	})
	return counts, nil
}

func (role catalogueRole) DeleteRecording(ctx context.Context, recordID string) error {
	return role.db.write(ctx, fmt.Sprintf("delete recording %.100q", recordID), func(t *txn) error {
		if !rails.IsText(recordID) {
			return store.ErrNotFound
		}
		if err := t.lockRecordings([]string{recordID}); err != nil {
			return err
		}
		found, err := t.stand(standing.ByID([]string{recordID}), true)
		if err != nil {
			return err
		}
		s := found[recordID]
		if !s.There() {
			return store.ErrNotFound
		}
		w := standing.Writer{Batch: &pgx.Batch{}, Layout: t.db.layout}
		w.Drop(s)
		forget(w.Batch, rows.Recordings.Kind, []byte(recordID))
		var c tallies
		c.add(s.Record, -1)
		c.queue(w.Batch)
		return t.send(w.Batch)
	})
}
