package bolt

import (
	"context"
	"encoding/json"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

var claimTable = table[store.Claim]{bucket: claims, noun: "claim", encode: encodeClaim, decode: decodeClaim}

type claimRow struct {
	Server     string      `json:"server"`
	InternalID text        `json:"internal_id,omitempty"`
	CreateTime int64       `json:"create_time,omitempty"`
	Placed     time.Time   `json:"placed,omitzero"`
	Expected   float64     `json:"expected,omitempty"`
	Recorded   bool        `json:"recorded,omitempty"`
	Hint       int         `json:"hint,omitempty"`
	Why        decisionRow `json:"why,omitzero"`
	Breakout   bool        `json:"breakout,omitempty"`
	Name       text        `json:"name,omitempty"`
	Alias      text        `json:"alias,omitempty"`
	Signer     text        `json:"signer,omitempty"`
	Moderator  text        `json:"moderator,omitempty"`
	Voice      text        `json:"voice,omitempty"`
}

func encodeClaim(c store.Claim) any {
	return claimRow{
		Server: c.Server, InternalID: text(c.InternalID), CreateTime: c.CreateTime, Placed: c.Placed.UTC(),
		Expected: c.Expected, Recorded: c.Recorded, Hint: c.Hint, Why: decisionRow(c.Why),
		Breakout: c.Breakout, Name: text(c.Name),
		Alias: text(c.Alias), Signer: text(c.Signer), Moderator: text(c.Moderator.Reveal()), Voice: text(c.Voice),
	}
}

func decodeClaim(key, value []byte) (store.Claim, error) {
	var r claimRow
	err := json.Unmarshal(value, &r)
	return store.Claim{
		MeetingKey: meetingOf(key), Server: r.Server, InternalID: string(r.InternalID), CreateTime: r.CreateTime,
		Placed: r.Placed, Expected: r.Expected, Recorded: r.Recorded, Hint: r.Hint, Why: store.Decision(r.Why),
		Breakout: r.Breakout, Name: string(r.Name),
		Alias: string(r.Alias), Signer: string(r.Signer), Moderator: store.Secret(r.Moderator), Voice: string(r.Voice),
	}, err
}

// claimRole is [store.Claims]. What it writes is on the disk when it returns (db.go, package group).
type claimRole struct{ db *DB }

func (role claimRole) Claims(ctx context.Context) ([]store.Claim, error) {
	return all(ctx, role.db, claimTable)
}

func (role claimRole) CreateClaim(ctx context.Context, c store.Claim) (store.Claim, error) {
	return create(ctx, role.db, claimTable, claimKey(c.MeetingKey), c)
}

func (role claimRole) UpdateClaim(
	ctx context.Context, key store.MeetingKey, change func(*store.Claim) error,
) (store.Claim, error) {
	return update(ctx, role.db, claimTable, claimKey(key), func(c *store.Claim) error { return ofClosure(change(c)) })
}

func (role claimRole) DeleteClaim(ctx context.Context, c store.Claim) error {
	return remove(ctx, role.db, claimTable, claimKey(c.MeetingKey), func(standing store.Claim) error {
		if standing.Server != c.Server || !standing.Placed.Equal(c.Placed) {
			return store.ErrConflict
		}
		return nil
	})
}
