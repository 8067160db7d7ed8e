package bolt

import (
	"context"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/rows"
)

var claimTable = table[store.Claim]{bucket: claims, noun: "claim", codec: rows.Claims}

// claimRole is [store.Claims]. What it writes is on the disk when it returns (db.go, package group).
type claimRole struct{ db *DB }

func (role claimRole) Claims(ctx context.Context) ([]store.Claim, error) {
	return all(ctx, role.db, claimTable)
}

func (role claimRole) CreateClaim(ctx context.Context, c store.Claim) (store.Claim, error) {
	return create(ctx, role.db, claimTable, rows.ClaimKey(c.MeetingKey), c)
}

func (role claimRole) UpdateClaim(
	ctx context.Context, key store.MeetingKey, change func(*store.Claim) error,
) (store.Claim, error) {
	return update(ctx, role.db, claimTable, rows.ClaimKey(key), func(c *store.Claim) error { return ofClosure(change(c)) })
}

func (role claimRole) DeleteClaim(ctx context.Context, c store.Claim) error {
	return remove(ctx, role.db, claimTable, rows.ClaimKey(c.MeetingKey), func(standing store.Claim) error {
		if standing.Server != c.Server || !standing.Placed.Equal(c.Placed) {
			return store.ErrConflict
		}
		return nil
	})
}
