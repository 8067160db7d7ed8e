package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/postgres/fault"
	"github.com/bbbpool/bbbpool/store/postgres/standing"
	"github.com/bbbpool/bbbpool/store/rows"
)

var (
	callbackTable = table[store.Callback]{noun: "callback", codec: rows.Callbacks}
	hookTable     = table[store.Hook]{noun: "webhook", codec: rows.Hooks}
	analysisTable = table[store.Analysis]{
		noun: "analytics", codec: rows.Analytics, check: func(a store.Analysis) error { return rows.CheckTenant(a.Tenant) },
	}
)

// The look-ups of analytics, as in store.Kinds.
const (
	analyticsByTime = iota
	analyticsByMeeting
)

// callbackRole is [store.Callbacks].
type callbackRole struct{ db *DB }

func (role callbackRole) AddCallbacks(ctx context.Context, list ...store.Callback) error {
	if len(list) == 0 {
		return nil
	}
	return role.db.write(ctx, "add callbacks", func(t *txn) error {
		if err := t.lock(); err != nil {
			return err
		}
		var b pgx.Batch
		if err := addCallbacks(&b, list); err != nil {
			return err
		}
		return t.send(&b)
	})
}

// addCallbacks queues callbacks, of which those stay alone that are there. Two who add the same wait for each other in the same
// order.
func addCallbacks(b *pgx.Batch, list []store.Callback) error {
	list = slices.Clone(list)
	slices.SortFunc(list, func(x, y store.Callback) int { return cmp.Compare(x.ID, y.ID) })
	for _, c := range list {
		row, err := rows.Callbacks.Row(c)
		if err != nil {
			return err
		}
		look := rows.Callbacks.Look(c)
		if err := standing.CheckRow(row, look); err != nil {
			return err
		}
		b.Queue(`WITH new AS (INSERT INTO bbbpool.rows (kind, key, value) VALUES ($1, $2, $3)
				ON CONFLICT (kind, key) DO NOTHING RETURNING kind, key)
			INSERT INTO bbbpool.places (kind, look, place, key) SELECT kind, 0, $4, key FROM new`, row.Kind, row.Key, row.Value, look[0])
	}
	return nil
}

func (role callbackRole) Callbacks(ctx context.Context, f store.CallbackFilter) (list []store.Callback, err error) {
	states := f.Among()
	slices.Sort(states)
	err = role.db.read(ctx, "list callbacks", func(t *txn) error {
		list = nil // of a run that did not count
		for _, state := range slices.Compact(states) {
			some, err := t.callbacksIn(state, f)
			if err != nil {
				return err
			}
			list = append(list, some...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(list, func(a, b store.Callback) int {
		return strings.Compare(rows.CallbackPlace(a.Created, a.ID), rows.CallbackPlace(b.Created, b.ID))
	})
	if f.Limit > 0 && len(list) > f.Limit {
		list = list[:f.Limit]
	}
	return list, nil
}

// callbacksIn reads the selected callbacks in a state a page at a time: a state may have more than anybody asks for, and each may
// have a large body.
func (t *txn) callbacksIn(state store.CallbackState, f store.CallbackFilter) (list []store.Callback, err error) {
	piece := 1000
	if whole := f.Tenant == "" && f.MeetingID == "" && len(f.Kinds) == 0; whole && f.Limit > 0 {
		piece = min(piece, f.Limit)
	}
	for after := f.After; ; {
		s := behind(state, after)
		s.limit = piece
		page, err := found(t, callbackTable, 0, s)
		if err != nil {
			return nil, err
		}
		for _, c := range page {
			if f.Selects(c) {
				list = append(list, c)
			}
			if f.Limit > 0 && len(list) == f.Limit {
				return list, nil
			}
		}
		if len(page) < piece {
			return list, nil
		}
		after = page[piece-1]
	}
}

func (role callbackRole) Callback(ctx context.Context, id string) (store.Callback, error) {
	return one(ctx, role.db, callbackTable, []byte(id))
}

func (role callbackRole) UpdateCallback(
	ctx context.Context, id string, change func(*store.Callback) error,
) (store.Callback, error) {
	return update(ctx, role.db, callbackTable, []byte(id), nil, func(c *store.Callback) error {
		created := c.Created
		err := fault.OfClosure(change(c))
		c.ID, c.Created = id, created
		return err
	})
}

func (role callbackRole) DeleteCallbacks(
	ctx context.Context, state store.CallbackState, before time.Time, after store.Callback, limit int,
) (last store.Callback, err error) {
	s := behind(state, after)
	s.to, s.limit = []byte(rows.Sized(string(state))+string(rows.TimeKey(before))), limit
	looked := 0
	_, err = role.db.deleteSome(ctx, "delete callbacks", rows.Callbacks.Kind, limit, func(t *txn) (keys [][]byte, err error) {
		looked = 0
		err = eachFound(t, callbackTable, 0, s, func(c store.Callback) {
			looked, last = looked+1, store.Callback{ID: c.ID, Created: c.Created}
			if c.Changed.Before(before) {
				keys = append(keys, []byte(c.ID))
			}
		})
		return keys, err
	})
	if err != nil || looked < limit {
		return store.Callback{}, err
	}
	return last, nil
}

// behind are the places of the callbacks in a state that come behind one; of all of them, for the zero value.
func behind(state store.CallbackState, after store.Callback) span {
	prefix := rows.Sized(string(state))
	s := prefixed([]byte(prefix))
	if place := rows.PlaceAfter(after); place != "" {
		s.from, s.after = nil, []byte(prefix+place)
	}
	return s
}

// hookRole is [store.Hooks].
type hookRole struct{ db *DB }

func (role hookRole) Hooks(ctx context.Context) ([]store.Hook, error) {
	return whole(ctx, role.db, "list webhooks", hookTable)
}

func (role hookRole) CreateHook(ctx context.Context, h store.Hook) error {
	return create(ctx, role.db, hookTable, []byte(h.ID), h)
}

func (role hookRole) DeleteHook(ctx context.Context, id string) error {
	return remove(ctx, role.db, hookTable, []byte(id))
}

// analyticsRole is [store.Analytics].
type analyticsRole struct{ db *DB }

func (role analyticsRole) KeepAnalysis(ctx context.Context, a store.Analysis) error {
	fresh := a
	_, err := update(ctx, role.db, analysisTable, []byte(a.ID), &fresh, func(was *store.Analysis) error { *was = a; return nil })
	return err
}

func (role analyticsRole) Analysis(ctx context.Context, id string) (store.Analysis, error) {
	return one(ctx, role.db, analysisTable, []byte(id))
}

func (role analyticsRole) Analytics(ctx context.Context, tenant, meetingID string, limit int) (list []store.Analysis, err error) {
	err = role.db.read(ctx, "list the analytics of a meeting", func(t *txn) error {
		if list = nil; limit <= 0 || rows.OfTenant(tenant) == nil {
			return nil
		}
		list, err = found(t, analysisTable, analyticsByMeeting, analyticsOf(tenant, meetingID, limit))
		return err
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

func analyticsOf(tenant, meetingID string, limit int) span {
	s := prefixed([]byte(rows.AnalyticsPrefix(tenant, meetingID)))
	s.limit = limit
	return s
}

func (role analyticsRole) DeleteAnalytics(ctx context.Context, before time.Time, limit int) (int, error) {
	op := fmt.Sprintf("delete analytics from before %s", before.UTC().Format(time.RFC3339))
	return role.db.deleteSome(ctx, op, rows.Analytics.Kind, limit, func(t *txn) ([][]byte, error) {
		return t.placed(rows.Analytics.Kind, analyticsByTime, span{to: rows.TimeKey(before), limit: limit})
	})
}

func (role analyticsRole) EraseAnalytics(ctx context.Context, tenant, meetingID string, limit int) (int, error) {
	if rows.OfTenant(tenant) == nil {
		limit = 0
	}
	return role.db.deleteSome(ctx, "erase the analytics of a meeting", rows.Analytics.Kind, limit, func(t *txn) ([][]byte, error) {
		return t.placed(rows.Analytics.Kind, analyticsByMeeting, analyticsOf(tenant, meetingID, limit))
	})
}
