package standing

import "github.com/jackc/pgx/v5"

// Scan reads a row as pages do.
func Scan(rows pgx.Rows, into []any) error { return scan(rows, into) }

// ReadArray reads an array as the database sends it.
func ReadArray(into any, oid uint32, raw []byte) (done bool, err error) {
	return readArray(into, oid, raw)
}
