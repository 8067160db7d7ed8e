package redis

import (
	"errors"
	"io"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/bbbpool/bbbpool/api/exposition"
	"github.com/bbbpool/bbbpool/store"
)

// The names of the metrics.
const (
	up          = "bbbpool_redis_up"
	failures    = "bbbpool_redis_failures_total"
	conflicts   = "bbbpool_redis_conflicts_total"
	lossesTotal = "bbbpool_redis_losses_total"
	connections = "bbbpool_redis_connections"
	callSeconds = "bbbpool_redis_call_duration_seconds"
)

// Families are the metrics of the store.
var Families = []exposition.Family{
	{Name: up, Type: exposition.Gauge, Help: "0 since Redis has not answered a call, or could not do it."},
	{Name: failures, Type: exposition.Counter, Help: "Calls that Redis has not answered, or could not do."},
	{Name: conflicts, Type: exposition.Counter, Help: "Writes that began anew, because somebody else had written meanwhile."},
	{Name: lossesTotal, Type: exposition.Counter, Help: "How often Redis had lost writes that it had acknowledged."},
	{Name: connections, Type: exposition.Gauge, Help: "Connections to Redis."},
	{Name: callSeconds, Type: exposition.Histogram, Help: "How long calls took that Redis has answered."},
}

// meter measures what becomes of calls.
type meter struct {
	set    *metrics.Set
	calls  *metrics.PrometheusHistogram
	away   atomic.Bool
	failed atomic.Uint64
	again  atomic.Uint64
}

func newMeter() *meter {
	set := metrics.NewSet()
	return &meter{set: set, calls: set.NewPrometheusHistogram(callSeconds)}
}

// called notes a call, and whether the server has answered it.
func (m *meter) called(begun time.Time, err error) {
	is := errors.Is(err, store.ErrAway)
	m.away.Store(is)
	if is {
		m.failed.Add(1)
		return
	}
	m.calls.UpdateDuration(begun)
}

// WriteMetrics writes how the server answers, in Prometheus' text form.
func (db *DB) WriteMetrics(w io.Writer) {
	answers := uint64(1)
	if db.meter.away.Load() {
		answers = 0
	}
	metrics.WriteGaugeUint64(w, up, answers)
	metrics.WriteCounterUint64(w, failures, db.meter.failed.Load())
	metrics.WriteCounterUint64(w, conflicts, db.meter.again.Load())
	metrics.WriteCounterUint64(w, lossesTotal, db.lost.Load())
	metrics.WriteGaugeUint64(w, connections, uint64(db.client.PoolStats().TotalConns))
	db.meter.set.WritePrometheus(w)
}
