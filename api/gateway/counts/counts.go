// Package counts counts what front ends ask for and what they get, and for what of that servers and the limits of tenants are to
// blame, and writes it as metrics. It bounds how many series there are, whatever names front ends and servers make up; it never
// decides what anybody is told.
package counts

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/exposition"
)

// The metrics of the gateway.
const (
	requestsTotal     = "bbbpool_requests_total"
	requestDuration   = "bbbpool_request_duration_seconds"
	meetingsPlaced    = "bbbpool_meetings_placed_total"
	createsFailedOver = "bbbpool_creates_failed_over_total"
	joinFailuresTotal = "bbbpool_join_failures_total"
	placementRefusals = "bbbpool_placement_refusals_total"
	serverErrorsTotal = "bbbpool_server_errors_total"
	tenantLimitsTotal = "bbbpool_tenant_limits_total"
)

// The limits of tenants, as they are counted by where they have changed or refused a call.
const (
	LimitMeetings      = "meetings"
	LimitPerHour       = "perHour"
	LimitPeople        = "people"
	LimitMeetingPeople = "meetingPeople"
	LimitDuration      = "duration"
	LimitRecording     = "recording"
	LimitRequests      = "requests"
)

// Families are the metrics of the gateway, and what they say.
var Families = []exposition.Family{
	{Name: requestsTotal, Type: exposition.Counter, Help: "Calls of front ends by what they got."},
	{Name: requestDuration, Type: exposition.Histogram, Help: "How long calls of front ends took."},
	{Name: meetingsPlaced, Type: exposition.Counter, Help: "New meetings."},
	{Name: createsFailedOver, Type: exposition.Counter, Help: "New meetings that needed another server than the first."},
	{Name: joinFailuresTotal, Type: exposition.Counter, Help: "Joins that got nowhere, by cause."},
	{Name: placementRefusals, Type: exposition.Counter, Help: "New meetings that no server could take, by cause."},
	{
		Name: serverErrorsTotal, Type: exposition.Counter,
		Help: "Calls that a server did not answer as it should, by what was wrong.",
	},
	{
		Name: tenantLimitsTotal, Type: exposition.Counter,
		Help: "Calls that a limit of their tenant has changed or refused, by limit.",
	},
}

// Metrics counts what front ends ask for and what they get.
type Metrics struct {
	Set *metrics.Set

	mu      sync.Mutex
	series  map[labels]series
	tenants map[string]bool // that are named
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

// Other is what names are counted as that anyone can make up.
const Other = "other"

// Count takes one finished call into account, by what it got.
func (m *Metrics) Count(call, outcome string, start time.Time) {
	s := m.of(labels{call, Label(outcome)})
	s.requests.Inc()
	s.duration.UpdateDuration(start)
}

// plain is what can stand in a label without being escaped.
var plain = regexp.MustCompile(`^[A-Za-z0-9._/ -]{1,60}$`)

// Label keeps a name that somebody else has chosen from spoiling the page.
func Label(name string) string {
	if plain.MatchString(name) {
		return name
	}
	return Other
}

func (m *Metrics) of(l labels) series {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s, ok := m.series[l]; ok {
		return s
	}
	if len(m.series) >= maxSeries {
		l = labels{Other, Other}
	}
	s := series{
		m.Set.GetOrCreateCounter(fmt.Sprintf("%s{call=%q,outcome=%q}", requestsTotal, l.call, l.outcome)),
		m.Set.GetOrCreatePrometheusHistogram(fmt.Sprintf("%s{call=%q}", requestDuration, l.call)),
	}
	if m.series == nil {
		m.series = map[labels]series{}
	}
	m.series[l] = s
	return s
}

// Placed counts a new meeting, and whether it took more than one server to make it.
func (m *Metrics) Placed(tries int) {
	m.Set.GetOrCreateCounter(meetingsPlaced).Inc()
	if tries > 1 {
		m.Set.GetOrCreateCounter(createsFailedOver).Inc()
	}
}

// outcomes are what alerts and graphs look at, beside "SUCCESS" and "internalError" of every call. Other is for
// requests that nobody has signed.
var outcomes = map[string][]string{
	"create": {
		"serverUnavailable", "serverCapacityReached", "serverTagUnavailable", "tenantMeetingsReached",
		"tenantMeetingsPerHourReached", "poolUnavailable", "databaseUnavailable",
	},
	"join": {
		"redirect", "serverUnavailable", "invalidMeetingIdentifier", "maxParticipantsReached", "tenantPeopleReached",
		"poolUnavailable",
	},
	"end":              {"serverUnavailable", "notFound"},
	"getMeetingInfo":   {"serverUnavailable", "notFound"},
	"isMeetingRunning": {"serverUnavailable"},
	"insertDocument":   {"serverUnavailable"},
	"sendChatMessage":  {"serverUnavailable"},
	Other:              {"checksumError", "unsupportedRequest", "serverBusy", "serverUnavailable"},
}

// Open makes the series that are known beforehand, so that their first event is seen as one. What servers did not answer
// is told as long as they are in the pool.
func (m *Metrics) Open(calls []string, inPool func(server string) bool) {
	for _, call := range calls {
		m.of(labels{call, "SUCCESS"})
		m.of(labels{call, bbb.ErrInternal.Key})
	}
	for call, list := range outcomes {
		for _, outcome := range list {
			m.of(labels{call, outcome})
		}
	}
	m.Set.GetOrCreateCounter(meetingsPlaced)
	m.Set.GetOrCreateCounter(createsFailedOver)
	for _, cause := range []string{CauseFull, CauseTag, CauseNone, CauseFailed, CauseMeetings, CausePerHour} {
		m.Refusals(cause)
	}
	for _, cause := range []string{JoinUnknown, JoinRefused, JoinOffline, JoinSlow, JoinFull} {
		m.JoinFailures(cause)
	}
	m.Set.RegisterMetricsWriter(func(w io.Writer) { m.servers.write(w, inPool) })
}

// Why no server takes a meeting.
const (
	CauseFull   = "full"   // every server is at its hard capacity
	CauseTag    = "tag"    // none has the tag that is required
	CauseNone   = "none"   // none takes new meetings
	CauseFailed = "failed" // those that were tried failed

	CauseMeetings = LimitMeetings // the tenant has as many as it may
	CausePerHour  = LimitPerHour  // or has begun as many
)

// Refusals is how many creates no server could take, by cause.
func (m *Metrics) Refusals(cause string) *metrics.Counter {
	return m.Set.GetOrCreateCounter(fmt.Sprintf("%s{cause=%q}", placementRefusals, cause))
}

// Why a join did not get through.
const (
	JoinUnknown = "unknown"
	JoinRefused = "refused" // no server could take the meeting a moment ago
	JoinOffline = "offline"
	JoinSlow    = "slowCreate"
	JoinFull    = "full" // the tenant's limits leave no room for another person
)

// JoinFailures is how many joins did not get through, by cause.
func (m *Metrics) JoinFailures(cause string) *metrics.Counter {
	return m.Set.GetOrCreateCounter(fmt.Sprintf("%s{cause=%q}", joinFailuresTotal, cause))
}

// mostTenants bounds how many tenants are named. What there are more of is counted together.
const mostTenants = 1000

// otherTenants is what they are called: no tenant's ID has such a character.
const otherTenants = "_other"

// Limited counts a call that a limit of its tenant has changed or refused.
func (m *Metrics) Limited(tenant, limit string) {
	m.mu.Lock()
	switch {
	case m.tenants[tenant]:
	case len(m.tenants) >= mostTenants:
		tenant = otherTenants
	case m.tenants == nil:
		m.tenants = map[string]bool{}
		fallthrough
	default:
		m.tenants[tenant] = true
	}
	m.mu.Unlock()
	m.Set.GetOrCreateCounter(fmt.Sprintf("%s{tenant=%q,limit=%q}", tenantLimitsTotal, Label(tenant), limit)).Inc()
}

// Failed counts a call that a server did not answer as it should, by what was wrong in a word.
func (m *Metrics) Failed(server, call, outcome string) {
	if outcomes[call] == nil {
		call = Other
	}
	m.servers.count(serverError{server, call, outcome})
}

// serverErrors counts the calls that servers did not answer as they should. Counters of a [metrics.Set] would stay when
// a server leaves.
type serverErrors struct {
	mu     sync.Mutex
	counts map[serverError]uint64
}

// serverError is what such calls are counted by.
type serverError struct{ server, call, outcome string }

func (s *serverErrors) count(e serverError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.counts == nil {
		s.counts = map[serverError]uint64{}
	}
	s.counts[e]++
}

// write writes the counters of the servers that are in the pool, in Prometheus' text form, and forgets the others.
func (s *serverErrors) write(w io.Writer, inPool func(server string) bool) {
	s.mu.Lock()
	maps.DeleteFunc(s.counts, func(e serverError, _ uint64) bool { return !inPool(e.server) })
	counts := maps.Clone(s.counts)
	s.mu.Unlock()
	order := func(a, b serverError) int {
		return cmp.Or(cmp.Compare(a.server, b.server), cmp.Compare(a.call, b.call), cmp.Compare(a.outcome, b.outcome))
	}
	for _, e := range slices.SortedFunc(maps.Keys(counts), order) {
		name := fmt.Sprintf("%s{server=%q,call=%q,outcome=%q}", serverErrorsTotal, e.server, e.call, e.outcome)
		metrics.WriteCounterUint64(w, name, counts[e])
	}
}
