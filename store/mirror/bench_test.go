package mirror_test

import (
	"fmt"
	"testing"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/mirror"
	"github.com/bbbpool/bbbpool/store/rows"
)

// large opens a mirror of a Redis with as many claims as a large pool has.
func large(b *testing.B, url string) (*mirror.Mirror, store.State) {
	b.Helper()
	m, s := open(b, dial(b, url, 0), b.TempDir(), func(c *mirror.Config) { c.Now = nil })
	var list []store.Row
	for i := range 5000 {
		c := claim(fmt.Sprintf("0123456789abcdef0123456789abcdef-%d", i), "bbb1")
		c.InternalID, c.Name, c.Recorded = fmt.Sprintf("0123456789abcdef0123456789abcdef01234567-%d", i), "Algebra", true
		row, err := rows.Claims.Row(c)
		must(b, err)
		list = append(list, row)
	}
	must(b, s.Load(b.Context(), list))
	return m, s
}

// BenchmarkRefresh is what a look at a Redis with 5,000 claims takes; without being asked for it takes place in a fiftieth of
// the time, at most.
func BenchmarkRefresh(b *testing.B) {
	m, _ := large(b, servers.Redis(b).URL())
	for b.Loop() {
		must(b, m.Refresh(b.Context()))
	}
}

// BenchmarkHeal is what it takes until a Redis that was emptied has its 5,000 claims again.
func BenchmarkHeal(b *testing.B) {
	url := servers.Redis(b).URL()
	m, _ := large(b, url)
	other := client(b, url)
	for b.Loop() {
		lease := other.HGetAll(b.Context(), "scalelite:bbbpool:lease").Val()
		must(b, other.FlushDB(b.Context()).Err())
		must(b, other.HSet(b.Context(), "scalelite:bbbpool:lease", lease).Err())
		must(b, m.Refresh(b.Context()))
	}
}

// BenchmarkCreateClaim is a write beside 5,000 claims; the other is what Redis takes alone.
func BenchmarkCreateClaim(b *testing.B) {
	_, s := large(b, servers.Redis(b).URL())
	alone := dial(b, servers.Redis(b).URL(), 0)
	for name, s := range map[string]store.State{"mirror": s, "redis": alone.State} {
		b.Run(name, func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				c, err := s.CreateClaim(b.Context(), claim(fmt.Sprint(name, b.N, i), "bbb1"))
				must(b, err)
				must(b, s.DeleteClaim(b.Context(), c))
			}
		})
	}
}
