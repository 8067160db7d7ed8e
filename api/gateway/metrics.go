package gateway

import (
	"fmt"

	"github.com/VictoriaMetrics/metrics"
)

// Metrics counts what front ends ask for and what they get.
type Metrics struct{ Set *metrics.Set }

// count takes one finished call into account. The outcomes are the protocol's message keys, and servers answer with
// few of them; calls that are unknown count as one.
func (m *Metrics) count(c *call) {
	name := c.name
	if c.outcome == "unsupportedRequest" || c.tenant == "" {
		name = "other" // names that anyone can make up must not become series
	}
	m.Set.GetOrCreateCounter(fmt.Sprintf("bbbpool_requests_total{call=%q,outcome=%q}", name, outcomeLabel(c.outcome))).Inc()
	m.Set.GetOrCreatePrometheusHistogram(fmt.Sprintf("bbbpool_request_duration_seconds{call=%q}", name)).
		UpdateDuration(c.start)
}

// outcomeLabel keeps what comes from servers from becoming any number of series.
func outcomeLabel(outcome string) string {
	if len(outcome) > 40 || outcome == "" {
		return "other"
	}
	return outcome
}

// placed counts a new meeting and how long its create took beyond the server's own time.
func (m *Metrics) placed(tries int) {
	m.Set.GetOrCreateCounter("bbbpool_meetings_placed_total").Inc()
	if tries > 1 {
		m.Set.GetOrCreateCounter("bbbpool_creates_failed_over_total").Inc()
	}
}

// joinFailure counts a join that did not get through, by cause.
func (m *Metrics) joinFailure(cause string) {
	m.Set.GetOrCreateCounter(fmt.Sprintf("bbbpool_join_failures_total{cause=%q}", cause)).Inc()
}
