package bolt_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkCreateClaim states what a durable claim costs in syncs of a 4 KiB page on the same disk: "syncs/claim" is
// the time of one claim, all callers together, over that of one sync. One caller pays two syncs or more (bbolt syncs
// the data, then its root); sixteen share them.
func BenchmarkCreateClaim(b *testing.B) {
	for _, callers := range []int{1, 16} {
		b.Run(fmt.Sprint("callers=", callers), func(b *testing.B) {
			dir := b.TempDir()
			sync := timeOfSync(b, dir)
			db := open(b, dir)
			var next atomic.Int64
			b.SetParallelism(max(1, callers/runtime.GOMAXPROCS(0)))
			body := func() {
				id := strconv.FormatInt(next.Add(1), 36)
				if _, err := db.State().CreateClaim(b.Context(), claimOf(id, "bbb1")); err != nil {
					b.Error(err)
				}
			}
			b.ResetTimer()
			if callers == 1 {
				for range b.N {
					body()
				}
			} else {
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						body()
					}
				})
			}
			perClaim := b.Elapsed() / time.Duration(b.N)
			b.ReportMetric(float64(perClaim)/float64(sync), "syncs/claim")
			b.ReportMetric(float64(sync), "ns/sync")
		})
	}
}

// timeOfSync writes and syncs a page for a while.
func timeOfSync(b *testing.B, dir string) time.Duration {
	b.Helper()
	f, err := os.Create(filepath.Join(dir, "page"))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	const rounds = 200
	page := make([]byte, 4096)
	start := time.Now()
	for i := range rounds {
		page[0] = byte(i)
		if _, err := f.WriteAt(page, 0); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(start) / rounds
}
