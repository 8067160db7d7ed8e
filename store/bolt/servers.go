package bolt

import (
	"context"
	"encoding/json"

	"github.com/bbbpool/bbbpool/store"
)

var serverTable = table[store.Server]{bucket: servers, noun: "server", encode: encodeServer, decode: decodeServer}

func encodeServer(s store.Server) any {
	return serverRow{
		URL: text(s.URL), Secret: text(s.Secret.Reveal()), Checksum: s.Checksum, State: s.State, Weight: s.Weight,
		Capacity: s.Capacity, Hard: s.Hard, Tag: text(s.Tag), Created: s.Created.UTC(), Admitted: s.Admitted.UTC(),
	}
}

func decodeServer(key, value []byte) (store.Server, error) {
	var r serverRow
	err := json.Unmarshal(value, &r)
	return store.Server{
		ID: string(key), URL: string(r.URL), Secret: store.Secret(r.Secret), Checksum: r.Checksum, State: r.State,
		Weight: r.Weight, Capacity: r.Capacity, Hard: r.Hard, Tag: string(r.Tag), Created: r.Created, Admitted: r.Admitted,
	}, err
}

// Servers implements [store.Servers].
func (db *DB) Servers(ctx context.Context) ([]store.Server, error) { return all(ctx, db, serverTable) }

// Server implements [store.Servers].
func (db *DB) Server(ctx context.Context, id string) (store.Server, error) {
	return one(ctx, db, serverTable, []byte(id))
}

// CreateServer implements [store.Servers].
func (db *DB) CreateServer(ctx context.Context, s store.Server) error {
	_, err := create(ctx, db, serverTable, []byte(s.ID), s)
	return err
}

// UpdateServer implements [store.Servers].
func (db *DB) UpdateServer(ctx context.Context, id string, change func(*store.Server) error) (store.Server, error) {
	return update(ctx, db, serverTable, []byte(id), func(s *store.Server) error { return refused(change(s)) })
}

// DeleteServer implements [store.Servers].
func (db *DB) DeleteServer(ctx context.Context, id string) error {
	return remove(ctx, db, serverTable, []byte(id), anyway)
}
