package lrs

import (
	"io"

	"github.com/VictoriaMetrics/metrics"

	"github.com/bbbpool/bbbpool/api/exposition"
)

const metricFailures = "bbbpool_lrs_failures_total"

// Families are the metrics of payloads.
var Families = []exposition.Family{
	{
		Name: metricFailures, Type: exposition.Counter,
		Help: "Creates whose server was not told of the tenant's learning record store, as its provider gave no token.",
	},
}

// WriteMetrics writes how often there was no payload.
func (p *Payloads) WriteMetrics(w io.Writer) {
	metrics.WriteCounterUint64(w, metricFailures, p.failures.Load())
}
