package mirror_test

import (
	"testing"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/rows"
)

// known are the rows of claims and endings.
func known(t testing.TB, records ...any) (list []store.Row) {
	t.Helper()
	for _, record := range records {
		var row store.Row
		var err error
		switch r := record.(type) {
		case store.Claim:
			row, err = rows.Claims.Row(r)
		case store.Ending:
			row, err = rows.Endings.Row(r)
		}
		must(t, err)
		list = append(list, row)
	}
	return list
}
