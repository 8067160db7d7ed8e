package gateway

import (
	"fmt"
	"io"
	"regexp"
	"sync"

	"github.com/VictoriaMetrics/metrics"

	"github.com/bbbpool/bbbpool/api/bbb"
)

// Metrics counts what front ends ask for and what they get.
type Metrics struct {
	Set *metrics.Set

	mu      sync.Mutex
	series  map[labels]series
	servers serverErrors
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
	m.Set.GetOrCreateCounter(meetingsPlaced).Inc()
	if tries > 1 {
		m.Set.GetOrCreateCounter(failedOver).Inc()
	}
}

const (
	meetingsPlaced = "bbbpool_meetings_placed_total"
	failedOver     = "bbbpool_creates_failed_over_total"
)

// outcomes are what alarms and graphs look at, beside "SUCCESS" and "internalError" of every call. "other" is for
// requests that nobody has signed.
var outcomes = map[string][]string{
	"create":           {"serverUnavailable", "serverCapacityReached", "serverTagUnavailable"},
	"join":             {"redirect", "serverUnavailable", "invalidMeetingIdentifier"},
	"end":              {"serverUnavailable", "notFound"},
	"getMeetingInfo":   {"serverUnavailable", "notFound"},
	"isMeetingRunning": {"serverUnavailable"},
	"insertDocument":   {"serverUnavailable"},
	"sendChatMessage":  {"serverUnavailable"},
	"other":            {"checksumError", "unsupportedRequest", "serverBusy", "serverUnavailable"},
}

// open makes the series that are known beforehand, so that their first event is seen as one. What servers did not answer
// is told as long as they are in the pool.
func (m *Metrics) open(calls map[string]handler, inPool func(server string) bool) {
	for call := range calls {
		m.of(labels{call, "SUCCESS"})
		m.of(labels{call, bbb.ErrInternal.Key})
	}
	for call, list := range outcomes {
		for _, outcome := range list {
			m.of(labels{call, outcome})
		}
	}
	m.Set.GetOrCreateCounter(meetingsPlaced)
	m.Set.GetOrCreateCounter(failedOver)
	for _, cause := range []string{causeFull, causeTag, causeNone, causeFailed} {
		m.refusals(cause)
	}
	for _, cause := range []string{joinUnknown, joinRefused, joinOffline, joinSlow} {
		m.joinFailures(cause)
	}
	m.Set.RegisterMetricsWriter(func(w io.Writer) { m.servers.write(w, inPool) })
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

// Why a join did not get through.
const (
	joinUnknown = "unknown"
	joinRefused = "refused" // no server could take the meeting a moment ago
	joinOffline = "offline"
	joinSlow    = "slowCreate"
)

// joinFailures is how many joins did not get through, by cause.
func (m *Metrics) joinFailures(cause string) *metrics.Counter {
	return m.Set.GetOrCreateCounter(fmt.Sprintf("bbbpool_join_failures_total{cause=%q}", cause))
}

// asked counts a call that a server did not answer as it should.
func (m *Metrics) asked(server, call string, err error) {
	if outcome := failure(err); outcome != "" {
		if outcomes[call] == nil {
			call = "other"
		}
		m.servers.count(serverError{server, call, outcome})
	}
}
