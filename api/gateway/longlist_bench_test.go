package gateway_test

import (
	"fmt"
	"io"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// fill puts recordings into the index, many in one transaction.
func (p *pool) fill(n int) {
	p.tb.Helper()
	const batch = 1000
	for from := 0; from < n; from += batch {
		var ids []string
		for i := range batch {
			ids = append(ids, fmt.Sprintf("%040x-%013d", from+i, 1_760_000_000_000+from+i))
		}
		i := from
		_, err := p.stores.Index.Commit(p.tb.Context(), store.Job{ID: "fill"}, ids, func(r *store.Recording) error {
			i++
			*r = store.Recording{
				RecordID: r.RecordID, Tenant: store.DefaultTenant, MeetingID: fmt.Sprint("room-", i%2000), Name: "Lecture",
				State: store.Published, Start: time.UnixMilli(1_760_000_000_000).Add(time.Duration(i) * time.Minute),
				Meta: map[string]string{"meetingId": fmt.Sprint("room-", i%2000), "meetingName": "Lecture", "gl-listed": "true"},
			}
			for _, format := range []string{"podcast", "presentation", "video"} {
				r.Formats = append(r.Formats, store.Format{
					Type: format, Path: "/" + format + "/" + r.RecordID + "/", Length: time.Hour, Size: 1 << 20,
					Images: []store.Image{{Width: 176, Height: 136, Alt: "Welcome", Path: "/" + format + "/" + r.RecordID + "/thumb-1.png"}},
				})
			}
			return nil
		})
		if err != nil {
			p.tb.Fatal(err)
		}
	}
}

// All of 200,000 recordings: when the answer begins, how long it takes, and what memory it costs.
func BenchmarkGetRecordings_All(b *testing.B) {
	p := bare(&pool{tb: b}, settings{})
	p.fill(200_000)
	for b.Loop() {
		runtime.GC()
		var before runtime.MemStats
		runtime.ReadMemStats(&before)
		var peak atomic.Uint64
		over := make(chan struct{})
		go func() {
			tick := time.NewTicker(5 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-over:
					return
				case <-tick.C:
					var now runtime.MemStats
					runtime.ReadMemStats(&now)
					peak.Store(max(peak.Load(), now.HeapInuse))
				}
			}
		}()
		began := time.Now()
		resp, err := p.client.Get(p.url("getRecordings", ""))
		if err != nil {
			b.Fatal(err)
		}
		first := time.Since(began)
		n, err := io.Copy(io.Discard, resp.Body)
		if err != nil {
			b.Fatal(err)
		}
		close(over)
		b.ReportMetric(float64(first.Milliseconds()), "ms-to-first-byte")
		b.ReportMetric(time.Since(began).Seconds(), "s-in-all")
		b.ReportMetric(float64(n)/1e6, "MB-answer")
		b.ReportMetric(float64(int64(peak.Load())-int64(before.HeapInuse))/1e6, "MB-more-heap")
	}
}

// The recordings of one meeting among 200,000.
func BenchmarkGetRecordings_Meeting(b *testing.B) {
	p := bare(&pool{tb: b}, settings{})
	p.fill(200_000)
	i := 0
	for b.Loop() {
		i++
		get(b, p.client, p.url("getRecordings", fmt.Sprint("meetingID=room-", i%2000)))
	}
}
