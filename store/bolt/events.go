package bolt

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"github.com/bbbpool/bbbpool/store"
)

type eventRow struct {
	At   time.Time `json:"at"`
	Kind string    `json:"kind"`
	Text text      `json:"text"`
}

// eventRole is [store.Events].
type eventRole struct{ db *DB }

func (role eventRole) Events(ctx context.Context) (all map[string][]store.Event, err error) {
	err = role.db.read(ctx, "list events", func(tx *bbolt.Tx) error {
		all = map[string][]store.Event{}
		return bucket(tx, events).ForEach(func(server, value []byte) error {
			var rows []eventRow
			if err := json.Unmarshal(value, &rows); err != nil {
				return fmt.Errorf("read the events of %.100q: %w", server, err)
			}
			list := make([]store.Event, 0, len(rows))
			for _, r := range rows {
				list = append(list, store.Event{At: r.At, Kind: r.Kind, Text: string(r.Text)})
			}
			all[string(server)] = list
			return ctx.Err()
		})
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

func (role eventRole) KeepEvents(ctx context.Context, server string, list []store.Event) error {
	rows := make([]eventRow, 0, len(list))
	for _, e := range list {
		rows = append(rows, eventRow{At: e.At.UTC(), Kind: e.Kind, Text: text(e.Text)})
	}
	value, err := json.Marshal(rows)
	if err != nil {
		return err
	}
	return role.db.write(ctx, fmt.Sprintf("keep the events of %.100q", server), func(t *txn) error {
		switch key := []byte(server); {
		case server == "":
			return errKey
		case len(list) > 0:
			return t.put(events, key, value)
		case t.get(events, key) != nil:
			return t.delete(events, key)
		}
		return nil
	})
}
