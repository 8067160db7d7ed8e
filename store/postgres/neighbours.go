package postgres

import (
	"context"

	"github.com/bbbpool/bbbpool/store/postgres/address"
	"github.com/bbbpool/bbbpool/store/postgres/fault"
)

// Identity names the running server and the database in it: two addresses that lead to the same records have the same.
func (db *DB) Identity(ctx context.Context) (id string, err error) {
	err = db.read(ctx, "ask which database it is", func(t *txn) error {
		return fault.OfDB(t.QueryRow(t.ctx, `SELECT pg_postmaster_start_time()::text || '/' || oid::text
			FROM pg_catalog.pg_database WHERE datname = current_database()`).Scan(&id))
	})
	return id, err
}

// InUse tells whether other processes of bbbpool work on the database, as far as they have their usual name: what moves records
// has another one, and who comes through a pooler has none.
func (db *DB) InUse(ctx context.Context) (is bool, err error) {
	err = db.read(ctx, "ask who works on the database", func(t *txn) error {
		return fault.OfDB(t.QueryRow(t.ctx, `SELECT EXISTS (SELECT FROM pg_catalog.pg_stat_activity
			WHERE datname = current_database() AND application_name = $1 AND pid <> pg_backend_pid())`, address.Name).Scan(&is))
	})
	return is, err
}
