package bolt

import (
	"context"
	"encoding/json"

	"github.com/bbbpool/bbbpool/store"
)

var claimTable = table[store.Claim]{bucket: claims, noun: "claim", encode: encodeClaim, decode: decodeClaim}

func encodeClaim(c store.Claim) any {
	return claimRow{
		Server: c.Server, InternalID: text(c.InternalID), CreateTime: c.CreateTime, Placed: c.Placed.UTC(),
		Expected: c.Expected, Recorded: c.Recorded, Hint: c.Hint, Why: decisionRow(c.Why),
		Breakout: c.Breakout, Name: text(c.Name),
	}
}

func decodeClaim(key, value []byte) (store.Claim, error) {
	var r claimRow
	err := json.Unmarshal(value, &r)
	return store.Claim{
		MeetingKey: meetingOf(key), Server: r.Server, InternalID: string(r.InternalID), CreateTime: r.CreateTime,
		Placed: r.Placed, Expected: r.Expected, Recorded: r.Recorded, Hint: r.Hint, Why: store.Decision(r.Why),
		Breakout: r.Breakout, Name: string(r.Name),
	}, err
}

// Claims implements [store.Claims].
func (db *DB) Claims(ctx context.Context) ([]store.Claim, error) { return all(ctx, db, claimTable) }

// CreateClaim implements [store.Claims].
func (db *DB) CreateClaim(ctx context.Context, c store.Claim) (store.Claim, error) {
	return create(ctx, db, claimTable, claimKey(c.MeetingKey), c)
}

// UpdateClaim implements [store.Claims].
func (db *DB) UpdateClaim(
	ctx context.Context, key store.MeetingKey, change func(*store.Claim) error,
) (store.Claim, error) {
	return update(ctx, db, claimTable, claimKey(key), func(c *store.Claim) error { return refused(change(c)) })
}

// DeleteClaim implements [store.Claims].
func (db *DB) DeleteClaim(ctx context.Context, c store.Claim) error {
	return remove(ctx, db, claimTable, claimKey(c.MeetingKey), func(standing store.Claim) error {
		if standing.Server != c.Server || !standing.Placed.Equal(c.Placed) {
			return store.ErrConflict
		}
		return nil
	})
}
