package bolt

import (
	"context"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/rows"
)

// eventRole is [store.Events].
type eventRole struct{ db *DB }

func (role eventRole) Events(ctx context.Context) (map[string][]store.Event, error) {
	return fetch(ctx, role.db, "list events", func(tx *bbolt.Tx) (all map[string][]store.Event, err error) {
		all = map[string][]store.Event{}
		err = bucket(tx, events).ForEach(func(server, value []byte) error {
			journal, err := rows.Events.Decode(server, value)
			if err != nil {
				return err
			}
			all[journal.Server] = journal.List
			return ctx.Err()
		})
		return all, err
	})
}

func (role eventRole) KeepEvents(ctx context.Context, server string, list []store.Event) error {
	value, err := rows.Events.Encode(rows.Journal{Server: server, List: list})
	if err != nil {
		return err
	}
	return role.db.write(ctx, fmt.Sprintf("keep the events of %.100q", server), func(t *txn) error {
		switch key := []byte(server); {
		case server == "":
			return rows.ErrKey
		case len(list) > 0:
			return t.put(events, key, value)
		case t.get(events, key) != nil:
			return t.delete(events, key)
		}
		return nil
	})
}
