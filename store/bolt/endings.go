package bolt

import (
	"context"
	"encoding/json"

	"github.com/bbbpool/bbbpool/store"
)

// endingTable repeats in its rows what is in the keys, which are never taken apart.
var endingTable = table[store.Ending]{bucket: endings, noun: "ending", encode: encodeEnding, decode: decodeEnding}

func encodeEnding(e store.Ending) any {
	return endingRow{
		Tenant: text(e.Tenant), MeetingID: text(e.MeetingID), Server: text(e.Server), InternalID: text(e.InternalID),
		Asked: e.Asked.UTC(),
	}
}

func decodeEnding(_, value []byte) (store.Ending, error) {
	var r endingRow
	err := json.Unmarshal(value, &r)
	return store.Ending{
		MeetingKey: store.MeetingKey{Tenant: string(r.Tenant), MeetingID: string(r.MeetingID)},
		Server:     string(r.Server), InternalID: string(r.InternalID), Asked: r.Asked,
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

// Endings implements [store.Endings].
func (db *DB) Endings(ctx context.Context) ([]store.Ending, error) { return all(ctx, db, endingTable) }

// AddEndings implements [store.Endings].
func (db *DB) AddEndings(ctx context.Context, list ...store.Ending) error {
	return db.write(ctx, "add endings", func(t *txn) error {
		for _, e := range list {
			if _, err := endingTable.save(t, endingKey(e), nil, e); err != nil {
				return err
			}
		}
		return nil
	})
}

// DeleteEnding implements [store.Endings].
func (db *DB) DeleteEnding(ctx context.Context, e store.Ending) error {
	return remove(ctx, db, endingTable, endingKey(e), func(standing store.Ending) error {
		if !standing.Asked.Equal(e.Asked) {
			return store.ErrConflict
		}
		return nil
	})
}
