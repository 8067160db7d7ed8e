// Package series writes what is seen of servers, and what the pool carries, as metrics. It asks no server, keeps nothing, and
// never decides what a server's health is.
package series

import (
	"fmt"
	"io"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/bbbpool/bbbpool/api/exposition"
	"github.com/bbbpool/bbbpool/placement"
	"github.com/bbbpool/bbbpool/poller"
	"github.com/bbbpool/bbbpool/store"
)

// The names of the metrics. Those of a server have its ID as a label.
const (
	metricCapacity                = "bbbpool_capacity_people"
	metricCapacityWithout         = "bbbpool_capacity_without_largest_people"
	metricPeople                  = "bbbpool_people"
	metricMeetings                = "bbbpool_meetings"
	metricHeadroom                = "bbbpool_headroom_people"
	metricHeadroomWithout         = "bbbpool_headroom_without_largest_people"
	metricTightest                = "bbbpool_tightest_people"
	metricTightestHeadroom        = "bbbpool_tightest_headroom_people"
	metricTightestHeadroomWithout = "bbbpool_tightest_headroom_without_largest_people"
	metricTightestAt              = "bbbpool_tightest_timestamp_seconds"
	metricNetworkSuspect          = "bbbpool_own_network_suspect"
	metricDNSFailing              = "bbbpool_dns_failing"

	metricHealth         = "bbbpool_server_health"
	metricState          = "bbbpool_server_state"
	metricWeight         = "bbbpool_server_weight"
	metricServerCapacity = "bbbpool_server_capacity_people"
	metricServerPeople   = "bbbpool_server_people"
	metricExpected       = "bbbpool_server_expected"
	metricKept           = "bbbpool_server_kept"
	metricServerMeetings = "bbbpool_server_meetings"
	metricUsers          = "bbbpool_server_users"
	metricVideos         = "bbbpool_server_videos"
	metricLargest        = "bbbpool_server_largest_meeting"
	metricSplit          = "bbbpool_server_split_meetings"
	metricUnreadable     = "bbbpool_server_unreadable_meetings"
	metricPollAge        = "bbbpool_server_last_poll_age_seconds"
	metricPollLatency    = "bbbpool_server_poll_latency_seconds"
	metricPatience       = "bbbpool_server_patience_seconds"
	metricWarnings       = "bbbpool_server_warnings"
	metricClockSkew      = "bbbpool_server_clock_skew_seconds"
	metricCertificate    = "bbbpool_server_certificate_expires_seconds"
	metricSecretAwaited  = "bbbpool_server_secret_awaited"
	metricEvents         = "bbbpool_server_events_total"
)

// Families are the metrics that Write writes.
var Families = []exposition.Family{
	{Name: metricCapacity, Type: exposition.Gauge, Help: "People that the servers which take new meetings carry."},
	{Name: metricCapacityWithout, Type: exposition.Gauge, Help: "The same without the largest of them."},
	{Name: metricPeople, Type: exposition.Gauge, Help: "People here and still expected."},
	{Name: metricMeetings, Type: exposition.Gauge, Help: "Meetings that run."},
	{Name: metricHeadroom, Type: exposition.Gauge, Help: "How many more people fit."},
	{Name: metricHeadroomWithout, Type: exposition.Gauge, Help: "How many more people fit without the largest server."},
	{
		Name: metricTightest, Type: exposition.Gauge,
		Help: "People at the busiest time of the coming week, as it was in the last five.",
	},
	{Name: metricTightestHeadroom, Type: exposition.Gauge, Help: "How many more people fit then."},
	{Name: metricTightestHeadroomWithout, Type: exposition.Gauge, Help: "How many more people fit then without the largest server."},
	{Name: metricTightestAt, Type: exposition.Gauge, Help: "When that is."},
	{Name: metricNetworkSuspect, Type: exposition.Gauge, Help: "1 while more than half of the pool fails at once."},
	{Name: metricDNSFailing, Type: exposition.Gauge, Help: "1 while the names of several servers do not resolve."},

	{Name: metricHealth, Type: exposition.Gauge, Help: "1 for the health that a server has."},
	{Name: metricState, Type: exposition.Gauge, Help: "1 for the state that a server was set to."},
	{Name: metricWeight, Type: exposition.Gauge, Help: "Share of meetings that a server takes."},
	{Name: metricServerCapacity, Type: exposition.Gauge, Help: "People that a server carries."},
	{Name: metricServerPeople, Type: exposition.Gauge, Help: "People here and on their way."},
	{Name: metricExpected, Type: exposition.Gauge, Help: "People still expected."},
	{Name: metricKept, Type: exposition.Gauge, Help: "Room held for regular meetings."},
	{Name: metricServerMeetings, Type: exposition.Gauge, Help: "Meetings seen at the last poll."},
	{Name: metricUsers, Type: exposition.Gauge, Help: "People seen at the last poll."},
	{Name: metricVideos, Type: exposition.Gauge, Help: "Cameras seen at the last poll."},
	{Name: metricLargest, Type: exposition.Gauge, Help: "People in the largest meeting at the last poll."},
	{Name: metricSplit, Type: exposition.Gauge, Help: "Meetings that are on another server, too."},
	{Name: metricUnreadable, Type: exposition.Gauge, Help: "Meetings in the last answer that could not be read."},
	{Name: metricPollAge, Type: exposition.Gauge, Help: "Time since the last poll that worked."},
	{Name: metricPollLatency, Type: exposition.Gauge, Help: "How long the last poll took."},
	{Name: metricPatience, Type: exposition.Gauge, Help: "How long a probe may take, by how fast the server has answered of late."},
	{Name: metricWarnings, Type: exposition.Gauge, Help: "What will break unless somebody looks after it."},
	{Name: metricClockSkew, Type: exposition.Gauge, Help: "How far a server's clock is ahead of ours."},
	{Name: metricCertificate, Type: exposition.Gauge, Help: "What is left of a server's certificate."},
	{Name: metricSecretAwaited, Type: exposition.Gauge, Help: "1 while a server whose secret is being changed has the former one."},
	{Name: metricEvents, Type: exposition.Counter, Help: "What happened to a server, by kind."},
}

// gauges are the numbers that every server has, each as far as it is known: nothing seen is not 0.
var gauges = []struct {
	name  string
	known func(s poller.Status) bool
	value func(s poller.Status, now time.Time) float64
}{
	{metricWeight, always, func(s poller.Status, _ time.Time) float64 { return s.Weight }},
	{metricServerCapacity, always, func(s poller.Status, _ time.Time) float64 { return s.Load.Carries }},
	{metricServerPeople, always, func(s poller.Status, _ time.Time) float64 { return float64(s.Load.People) }},
	{metricExpected, always, func(s poller.Status, _ time.Time) float64 { return s.Load.Expected }},
	{metricKept, always, func(s poller.Status, _ time.Time) float64 { return s.Load.Kept }},
	{metricServerMeetings, polled, func(s poller.Status, _ time.Time) float64 { return float64(s.Meetings) }},
	{metricUsers, polled, func(s poller.Status, _ time.Time) float64 { return float64(s.Users) }},
	{metricVideos, polled, func(s poller.Status, _ time.Time) float64 { return float64(s.Videos) }},
	{metricLargest, polled, func(s poller.Status, _ time.Time) float64 { return float64(s.Largest) }},
	{metricSplit, polled, func(s poller.Status, _ time.Time) float64 { return float64(s.Split) }},
	{metricUnreadable, polled, func(s poller.Status, _ time.Time) float64 { return float64(s.Broken) }},
	{metricPollAge, polled, func(s poller.Status, now time.Time) float64 { return now.Sub(s.LastPoll).Seconds() }},
	{metricPollLatency, polled, func(s poller.Status, _ time.Time) float64 { return s.Latency.Seconds() }},
	{metricPatience, always, func(s poller.Status, _ time.Time) float64 { return s.Patience.Seconds() }},
	{metricWarnings, polled, func(s poller.Status, _ time.Time) float64 { return float64(len(s.Warnings)) }},
	{
		metricClockSkew, func(s poller.Status) bool { return s.ClockKnown },
		func(s poller.Status, _ time.Time) float64 { return s.ClockSkew.Seconds() },
	},
	{
		metricCertificate, func(s poller.Status) bool { return !s.CertificateExpires.IsZero() },
		func(s poller.Status, now time.Time) float64 { return s.CertificateExpires.Sub(now).Seconds() },
	},
	{
		metricSecretAwaited, func(s poller.Status) bool { return s.Former != "" },
		func(s poller.Status, _ time.Time) float64 { return float64(is(s.OnFormer)) },
	},
}

func always(poller.Status) bool { return true }

func polled(s poller.Status) bool { return !s.LastPoll.IsZero() }

// Write writes the metrics of every server, in Prometheus' text form, the lines of one metric together. It asks nobody.
func Write(w io.Writer, p *poller.Poller) {
	servers, now := p.Servers(), p.Now()
	suspect, names := p.OurSide()
	metrics.WriteGaugeUint64(w, metricNetworkSuspect, is(suspect))
	metrics.WriteGaugeUint64(w, metricDNSFailing, is(names))
	writeCapacity(w, p.Capacity())
	for _, s := range servers {
		for _, h := range []poller.Health{poller.Unknown, poller.Online, poller.Suspect, poller.Offline} {
			name := fmt.Sprintf(metricHealth+"{server=%q,health=%q}", s.ID, h)
			metrics.WriteGaugeUint64(w, name, is(s.Health == h))
		}
	}
	for _, s := range servers {
		for _, state := range []store.ServerState{store.Enabled, store.Cordoned, store.Draining, store.Disabled} {
			name := fmt.Sprintf(metricState+"{server=%q,state=%q}", s.ID, state)
			metrics.WriteGaugeUint64(w, name, is(s.State == state))
		}
	}
	for _, gauge := range gauges {
		for _, s := range servers {
			if gauge.known(s) {
				name := fmt.Sprintf("%s{server=%q}", gauge.name, s.ID)
				metrics.WriteGaugeFloat64(w, name, gauge.value(s, now))
			}
		}
	}
	for _, s := range servers {
		for _, e := range p.EventCounts(s.ID) {
			name := fmt.Sprintf(metricEvents+"{server=%q,event=%q}", s.ID, e.Kind)
			metrics.WriteCounterUint64(w, name, e.Count)
		}
	}
}

func is(v bool) uint64 {
	if v {
		return 1
	}
	return 0
}

// writeCapacity writes what the pool carries, in people. What history does not tell is left out.
func writeCapacity(w io.Writer, c placement.Capacity) {
	lost := c.Carries - c.Without
	metrics.WriteGaugeFloat64(w, metricCapacity, c.Carries)
	metrics.WriteGaugeFloat64(w, metricCapacityWithout, c.Without)
	metrics.WriteGaugeFloat64(w, metricPeople, c.Now.People)
	metrics.WriteGaugeUint64(w, metricMeetings, uint64(c.Now.Meetings))
	metrics.WriteGaugeFloat64(w, metricHeadroom, c.Spare(c.Now))
	metrics.WriteGaugeFloat64(w, metricHeadroomWithout, c.Spare(c.Now)-lost)
	if c.Tightest.At.IsZero() {
		return
	}
	metrics.WriteGaugeFloat64(w, metricTightest, c.Tightest.People)
	metrics.WriteGaugeFloat64(w, metricTightestHeadroom, c.Spare(c.Tightest))
	metrics.WriteGaugeFloat64(w, metricTightestHeadroomWithout, c.Spare(c.Tightest)-lost)
	metrics.WriteGaugeFloat64(w, metricTightestAt, float64(c.Tightest.At.Unix()))
}
