package poller

import (
	"io"

	"github.com/VictoriaMetrics/metrics"

	"github.com/bbbpool/bbbpool/placement"
)

// writeCapacity writes what the pool carries, in people. What history does not tell is left out.
func writeCapacity(w io.Writer, c placement.Capacity) {
	lost := c.Carries - c.Without
	metrics.WriteGaugeFloat64(w, "bbbpool_capacity_people", c.Carries)
	metrics.WriteGaugeFloat64(w, "bbbpool_capacity_without_largest_people", c.Without)
	metrics.WriteGaugeFloat64(w, "bbbpool_people", c.Now.People)
	metrics.WriteGaugeUint64(w, "bbbpool_meetings", uint64(c.Now.Meetings))
	metrics.WriteGaugeFloat64(w, "bbbpool_headroom_people", c.Spare(c.Now))
	metrics.WriteGaugeFloat64(w, "bbbpool_headroom_without_largest_people", c.Spare(c.Now)-lost)
	if c.Tightest.At.IsZero() {
		return
	}
	metrics.WriteGaugeFloat64(w, "bbbpool_tightest_people", c.Tightest.People)
	metrics.WriteGaugeFloat64(w, "bbbpool_tightest_headroom_people", c.Spare(c.Tightest))
	metrics.WriteGaugeFloat64(w, "bbbpool_tightest_headroom_without_largest_people", c.Spare(c.Tightest)-lost)
	metrics.WriteGaugeFloat64(w, "bbbpool_tightest_timestamp_seconds", float64(c.Tightest.At.Unix()))
}
