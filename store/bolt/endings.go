package bolt

import (
	"context"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/rows"
)

// endingTable repeats in its rows what is in the keys, which are never taken apart.
var endingTable = table[store.Ending]{bucket: endings, noun: "ending", codec: rows.Endings}

// endingRole is [store.Endings].
type endingRole struct{ db *DB }

func (role endingRole) Endings(ctx context.Context) ([]store.Ending, error) {
	return all(ctx, role.db, endingTable)
}

func (role endingRole) AddEndings(ctx context.Context, list ...store.Ending) error {
	return role.db.write(ctx, "add endings", func(t *txn) error {
		for _, e := range list {
			if _, err := endingTable.save(t, rows.Endings.Key(e), nil, e); err != nil {
				return err
			}
		}
		return nil
	})
}

func (role endingRole) DeleteEnding(ctx context.Context, e store.Ending) error {
	return remove(ctx, role.db, endingTable, rows.Endings.Key(e), func(standing store.Ending) error {
		if !standing.Asked.Equal(e.Asked) {
			return store.ErrConflict
		}
		return nil
	})
}
