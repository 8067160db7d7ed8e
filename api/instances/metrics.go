package instances

import (
	"io"

	"github.com/VictoriaMetrics/metrics"

	"github.com/bbbpool/bbbpool/api/exposition"
)

// The metrics of instances.
const (
	leading        = "bbbpool_instance_leading"
	epoch          = "bbbpool_instance_epoch"
	termsBegun     = "bbbpool_instance_terms_total"
	leaseOwed      = "bbbpool_instance_lease_owed"
	fresh          = "bbbpool_instance_fresh"
	lagSeconds     = "bbbpool_instance_lag_seconds"
	followers      = "bbbpool_instance_followers"
	handedOn       = "bbbpool_requests_handed_on_total"
	handedAgain    = "bbbpool_requests_handed_on_again_total"
	handedNowhere  = "bbbpool_requests_without_leader_total"
	reportsDropped = "bbbpool_instance_reports_dropped_total"
)

// Families are the metrics of instances.
var Families = []exposition.Family{
	{Name: leading, Type: exposition.Gauge, Help: "1 at the instance that decides for the pool, 0 at the others."},
	{Name: epoch, Type: exposition.Gauge, Help: "The largest epoch of a lease that this instance has heard of."},
	{Name: termsBegun, Type: exposition.Counter, Help: "How often this instance has begun to lead."},
	{Name: leaseOwed, Type: exposition.Gauge, Help: "1 while this instance leads by a lease that the shared store has not got yet."},
	{Name: fresh, Type: exposition.Gauge, Help: "1 while this instance knows what the leader knew half a second ago."},
	{Name: lagSeconds, Type: exposition.Gauge, Help: "How old the news of the leader is here."},
	{Name: followers, Type: exposition.Gauge, Help: "Instances that hear the news of this one."},
	{Name: handedOn, Type: exposition.Counter, Help: "Requests that the leader has answered for this instance."},
	{Name: handedAgain, Type: exposition.Counter, Help: "Times that a request was sent to the next leader because one had gone."},
	{
		Name: handedNowhere, Type: exposition.Counter,
		Help: "Requests that found no instance to decide within the time that a create may wait.",
	},
	{Name: reportsDropped, Type: exposition.Counter, Help: "Observations for the leader that were lost, for want of one."},
}

// WriteMetrics writes how this instance stands to the others.
func (i *Instance) WriteMetrics(w io.Writer) {
	lag, _ := i.feed.Lag()
	handed, again, nowhere := i.relay.Counts()
	metrics.WriteGaugeUint64(w, leading, one(i.Leading()))
	metrics.WriteGaugeUint64(w, epoch, i.keeper.Highest())
	metrics.WriteCounterUint64(w, termsBegun, i.keeper.Terms())
	metrics.WriteGaugeUint64(w, leaseOwed, one(i.Owes()))
	metrics.WriteGaugeUint64(w, fresh, one(i.Fresh()))
	metrics.WriteGaugeFloat64(w, lagSeconds, lag.Seconds())
	metrics.WriteGaugeUint64(w, followers, uint64(i.hub.Followers()))
	metrics.WriteCounterUint64(w, handedOn, handed)
	metrics.WriteCounterUint64(w, handedAgain, again)
	metrics.WriteCounterUint64(w, handedNowhere, nowhere)
	metrics.WriteCounterUint64(w, reportsDropped, i.reports.Dropped())
}

func one(so bool) uint64 {
	if so {
		return 1
	}
	return 0
}
