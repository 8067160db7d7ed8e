package owed

import (
	"fmt"
	"io"

	"github.com/VictoriaMetrics/metrics"

	"github.com/bbbpool/bbbpool/api/exposition"
	"github.com/bbbpool/bbbpool/store"
)

// Names of metrics.
const (
	metricOwed    = "bbbpool_recordings_owed"
	metricOverdue = "bbbpool_recordings_overdue"
)

// Families are the metrics of this package.
var Families = []exposition.Family{
	{
		Name: metricOwed, Type: exposition.Gauge,
		Help: "Recordings that servers still have to deliver, by how far they are.",
	},
	{Name: metricOverdue, Type: exposition.Gauge, Help: "Recordings that should have been delivered by now."},
}

// WriteMetrics counts what servers owe, in Prometheus' text format, from memory.
func (d *Debts) WriteMetrics(w io.Writer) {
	type key struct {
		server string
		step   store.OwedStep
	}
	counts, overdue := map[key]uint64{}, map[string]uint64{}
	for _, o := range d.Last() {
		counts[key{o.Owed.Server, o.Owed.Step}]++
		if o.Overdue {
			overdue[o.Owed.Server]++
		}
	}
	for k, n := range counts {
		metrics.WriteGaugeUint64(w, fmt.Sprintf("%s{server=%q,step=%q}", metricOwed, k.server, k.step), n)
	}
	for server, n := range overdue {
		metrics.WriteGaugeUint64(w, fmt.Sprintf("%s{server=%q}", metricOverdue, server), n)
	}
}
