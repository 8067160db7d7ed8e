package volume

import (
	"fmt"
	"io"

	"github.com/VictoriaMetrics/metrics"

	"github.com/bbbpool/bbbpool/api/exposition"
)

// Names of metrics, each with the label volume.
const (
	metricUp         = "bbbpool_volume_up"
	metricFreeBytes  = "bbbpool_volume_free_bytes"
	metricTotalBytes = "bbbpool_volume_total_bytes"
	metricFreeInodes = "bbbpool_volume_free_inodes"
	metricLatency    = "bbbpool_volume_latency_seconds"
)

// Families are the metrics of this package.
var Families = []exposition.Family{
	{Name: metricUp, Type: exposition.Gauge, Help: "1 while a directory of recordings can be used."},
	{Name: metricFreeBytes, Type: exposition.Gauge, Help: "Room that is left there."},
	{Name: metricTotalBytes, Type: exposition.Gauge, Help: "Room that there is."},
	{Name: metricFreeInodes, Type: exposition.Gauge, Help: "How many more files can be made there."},
	{Name: metricLatency, Type: exposition.Gauge, Help: "How long it took to write a small file there."},
}

// gauges are the numbers that every directory has, and when they are known: nothing seen is not 0.
var gauges = []struct {
	name  string
	known func(s Status) bool
	value func(s Status) float64
}{
	{metricUp, always, func(s Status) float64 { return is(s.Problem == "") }},
	{metricFreeBytes, measured, func(s Status) float64 { return float64(s.Free) }},
	{metricTotalBytes, measured, func(s Status) float64 { return float64(s.Total) }},
	{metricFreeInodes, measured, func(s Status) float64 { return float64(s.Inodes) }},
	{metricLatency, probed, func(s Status) float64 { return s.Latency.Seconds() }},
}

func always(Status) bool     { return true }
func probed(s Status) bool   { return !s.At.IsZero() }
func measured(s Status) bool { return s.Total > 0 }

func is(v bool) float64 {
	if v {
		return 1
	}
	return 0
}

// WriteMetrics writes the metrics of every directory, in Prometheus' text form, the lines of one metric together. It
// asks no disk.
func (g *Guard) WriteMetrics(w io.Writer) {
	list := g.Status()
	for _, gauge := range gauges {
		for _, s := range list {
			if gauge.known(s) {
				metrics.WriteGaugeFloat64(w, fmt.Sprintf("%s{volume=%q}", gauge.name, s.Name), gauge.value(s))
			}
		}
	}
}
