package poller

import (
	"fmt"
	"io"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/bbbpool/bbbpool/store"
)

// gauges are the numbers that every server has, each as far as it is known: nothing seen is not 0.
var gauges = []struct {
	name  string
	known func(s Status) bool
	value func(s Status, now time.Time) float64
}{
	{"weight", always, func(s Status, _ time.Time) float64 { return s.Weight }},
	{"capacity_people", always, func(s Status, _ time.Time) float64 { return s.Load.Carries }},
	{"people", always, func(s Status, _ time.Time) float64 { return float64(s.Load.People) }},
	{"expected", always, func(s Status, _ time.Time) float64 { return s.Load.Expected }},
	{"kept", always, func(s Status, _ time.Time) float64 { return s.Load.Kept }},
	{"meetings", polled, func(s Status, _ time.Time) float64 { return float64(s.Meetings) }},
	{"users", polled, func(s Status, _ time.Time) float64 { return float64(s.Users) }},
	{"videos", polled, func(s Status, _ time.Time) float64 { return float64(s.Videos) }},
	{"largest_meeting", polled, func(s Status, _ time.Time) float64 { return float64(s.Largest) }},
	{"split_meetings", polled, func(s Status, _ time.Time) float64 { return float64(s.Split) }},
	{"unreadable_meetings", polled, func(s Status, _ time.Time) float64 { return float64(s.Broken) }},
	{"last_poll_age_seconds", polled, func(s Status, now time.Time) float64 { return now.Sub(s.LastPoll).Seconds() }},
	{"poll_latency_seconds", polled, func(s Status, _ time.Time) float64 { return s.Latency.Seconds() }},
	{"patience_seconds", always, func(s Status, _ time.Time) float64 { return s.Patience.Seconds() }},
	{"warnings", polled, func(s Status, _ time.Time) float64 { return float64(len(s.Warnings)) }},
	{
		"clock_skew_seconds", func(s Status) bool { return s.ClockKnown },
		func(s Status, _ time.Time) float64 { return s.ClockSkew.Seconds() },
	},
	{
		"certificate_expires_seconds", func(s Status) bool { return !s.CertificateExpires.IsZero() },
		func(s Status, now time.Time) float64 { return s.CertificateExpires.Sub(now).Seconds() },
	},
}

func always(Status) bool { return true }

func polled(s Status) bool { return !s.LastPoll.IsZero() }

// WriteMetrics writes the metrics of every server, in Prometheus' text form, the lines of one metric together. It asks
// nobody.
func (p *Poller) WriteMetrics(w io.Writer) {
	servers, now := p.Servers(), p.now()
	metrics.WriteGaugeUint64(w, "bbbpool_own_network_suspect", is(p.outage().own()))
	metrics.WriteGaugeUint64(w, "bbbpool_dns_failing", is(p.namesLost.Load()))
	writeCapacity(w, p.ledger.Capacity())
	for _, s := range servers {
		for _, h := range []Health{Unknown, Online, Suspect, Offline} {
			name := fmt.Sprintf("bbbpool_server_health{server=%q,health=%q}", s.ID, h)
			metrics.WriteGaugeUint64(w, name, is(s.Health == h))
		}
	}
	for _, s := range servers {
		for _, state := range []store.ServerState{store.Enabled, store.Cordoned, store.Draining, store.Disabled} {
			name := fmt.Sprintf("bbbpool_server_state{server=%q,state=%q}", s.ID, state)
			metrics.WriteGaugeUint64(w, name, is(s.State == state))
		}
	}
	for _, gauge := range gauges {
		for _, s := range servers {
			if gauge.known(s) {
				name := fmt.Sprintf("bbbpool_server_%s{server=%q}", gauge.name, s.ID)
				metrics.WriteGaugeFloat64(w, name, gauge.value(s, now))
			}
		}
	}
	for _, s := range servers {
		for i, n := range p.eventCounts(s.ID) {
			name := fmt.Sprintf("bbbpool_server_events_total{server=%q,event=%q}", s.ID, kinds[i])
			metrics.WriteCounterUint64(w, name, n)
		}
	}
}

func is(v bool) uint64 {
	if v {
		return 1
	}
	return 0
}
