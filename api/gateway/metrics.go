package gateway

import (
	"fmt"
	"regexp"
	"sync"

	"github.com/VictoriaMetrics/metrics"
)

// Metrics counts what front ends ask for and what they get.
type Metrics struct {
	Set *metrics.Set

	mu     sync.Mutex
	series map[labels]series
}

// labels are what requests are counted by.
type labels struct{ call, outcome string }

// series are the metrics of one combination of labels.
type series struct {
	requests *metrics.Counter
	duration *metrics.PrometheusHistogram
}

// maxSeries bounds how many combinations there can be: some of the labels come from servers, and from front ends.
const maxSeries = 300

// count takes one finished call into account.
func (m *Metrics) count(c *call) {
	l := labels{c.name, label(c.outcome)}
	if !c.known || c.tenant == "" {
		l.call = "other" // names that anyone can make up
	}
	s := m.of(l)
	s.requests.Inc()
	s.duration.UpdateDuration(c.start)
}

// plain is what can stand in a label without being escaped.
var plain = regexp.MustCompile(`^[A-Za-z0-9._/ -]{1,60}$`)

// label keeps a name that somebody else has chosen from spoiling the page.
func label(name string) string {
	if plain.MatchString(name) {
		return name
	}
	return "other"
}

func (m *Metrics) of(l labels) series {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s, ok := m.series[l]; ok {
		return s
	}
	if len(m.series) >= maxSeries {
		l = labels{"other", "other"}
	}
	s := series{
		m.Set.GetOrCreateCounter(fmt.Sprintf("bbbpool_requests_total{call=%q,outcome=%q}", l.call, l.outcome)),
		m.Set.GetOrCreatePrometheusHistogram(fmt.Sprintf("bbbpool_request_duration_seconds{call=%q}", l.call)),
	}
	if m.series == nil {
		m.series = map[labels]series{}
	}
	m.series[l] = s
	return s
}

// placed counts a new meeting, and whether it took more than one server to make it.
func (m *Metrics) placed(tries int) {
	m.Set.GetOrCreateCounter("bbbpool_meetings_placed_total").Inc()
	if tries > 1 {
		m.Set.GetOrCreateCounter("bbbpool_creates_failed_over_total").Inc()
	}
}

// open makes the series that are alarms, so that their first event is seen as one.
func (m *Metrics) open() {
	for _, cause := range []string{causeFull, causeTag, causeNone, causeFailed} {
		m.refusals(cause)
	}
}

// Why no server takes a meeting.
const (
	causeFull   = "full"   // every server is at its hard capacity
	causeTag    = "tag"    // none has the tag that is required
	causeNone   = "none"   // none takes new meetings
	causeFailed = "failed" // those that were tried failed
)

// refusals is how many creates no server could take, by cause.
func (m *Metrics) refusals(cause string) *metrics.Counter {
	return m.Set.GetOrCreateCounter(fmt.Sprintf("bbbpool_placement_refusals_total{cause=%q}", cause))
}

// joinFailure counts a join that did not get through, by cause.
func (m *Metrics) joinFailure(cause string) {
	m.Set.GetOrCreateCounter(fmt.Sprintf("bbbpool_join_failures_total{cause=%q}", cause)).Inc()
}
