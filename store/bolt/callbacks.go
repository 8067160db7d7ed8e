package bolt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/rows"
)

var (
	callbackTable = table[store.Callback]{bucket: callbacks, noun: "callback", codec: rows.Callbacks, index: indexCallback}
	hookTable     = table[store.Hook]{bucket: hooks, noun: "webhook", codec: rows.Hooks}
	analysisTable = table[store.Analysis]{bucket: analytics, noun: "analytics", codec: rows.Analytics, index: indexAnalysis}
)

func callbackLinks(c *store.Callback) []link {
	if c == nil {
		return nil
	}
	return []link{{callbacksByState, rows.Sized(string(c.State)) + rows.CallbackPlace(c.Created, c.ID), ""}}
}

func indexCallback(t *txn, before, after *store.Callback) error {
	return t.move(callbackLinks(before), callbackLinks(after))
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

func (role callbackRole) Callbacks(ctx context.Context, f store.CallbackFilter) (list []store.Callback, err error) {
	states, after := f.Among(), ""
	if f.After.ID != "" {
		after = rows.CallbackPlace(f.After.Created, f.After.ID)
	}
	err = role.db.read(ctx, "list callbacks", func(tx *bbolt.Tx) error {
		for place := range merge(bucket(tx, callbacksByState), statePrefixes("", states), after) {
			id := idAt(place)
			c, err := callbackTable.read(id, bucket(tx, callbacks).Get(id))
			if err := errors.Join(err, ctx.Err()); err != nil {
				return err
			}
			if !f.Selects(c) {
				continue
			}
			if list = append(list, c); len(list) == f.Limit {
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
	ctx context.Context, state store.CallbackState, before time.Time, limit int,
) (deleted int, err error) {
	err = role.db.write(ctx, "delete callbacks", func(t *txn) error {
		deleted, err = t.deletePlaced(callbackTable, callbacksByState, rows.Sized(string(state)), before, limit)
		return err
	})
	if err != nil {
		return 0, err
	}
	return deleted, nil
}

// deletePlaced deletes the rows that an index has under a prefix from before a time, the first first.
func (t *txn) deletePlaced(tb anyTable, index, prefix string, before time.Time, limit int) (deleted int, err error) {
	var ids [][]byte
	end := string(rows.TimeKey(before))
	for place := range merge(bucket(t.Tx, index), []string{prefix}, "") {
		if len(ids) >= limit || string(place[:rows.TimeSize]) >= end {
			break
		}
		ids = append(ids, slices.Clone(idAt(place)))
	}
	for _, id := range ids {
		if err := tb.drop(t, id); err != nil {
			return deleted, err
		}
		deleted++
	}
	return deleted, nil
}

// anyTable is a table of whatever records.
type anyTable interface {
	drop(t *txn, key []byte) error
}

// drop deletes a record that is there, with its entries in the indexes.
func (tb table[T]) drop(t *txn, key []byte) error {
	record, err := tb.read(key, t.get(tb.bucket, key))
	if err == nil && tb.index != nil {
		err = tb.index(t, &record, nil)
	}
	if err != nil {
		return err
	}
	return t.delete(tb.bucket, key)
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

func analysisLinks(a *store.Analysis) []link {
	if a == nil {
		return nil
	}
	return []link{
		{analyticsByTime, string(rows.TimeKey(a.At)) + a.ID, ""},
		{analyticsByMeeting, rows.AnalyticsPrefix(a.Tenant, a.MeetingID) + rows.PlaceOf(a.At, a.ID), ""},
	}
}

func indexAnalysis(t *txn, before, after *store.Analysis) error {
	if after != nil && rows.OfTenant(after.Tenant) == nil {
		return rows.ErrKey
	}
	return t.move(analysisLinks(before), analysisLinks(after))
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

func (role analyticsRole) Analytics(ctx context.Context, tenant, meetingID string, limit int) (list []store.Analysis, err error) {
	err = role.db.read(ctx, "list the analytics of a meeting", func(tx *bbolt.Tx) error {
		for _, id := range analyticsOf(tx, tenant, meetingID, limit) {
			a, err := analysisTable.read(id, bucket(tx, analytics).Get(id))
			if err := errors.Join(err, ctx.Err()); err != nil {
				return err
			}
			list = append(list, a)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// analyticsOf are the IDs of the analytics of a meeting, newest first.
func analyticsOf(tx *bbolt.Tx, tenant, meetingID string, limit int) (ids [][]byte) {
	if rows.OfTenant(tenant) == nil {
		return nil // nothing could be stored of it
	}
	for place := range merge(bucket(tx, analyticsByMeeting), []string{rows.AnalyticsPrefix(tenant, meetingID)}, "") {
		if len(ids) >= limit {
			break
		}
		ids = append(ids, slices.Clone(idAt(place)))
	}
	return ids
}

func (role analyticsRole) DeleteAnalytics(ctx context.Context, before time.Time, limit int) (deleted int, err error) {
	op := fmt.Sprintf("delete analytics from before %s", before.UTC().Format(time.RFC3339))
	err = role.db.write(ctx, op, func(t *txn) error {
		deleted, err = t.deletePlaced(analysisTable, analyticsByTime, "", before, limit)
		return err
	})
	if err != nil {
		return 0, err
	}
	return deleted, nil
}

func (role analyticsRole) EraseAnalytics(ctx context.Context, tenant, meetingID string, limit int) (erased int, err error) {
	err = role.db.write(ctx, "erase the analytics of a meeting", func(t *txn) error {
		erased = 0 // of a run that did not count
		for _, id := range analyticsOf(t.Tx, tenant, meetingID, limit) {
			if err := analysisTable.drop(t, id); err != nil {
				return err
			}
			erased++
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return erased, nil
}
