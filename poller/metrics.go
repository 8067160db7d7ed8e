package poller

import (
	"fmt"
	"io"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/bbbpool/bbbpool/store"
)

// gauges are the numbers that every server has. Those that a poll supplies are left out before the first one: nothing
// seen is not 0.
var gauges = []struct {
	name   string
	polled bool
	value  func(s Status, now time.Time) float64
}{
	{"weight", false, func(s Status, _ time.Time) float64 { return s.Weight }},
	{"expected", false, func(s Status, _ time.Time) float64 { return s.Load.Expected }},
	{"meetings", true, func(s Status, _ time.Time) float64 { return float64(s.Meetings) }},
	{"users", true, func(s Status, _ time.Time) float64 { return float64(s.Users) }},
	{"videos", true, func(s Status, _ time.Time) float64 { return float64(s.Videos) }},
	{"largest_meeting", true, func(s Status, _ time.Time) float64 { return float64(s.Largest) }},
	{"split_meetings", true, func(s Status, _ time.Time) float64 { return float64(s.Split) }},
	{"unreadable_meetings", true, func(s Status, _ time.Time) float64 { return float64(s.Broken) }},
	{"last_poll_age_seconds", true, func(s Status, now time.Time) float64 { return now.Sub(s.LastPoll).Seconds() }},
	{"poll_latency_seconds", true, func(s Status, _ time.Time) float64 { return s.Latency.Seconds() }},
}

// WriteMetrics writes the metrics of every server, in Prometheus' text form, the lines of one metric together. It asks
// nobody.
func (p *Poller) WriteMetrics(w io.Writer) {
	servers, now := p.Servers(), p.now()
	metrics.WriteGaugeUint64(w, "bbbpool_own_network_suspect", is(p.ownNetwork()))
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
			if !gauge.polled || !s.LastPoll.IsZero() {
				name := fmt.Sprintf("bbbpool_server_%s{server=%q}", gauge.name, s.ID)
				metrics.WriteGaugeFloat64(w, name, gauge.value(s, now))
			}
		}
	}
}

func is(v bool) uint64 {
	if v {
		return 1
	}
	return 0
}
