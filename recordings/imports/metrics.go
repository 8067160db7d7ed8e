package imports

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/bbbpool/bbbpool/api/exposition"
	"github.com/bbbpool/bbbpool/recordings/record"
	"github.com/bbbpool/bbbpool/store"
)

// Names of metrics.
const (
	metricImported = "bbbpool_imports_total"
	metricFailed   = "bbbpool_imports_failed_total"
	metricBytes    = "bbbpool_import_bytes_total"
	metricSeconds  = "bbbpool_import_seconds_total"
	metricJobs     = "bbbpool_import_jobs"
	metricOldest   = "bbbpool_import_oldest_seconds"
)

// Families are the metrics of this package.
var Families = []exposition.Family{
	{Name: metricImported, Type: exposition.Counter, Help: "Archives imported."},
	{Name: metricFailed, Type: exposition.Counter, Help: "Archives that could not be imported."},
	{Name: metricBytes, Type: exposition.Counter, Help: "Bytes of the archives imported."},
	{Name: metricSeconds, Type: exposition.Counter, Help: "Time that imports took."},
	{Name: metricJobs, Type: exposition.Gauge, Help: "Archives on their way in."},
	{Name: metricOldest, Type: exposition.Gauge, Help: "How long the oldest archive has waited."},
}

// counts is what has become of imports since the program began.
type counts struct {
	imported atomic.Uint64
	failed   atomic.Uint64
	bytes    atomic.Uint64
	millis   atomic.Uint64 // spent on imports that were done
}

func (c *counts) done(bytes int64, took time.Duration) {
	c.imported.Add(1)
	c.bytes.Add(uint64(max(0, bytes)))
	c.millis.Add(uint64(max(0, took.Milliseconds())))
}

// WriteCounts writes what has become of imports since the program began.
func (i *Importer) WriteCounts(w io.Writer) {
	metrics.WriteCounterUint64(w, metricImported, i.counts.imported.Load())
	metrics.WriteCounterUint64(w, metricFailed, i.counts.failed.Load())
	metrics.WriteCounterUint64(w, metricBytes, i.counts.bytes.Load())
	metrics.WriteCounterFloat64(w, metricSeconds, float64(i.counts.millis.Load())/1000)
}

// WriteMetrics writes how imports stand, in Prometheus' text format. What it counts in the store, it counts within ctx.
func (i *Importer) WriteMetrics(ctx context.Context, w io.Writer) {
	i.WriteCounts(w)
	oldest := time.Duration(0)
	for _, state := range unsettled {
		jobs, err := i.Index.Jobs(ctx, store.JobFilter{States: []store.JobState{state}})
		if err != nil {
			return
		}
		metrics.WriteGaugeUint64(w, fmt.Sprintf("%s{state=%q}", metricJobs, state), uint64(len(jobs)))
		for _, j := range jobs {
			if state != store.JobFailed {
				oldest = max(oldest, record.Age(i.Now(), j.Created))
			}
		}
	}
	metrics.WriteGaugeFloat64(w, metricOldest, oldest.Seconds())
}
