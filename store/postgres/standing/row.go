package standing

import (
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/rows"
)

// What an index of PostgreSQL can hold bounds what names a record, and the look-ups are bounded with it.
const (
	longestKey   = 2048
	longestPlace = 16 << 10
)

// CheckRow refuses what the indexes cannot hold.
func CheckRow(row store.Row, look [][]byte) error {
	if len(row.Key) == 0 {
		return rows.ErrKey
	}
	if len(row.Key) > longestKey {
		return fmt.Errorf("%w: what names the record: %d bytes, the limit is %d", store.ErrTooLarge, len(row.Key), longestKey)
	}
	for _, place := range look {
		if len(place) > longestPlace {
			return fmt.Errorf("%w: what the record is found by: %d bytes, the limit is %d", store.ErrTooLarge, len(place), longestPlace)
		}
	}
	return nil
}

// Bytes is a value that is never null in the database.
func Bytes(v []byte) []byte {
	if v == nil {
		return []byte{}
	}
	return v
}

// Walk calls each for rows, and closes them. An error of each itself comes back as fault.Ours.
func Walk(rows pgx.Rows, each func(pgx.Rows) error) error {
	defer rows.Close()
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
