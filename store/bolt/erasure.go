package bolt

import (
	"bytes"
	"context"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/rows"
)

// erasureRole is [store.Erasure].
type erasureRole struct{ db *DB }

func (role erasureRole) EraseSessions(ctx context.Context, tenant, meeting string, limit int) (erased int, err error) {
	err = role.db.write(ctx, "erase the sessions of a meeting", func(t *txn) error {
		erased = 0 // of a run that did not count
		for _, id := range t.ofRoom(tenant, meeting, limit) {
			if err := t.deleteSession(id); err != nil {
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

// ofRoom returns the IDs of the last sessions of a room. Nothing could be stored of a tenant with a zero byte.
func (t *txn) ofRoom(tenant, meeting string, limit int) (ids [][]byte) {
	if rows.OfTenant(tenant) == nil {
		return nil
	}
	for place := range merge(bucket(t.Tx, sessionsByMeeting), []string{rows.RoomPrefix(tenant, meeting)}, "") {
		if len(ids) >= limit {
			break
		}
		ids = append(ids, bytes.Clone(idAt(place)))
	}
	return ids
}

// deleteSession removes a session from wherever it can be found.
func (t *txn) deleteSession(id []byte) error {
	s, err := sessionTable.read(id, t.get(sessions, id))
	if err == nil {
		err = indexSession(t, &s, nil)
	}
	if err != nil {
		return err
	}
	return t.delete(sessions, id)
}

func (role erasureRole) BlankAudit(ctx context.Context, a store.Audit) error {
	_, err := update(ctx, role.db, auditTable, rows.Audits.Key(a), func(a *store.Audit) error {
		for _, side := range []*string{&a.Before, &a.After} {
			if *side != "" {
				*side = store.Erased
			}
		}
		return nil
	})
	return err
}
