package bolt

import (
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/bbbpool/bbbpool/api/exposition"
)

// The names of the metrics.
const (
	fileBytes     = "bbbpool_store_bytes"
	freeBytes     = "bbbpool_store_free_bytes"
	writable      = "bbbpool_store_writable"
	writesFailed  = "bbbpool_store_writes_failed_total"
	commitSeconds = "bbbpool_store_commit_duration_seconds"
)

// Families are the metrics of the store.
var Families = []exposition.Family{
	{Name: fileBytes, Type: exposition.Gauge, Help: "Size of the store's file."},
	{Name: freeBytes, Type: exposition.Gauge, Help: "What of it is written to before it grows."},
	{Name: writable, Type: exposition.Gauge, Help: "0 since a write has failed."},
	{Name: writesFailed, Type: exposition.Counter, Help: "Transactions that the disk did not take."},
	{Name: commitSeconds, Type: exposition.Histogram, Help: "How long transactions took that changed something."},
}

// meter measures what becomes of transactions.
type meter struct {
	set     *metrics.Set
	commits *metrics.PrometheusHistogram
	failing atomic.Bool
	failed  atomic.Uint64
}

func newMeter() *meter {
	set := metrics.NewSet()
	return &meter{set: set, commits: set.NewPrometheusHistogram(commitSeconds)}
}

// committed notes a transaction that has changed something, and whether the disk has taken it.
func (m *meter) committed(begun time.Time, err error) {
	m.failing.Store(err != nil)
	if err != nil {
		m.failed.Add(1)
		return
	}
	m.commits.UpdateDuration(begun)
}

// WriteMetrics writes how large the database is and how its writes go, in Prometheus' text form.
func (db *DB) WriteMetrics(w io.Writer) {
	if info, err := os.Stat(db.path); err == nil {
		metrics.WriteGaugeUint64(w, fileBytes, uint64(max(0, info.Size())))
	}
	stats := db.bolt.Stats()
	free := (stats.FreePageN + stats.PendingPageN) * db.bolt.Info().PageSize
	metrics.WriteGaugeUint64(w, freeBytes, uint64(max(0, free)))
	works := uint64(1)
	if db.meter.failing.Load() {
		works = 0
	}
	metrics.WriteGaugeUint64(w, writable, works)
	metrics.WriteCounterUint64(w, writesFailed, db.meter.failed.Load())
	db.meter.set.WritePrometheus(w)
}
