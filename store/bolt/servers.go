package bolt

import (
	"context"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/rows"
)

var serverTable = table[store.Server]{bucket: servers, noun: "server", codec: rows.Servers}

// serverRole is [store.Servers].
type serverRole struct{ db *DB }

func (role serverRole) Servers(ctx context.Context) ([]store.Server, error) {
	return all(ctx, role.db, serverTable)
}

func (role serverRole) Server(ctx context.Context, id string) (store.Server, error) {
	return one(ctx, role.db, serverTable, []byte(id))
}

func (role serverRole) CreateServer(ctx context.Context, s store.Server) error {
	_, err := create(ctx, role.db, serverTable, []byte(s.ID), s)
	return err
}

func (role serverRole) UpdateServer(ctx context.Context, id string, change func(*store.Server) error) (store.Server, error) {
	return update(ctx, role.db, serverTable, []byte(id), func(s *store.Server) error { return ofClosure(change(s)) })
}

func (role serverRole) DeleteServer(ctx context.Context, id string) error {
	return remove(ctx, role.db, serverTable, []byte(id), anyway)
}
