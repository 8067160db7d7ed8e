package bolt

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/rows"
)

var (
	callbackTable = table[store.Callback]{bucket: callbacks, noun: "callback", codec: rows.Callbacks, links: callbackLinks}
	hookTable     = table[store.Hook]{bucket: hooks, noun: "webhook", codec: rows.Hooks}
	analysisTable = table[store.Analysis]{
		bucket: analytics, noun: "analytics", codec: rows.Analytics, links: analysisLinks,
		check: func(a store.Analysis) error { return rows.CheckTenant(a.Tenant) },
	}
)

func callbackLinks(c store.Callback) []link {
	return []link{{callbacksByState, rows.Sized(string(c.State)) + rows.CallbackPlace(c.Created, c.ID), ""}}
}

// callbackRole is [store.Callbacks].
type callbackRole struct{ db *DB }

func (role callbackRole) AddCallbacks(ctx context.Context, list ...store.Callback) error {
	if len(list) == 0 {
		return nil
	}
	return role.db.write(ctx, "add callbacks", func(t *txn) error { return t.addCallbacks(list) })
}

// addCallbacks leaves alone what is there.
func (t *txn) addCallbacks(list []store.Callback) error {
	for _, c := range list {
		key := []byte(c.ID)
		if t.get(callbacks, key) != nil {
			continue
		}
		if _, err := callbackTable.save(t, key, nil, c); err != nil {
			return err
		}
	}
	return nil
}

func (role callbackRole) Callbacks(ctx context.Context, f store.CallbackFilter) ([]store.Callback, error) {
	states, after := f.Among(), rows.PlaceAfter(f.After)
	return fetch(ctx, role.db, "list callbacks", func(tx *bbolt.Tx) (list []store.Callback, err error) {
		for place := range merge(bucket(tx, callbacksByState), statePrefixes("", states), after) {
			id := idAt(place)
			c, err := callbackTable.read(id, bucket(tx, callbacks).Get(id))
			if err := errors.Join(err, ctx.Err()); err != nil {
				return list, err
			}
			if !f.Selects(c) {
				continue
			}
			if list = append(list, c); len(list) == f.Limit {
				return list, nil
			}
		}
		return list, nil
	})
}

func (role callbackRole) Callback(ctx context.Context, id string) (store.Callback, error) {
	return one(ctx, role.db, callbackTable, []byte(id))
}

func (role callbackRole) UpdateCallback(
	ctx context.Context, id string, change func(*store.Callback) error,
) (store.Callback, error) {
	return update(ctx, role.db, callbackTable, []byte(id), func(c *store.Callback) error {
		created := c.Created
		err := ofClosure(change(c))
		c.ID, c.Created = id, created
		return err
	})
}

func (role callbackRole) DeleteCallbacks(
	ctx context.Context, state store.CallbackState, before time.Time, after store.Callback, limit int,
) (store.Callback, error) {
	return apply(ctx, role.db, "delete callbacks", func(t *txn) (last store.Callback, err error) {
		ids := t.before(callbacksByState, rows.Sized(string(state)), rows.PlaceAfter(after), before, limit)
		err = callbackTable.dropSome(t, ids, func(c store.Callback) bool {
			last = store.Callback{ID: c.ID, Created: c.Created}
			return c.Changed.Before(before)
		})
		if len(ids) < limit {
			return store.Callback{}, err
		}
		return last, err
	})
}

// hookRole is [store.Hooks].
type hookRole struct{ db *DB }

func (role hookRole) Hooks(ctx context.Context) ([]store.Hook, error) {
	return all(ctx, role.db, hookTable)
}

func (role hookRole) CreateHook(ctx context.Context, h store.Hook) error {
	_, err := create(ctx, role.db, hookTable, []byte(h.ID), h)
	return err
}

func (role hookRole) DeleteHook(ctx context.Context, id string) error {
	return remove(ctx, role.db, hookTable, []byte(id), anyway)
}

func analysisLinks(a store.Analysis) []link {
	return []link{
		{analyticsByTime, string(rows.TimeKey(a.At)) + a.ID, ""},
		{analyticsByMeeting, rows.AnalyticsPrefix(a.Tenant, a.MeetingID) + rows.PlaceOf(a.At, a.ID), ""},
	}
}

// analyticsRole is [store.Analytics].
type analyticsRole struct{ db *DB }

func (role analyticsRole) KeepAnalysis(ctx context.Context, a store.Analysis) error {
	key, fresh := []byte(a.ID), a
	_, err := upsert(ctx, role.db, analysisTable, key, &fresh, func(was *store.Analysis) error { *was = a; return nil })
	return err
}

func (role analyticsRole) Analysis(ctx context.Context, id string) (store.Analysis, error) {
	return one(ctx, role.db, analysisTable, []byte(id))
}

func (role analyticsRole) Analytics(ctx context.Context, tenant, meetingID string, limit int) ([]store.Analysis, error) {
	return fetch(ctx, role.db, "list the analytics of a meeting", func(tx *bbolt.Tx) ([]store.Analysis, error) {
		return analysisTable.each(ctx, tx, analyticsOf(tx, tenant, meetingID, limit))
	})
}

// analyticsOf are the IDs of the analytics of a meeting, newest first. Nothing could be stored of a tenant with a zero byte.
func analyticsOf(tx *bbolt.Tx, tenant, meetingID string, limit int) [][]byte {
	if rows.CheckTenant(tenant) != nil {
		return nil
	}
	return idsUnder(tx, analyticsByMeeting, rows.AnalyticsPrefix(tenant, meetingID), "", limit)
}

func (role analyticsRole) DeleteAnalytics(ctx context.Context, before time.Time, limit int) (int, error) {
	op := fmt.Sprintf("delete analytics from before %s", before.UTC().Format(time.RFC3339))
	return apply(ctx, role.db, op, func(t *txn) (int, error) {
		return analysisTable.dropAll(t, t.before(analyticsByTime, "", "", before, limit))
	})
}

func (role analyticsRole) EraseAnalytics(ctx context.Context, tenant, meetingID string, limit int) (int, error) {
	return apply(ctx, role.db, "erase the analytics of a meeting", func(t *txn) (int, error) {
		return analysisTable.dropAll(t, analyticsOf(t.Tx, tenant, meetingID, limit))
	})
}
