package bolt

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/bbbpool/bbbpool/store"
)

// ofServer starts the keys of a server's events. It is nil where no server can be.
func ofServer(id string) []byte { return ofTenant(id) }

// AddEvent implements [store.Events].
func (db *DB) AddEvent(ctx context.Context, server string, e store.Event) error {
	return db.write(ctx, fmt.Sprintf("add an event of server %.100q", server), func(t *txn) error {
		prefix := ofServer(server)
		if t.get(servers, []byte(server)) == nil || prefix == nil {
			return store.ErrNotFound
		}
		row, err := json.Marshal(eventRow{At: e.At.UTC(), Kind: text(e.Kind), Text: text(e.Text)})
		if err != nil {
			return err
		}
		keys, next := t.eventsOf(prefix), uint64(1)
		if len(keys) > 0 {
			next += binary.BigEndian.Uint64(keys[len(keys)-1][len(prefix):])
		}
		if err := t.deleteEvents(keys[:max(0, len(keys)-store.MaxEvents+1)]); err != nil {
			return err
		}
		return t.put(serverEvents, binary.BigEndian.AppendUint64(prefix, next), row)
	})
}

// Events implements [store.Events].
func (db *DB) Events(ctx context.Context, server string, limit int) (list []store.Event, err error) {
	err = db.read(ctx, fmt.Sprintf("list the events of server %.100q", server), func(tx *bbolt.Tx) error {
		keys := (&txn{Tx: tx}).eventsOf(ofServer(server))
		for _, key := range keys[max(0, len(keys)-max(0, limit)):] {
			var r eventRow
			if err := json.Unmarshal(bucket(tx, serverEvents).Get(key), &r); err != nil {
				return fmt.Errorf("read the row of %.100q: %w", key, err)
			}
			list = append(list, store.Event{At: r.At, Kind: string(r.Kind), Text: string(r.Text)})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// eventsOf returns the keys of a server's events, the oldest first. They are few.
func (t *txn) eventsOf(prefix []byte) (keys [][]byte) {
	if prefix == nil {
		return nil
	}
	for key := range merge(bucket(t.Tx, serverEvents), []string{string(prefix)}, "") {
		keys = append(keys, slices.Concat(prefix, key))
	}
	return keys
}

func (t *txn) deleteEvents(keys [][]byte) error {
	for _, key := range keys {
		if err := t.delete(serverEvents, key); err != nil {
			return err
		}
	}
	return nil
}

// forgetEvents lets the events of a server go with it.
func forgetEvents(t *txn, before, after *store.Server) error {
	if before == nil || after != nil {
		return nil
	}
	return t.deleteEvents(t.eventsOf(ofServer(before.ID)))
}
