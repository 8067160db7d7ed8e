package redis_test

import (
	"fmt"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/bbbpool/bbbpool/store"
	"github.com/bbbpool/bbbpool/store/bolt"
	"github.com/bbbpool/bbbpool/store/storetest/daemon"
)

// BenchmarkClaim is what a claim costs that comes and goes, beside what it costs in a file. The server keeps an append-only
// file, as it should.
func BenchmarkClaim(b *testing.B) {
	for _, adapter := range []struct {
		name string
		open func(b *testing.B) store.State
	}{
		{"bolt", func(b *testing.B) store.State {
			db, err := bolt.Open(b.TempDir())
			if err != nil {
				b.Fatal(err)
			}
			return db.State()
		}},
		{"redis", func(b *testing.B) store.State {
			r := daemon.NewRedis(b, "--appendonly", "yes")
			b.Cleanup(r.Remove)
			return leading(b, r.URL()).State()
		}},
	} {
		for _, callers := range []int{1, 16} {
			b.Run(fmt.Sprintf("%s/callers=%d", adapter.name, callers), func(b *testing.B) {
				s := adapter.open(b)
				defer func() { _ = s.Close() }()
				var next atomic.Int64
				one := func() {
					c := room("a")
					c.MeetingID = strconv.FormatInt(next.Add(1), 36)
					if _, err := s.CreateClaim(b.Context(), c); err != nil {
						b.Error(err)
					}
					if err := s.DeleteClaim(b.Context(), c); err != nil {
						b.Error(err)
					}
				}
				if callers == 1 {
					for b.Loop() {
						one()
					}
					return
				}
				b.SetParallelism(max(1, callers/runtime.GOMAXPROCS(0)))
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						one()
					}
				})
			})
		}
	}
}

// BenchmarkClaims is what it costs to read all claims of a large pool.
func BenchmarkClaims(b *testing.B) {
	for _, n := range []int{1000, 50000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			s := leading(b, servers.Redis(b).URL()).State()
			list := many(b, n)
			if err := s.Load(b.Context(), list); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := s.Claims(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
