package usage

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"

	"github.com/VictoriaMetrics/metrics"

	"github.com/bbbpool/bbbpool/api/exposition"
	"github.com/bbbpool/bbbpool/store"
)

// Names of metrics.
const (
	metricMeetings   = "bbbpool_tenant_meetings"
	metricPeople     = "bbbpool_tenant_people"
	metricEnded      = "bbbpool_tenant_meetings_ended_total"
	metricJoins      = "bbbpool_tenant_joins_total"
	metricSeconds    = "bbbpool_tenant_people_seconds_total"
	metricRecordings = "bbbpool_tenant_recordings_total"
	metricBytes      = "bbbpool_tenant_recording_bytes_total"
)

// Families are the metrics of the accounting.
var Families = []exposition.Family{
	{Name: metricMeetings, Type: exposition.Gauge, Help: "Meetings of a tenant, without breakout rooms."},
	{Name: metricPeople, Type: exposition.Gauge, Help: "People in a tenant's meetings, and on their way."},
	{Name: metricEnded, Type: exposition.Counter, Help: "Meetings of a tenant that are over."},
	{Name: metricJoins, Type: exposition.Counter, Help: "Joins of a tenant that were sent to servers."},
	{Name: metricSeconds, Type: exposition.Counter, Help: "People times seconds in a tenant's meetings."},
	{Name: metricRecordings, Type: exposition.Counter, Help: "Recordings of a tenant that have arrived."},
	{Name: metricBytes, Type: exposition.Counter, Help: "What the recordings of a tenant that have arrived take."},
}

const (
	// maxNamed is how many tenants have series of their own.
	maxNamed = 100
	// others is the label of all others, which no tenant's ID can be.
	others = "_other"
)

// counts are the numbers since the start, for metrics. A tenant that has got series keeps them, and one that has come too
// late has none until the next start: a counter must not go back because another has got a name. A mutex of their own keeps
// scrapes away from joins that wait for a sample.
type counts struct {
	mu     sync.Mutex
	series map[string]*totals
}

// totals are those of one series.
type totals struct {
	tally Tally
	store.Usage
}

// of returns the series of a tenant. The lock is held.
func (c *counts) of(tenant string) *totals {
	if c.series == nil {
		c.series = map[string]*totals{}
	}
	if c.series[tenant] == nil && len(c.series) >= maxNamed {
		tenant = others
	}
	if c.series[tenant] == nil {
		c.series[tenant] = &totals{}
	}
	return c.series[tenant]
}

func (c *counts) joined(tenant string) { c.added(store.Usage{Tenant: tenant, Joins: 1}) }

func (c *counts) people(tenant string, minutes float64) {
	c.added(store.Usage{Tenant: tenant, PeopleMins: minutes})
}

func (c *counts) added(u store.Usage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of(u.Tenant).Add(u)
}

// now is what tenants have; those of which nothing is said have nothing.
func (c *counts) now(tallies map[string]Tally) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range c.series {
		t.tally = Tally{}
	}
	for _, tenant := range slices.Sorted(maps.Keys(tallies)) {
		t := c.of(tenant)
		t.tally.Meetings += tallies[tenant].Meetings
		t.tally.People += tallies[tenant].People
	}
}

// WriteMetrics writes what tenants have and have used since the start, in Prometheus' text format.
func (a *Accounts) WriteMetrics(w io.Writer) {
	a.counts.now(a.Tallies())
	a.counts.mu.Lock()
	defer a.counts.mu.Unlock()
	for _, tenant := range slices.Sorted(maps.Keys(a.counts.series)) {
		t, label := a.counts.series[tenant], fmt.Sprintf("{tenant=%q}", tenant)
		metrics.WriteGaugeUint64(w, metricMeetings+label, uint64(max(0, t.tally.Meetings)))
		metrics.WriteGaugeUint64(w, metricPeople+label, uint64(max(0, t.tally.People)))
		metrics.WriteCounterUint64(w, metricEnded+label, uint64(max(0, t.Meetings)))
		metrics.WriteCounterUint64(w, metricJoins+label, uint64(max(0, t.Joins)))
		metrics.WriteCounterFloat64(w, metricSeconds+label, t.PeopleMins*60)
		metrics.WriteCounterUint64(w, metricRecordings+label, uint64(max(0, t.Recordings)))
		metrics.WriteCounterUint64(w, metricBytes+label, uint64(max(0, t.Bytes)))
	}
}
