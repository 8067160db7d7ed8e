package bolt

import (
	"context"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/rows"
)

// erasureRole is [store.Erasure].
type erasureRole struct{ db *DB }

func (role erasureRole) EraseSessions(ctx context.Context, tenant, meeting string, limit int) (int, error) {
	return apply(ctx, role.db, "erase the sessions of a meeting", func(t *txn) (int, error) {
		return sessionTable.dropAll(t, sessionsOf(t.Tx, tenant, meeting, limit))
	})
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
