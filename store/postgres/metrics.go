package postgres

import (
	"io"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/bbbpool/bbbpool/api/exposition"
)

// The names of the metrics.
const (
	poolMax       = "bbbpool_postgres_connections_max"
	poolUsed      = "bbbpool_postgres_connections_in_use"
	poolOpen      = "bbbpool_postgres_connections"
	poolWaits     = "bbbpool_postgres_waits_total"
	writable      = "bbbpool_postgres_writable"
	writesFailed  = "bbbpool_postgres_writes_failed_total"
	writesSeconds = "bbbpool_postgres_write_duration_seconds"
)

// Families are the metrics of the store.
var Families = []exposition.Family{
	{Name: poolMax, Type: exposition.Gauge, Help: "How many connections to PostgreSQL there may be."},
	{Name: poolOpen, Type: exposition.Gauge, Help: "Open connections to PostgreSQL."},
	{Name: poolUsed, Type: exposition.Gauge, Help: "Connections to PostgreSQL that are in use."},
	{Name: poolWaits, Type: exposition.Counter, Help: "Calls that had to wait for a connection to PostgreSQL."},
	{Name: writable, Type: exposition.Gauge, Help: "0 since a write to PostgreSQL has failed because it was away."},
	{Name: writesFailed, Type: exposition.Counter, Help: "Writes that failed because PostgreSQL was away."},
	{Name: writesSeconds, Type: exposition.Histogram, Help: "How long writes to PostgreSQL took that succeeded."},
}

// meter measures what becomes of writes.
type meter struct {
	set     *metrics.Set
	pool    *pgxpool.Pool
	writes  *metrics.PrometheusHistogram
	failing atomic.Bool
	failed  atomic.Uint64
}

func newMeter(pool *pgxpool.Pool) *meter {
	set := metrics.NewSet()
	return &meter{set: set, pool: pool, writes: set.NewPrometheusHistogram(writesSeconds)}
}

// wrote notes what became of a write.
func (m *meter) wrote(took time.Duration, away bool, err error) {
	switch {
	case away:
		m.failing.Store(true)
		m.failed.Add(1)
	case err == nil:
		m.failing.Store(false)
		m.writes.Update(took.Seconds())
	}
}

// WriteMetrics writes how the connections are used and how writes go, in Prometheus' text form.
func (db *DB) WriteMetrics(w io.Writer) {
	stats := db.pool.Stat()
	metrics.WriteGaugeUint64(w, poolMax, uint64(max(0, stats.MaxConns())))
	metrics.WriteGaugeUint64(w, poolOpen, uint64(max(0, stats.TotalConns())))
	metrics.WriteGaugeUint64(w, poolUsed, uint64(max(0, stats.AcquiredConns())))
	metrics.WriteCounterUint64(w, poolWaits, uint64(max(0, stats.EmptyAcquireCount())))
	works := uint64(1)
	if db.meter.failing.Load() {
		works = 0
	}
	metrics.WriteGaugeUint64(w, writable, works)
	metrics.WriteCounterUint64(w, writesFailed, db.meter.failed.Load())
	db.meter.set.WritePrometheus(w)
}
