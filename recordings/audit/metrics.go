package audit

import (
	"io"

	"github.com/VictoriaMetrics/metrics"

	"github.com/bbbpool/bbbpool/api/exposition"
)

// metricInconsistent is the name of a metric.
const metricInconsistent = "bbbpool_recordings_inconsistent"

// Families are the metrics of this package.
var Families = []exposition.Family{{
	Name: metricInconsistent, Type: exposition.Gauge, Help: "Where index and disk differed at the last comparison.",
}}

// WriteMetrics writes how index and disk differed at the last comparison, in Prometheus' text format.
func (a *Auditor) WriteMetrics(w io.Writer) {
	metrics.WriteGaugeUint64(w, metricInconsistent, uint64(max(0, a.differ.Load())))
}
