package throttle

import (
	"github.com/VictoriaMetrics/metrics"

	"github.com/bbbpool/bbbpool/api/exposition"
)

// The metrics of the throttle.
const (
	failuresTotal   = "bbbpool_checksum_failures_total"
	delaysTotal     = "bbbpool_checksum_delays_total"
	delaysFullTotal = "bbbpool_checksum_delays_full_total"
	delaysWaiting   = "bbbpool_checksum_delays_waiting"
)

// Families are the metrics of the throttle, and what they say.
var Families = []exposition.Family{
	{Name: failuresTotal, Type: exposition.Counter, Help: "Calls of front ends whose checksum was wrong."},
	{Name: delaysTotal, Type: exposition.Counter, Help: "Answers to such calls that were delayed."},
	{Name: delaysFullTotal, Type: exposition.Counter, Help: "Answers that were to be delayed, with too many waiting already."},
	{Name: delaysWaiting, Type: exposition.Gauge, Help: "Answers that are waiting at the moment."},
}

// counters count what the throttle does.
type counters struct{ failures, delays, full *metrics.Counter }

func (c *counters) register(set *metrics.Set, t *Throttle) {
	c.failures, c.delays = set.GetOrCreateCounter(failuresTotal), set.GetOrCreateCounter(delaysTotal)
	c.full = set.GetOrCreateCounter(delaysFullTotal)
	set.GetOrCreateGauge(delaysWaiting, func() float64 {
		t.mu.Lock()
		defer t.mu.Unlock()
		return float64(t.waiting)
	})
}
