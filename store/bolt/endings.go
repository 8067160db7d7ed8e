package bolt

import (
	"context"
	"encoding/json"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// endingTable repeats in its rows what is in the keys, which are never taken apart.
var endingTable = table[store.Ending]{bucket: endings, noun: "ending", encode: encodeEnding, decode: decodeEnding}

type endingRow struct {
	MeetingID  text      `json:"meeting_id"`
	Tenant     text      `json:"tenant"`
	Server     text      `json:"server"`
	InternalID text      `json:"internal_id"`
	Asked      time.Time `json:"asked"`
	Alias      text      `json:"alias,omitempty"`
}

func encodeEnding(e store.Ending) any {
	return endingRow{
		Tenant: text(e.Tenant), MeetingID: text(e.MeetingID), Server: text(e.Server), InternalID: text(e.InternalID),
		Asked: e.Asked.UTC(), Alias: text(e.Alias),
	}
}

func decodeEnding(_, value []byte) (store.Ending, error) {
	var r endingRow
	err := json.Unmarshal(value, &r)
	return store.Ending{
		MeetingKey: store.MeetingKey{Tenant: string(r.Tenant), MeetingID: string(r.MeetingID)},
		Server:     string(r.Server), InternalID: string(r.InternalID), Asked: r.Asked, Alias: string(r.Alias),
	}, err
}

// endingKey is nil where no ending can be.
func endingKey(e store.Ending) []byte {
	tenant := ofTenant(e.Tenant)
	if tenant == nil || e.MeetingID == "" || e.Server == "" {
		return nil
	}
	return append(tenant, sized(e.MeetingID)+sized(e.Server)+e.InternalID...)
}

// endingRole is [store.Endings].
type endingRole struct{ db *DB }

func (role endingRole) Endings(ctx context.Context) ([]store.Ending, error) {
	return all(ctx, role.db, endingTable)
}

func (role endingRole) AddEndings(ctx context.Context, list ...store.Ending) error {
	return role.db.write(ctx, "add endings", func(t *txn) error {
		for _, e := range list {
			if _, err := endingTable.save(t, endingKey(e), nil, e); err != nil {
				return err
			}
		}
		return nil
	})
}

func (role endingRole) DeleteEnding(ctx context.Context, e store.Ending) error {
	return remove(ctx, role.db, endingTable, endingKey(e), func(standing store.Ending) error {
		if !standing.Asked.Equal(e.Asked) {
			return store.ErrConflict
		}
		return nil
	})
}
