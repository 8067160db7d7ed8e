package redis_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/rows"
)

// Tokens that have expired are forgotten, those that came from elsewhere, too, and no more at once than is cheap.
func TestTokens_Forgotten(t *testing.T) {
	p := newPool(t)
	left := func() (int64, int64) {
		t.Helper()
		tokens, err := p.rake.HLen(t.Context(), "scalelite:bbbpool:tokens").Result()
		p.must(err)
		looks, err := p.rake.ZCard(t.Context(), "scalelite:bbbpool:tokens-by-0").Result()
		p.must(err)
		return tokens, looks
	}
	for n := range 3 { // each time in the place of those before
		var list []store.Row
		for i := range 20 {
			row, err := rows.Tokens.Row(rows.Token{ID: fmt.Sprint(i), Expires: monday.Add(time.Duration(n) * time.Minute)})
			p.must(err)
			list = append(list, row)
		}
		p.must(p.s.Load(t.Context(), list))
	}
	later := monday.Add(time.Hour)
	for i, want := range []int64{13, 6, 3, 4} {
		p.must(p.s.SpendToken(t.Context(), fmt.Sprint("new", i), later, later.Add(time.Hour)))
		tokens, looks := left()
		equal(t, "left", [2]int64{tokens, looks}, [2]int64{want, want})
	}
}
