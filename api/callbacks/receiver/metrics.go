package receiver

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/bbbpool/bbbpool/api/callbacks/address"
	"github.com/bbbpool/bbbpool/api/exposition"
	"github.com/bbbpool/bbbpool/api/problems"
)

// received is the name of the metric.
const received = "bbbpool_callbacks_received_total"

// Families are the metrics of what servers call back.
var Families = []exposition.Family{
	{Name: received, Type: exposition.Counter, Help: "Calls of servers at the addresses that they were given, by kind and outcome."},
}

// What may become of a call.
const (
	outcomeTaken      = "taken"      // something follows from it
	outcomeStale      = "stale"      // its meeting is over, or elsewhere
	outcomeIgnored    = "ignored"    // it says nothing
	outcomeSwallowed  = "swallowed"  // we tell of that ourselves
	outcomeHandedOn   = "handed-on"  // the leader has answered it
	outcomeNoLeader   = "no-leader"  // and nobody has
	outcomeUnknown    = "unknown"    // the address is not ours, or its meeting is forgotten
	outcomeUnverified = "unverified" // nobody who knows the server's secret has signed it
	outcomeMalformed  = "malformed"
	outcomeTooLarge   = "too-large"
	outcomeLimited    = "limited" // too often
	outcomeBusy       = "busy"    // there was no room in time
	outcomeFailed     = "failed"  // it could not be written down
)

// count counts a call by its outcome: one of our own words.
func (v *Receiver) count(kind address.Kind, outcome string) {
	v.Metrics.GetOrCreateCounter(series(kind, outcome)).Inc()
}

func series(kind address.Kind, outcome string) string {
	return fmt.Sprintf("%s{kind=%q,outcome=%q}", received, kind, outcome)
}

// begin has those series begin at 0 by which it is told that servers call.
func (v *Receiver) begin() {
	for _, kind := range []address.Kind{address.Ended, address.Marks, address.Analytics} {
		v.Metrics.GetOrCreateCounter(series(kind, outcomeTaken))
	}
}

// strangeFor is how long a signature that does not verify is told of.
const strangeFor = 24 * time.Hour

// Problems names the servers whose signatures do not verify.
func (v *Receiver) Problems(context.Context) (list []problems.Problem) {
	v.strange.mu.Lock()
	defer v.strange.mu.Unlock()
	now := v.Now()
	maps.DeleteFunc(v.strange.last, func(_ string, at time.Time) bool { return now.Sub(at) > strangeFor })
	for _, server := range slices.Sorted(maps.Keys(v.strange.last)) {
		list = append(list, problems.Problem{
			Severity: problems.Late, Subject: problems.Subject{Kind: problems.Server, ID: server}, Name: "analytics-unverified",
			Text:   "server " + server + " has sent analytics that its secret has not signed, or somebody has in its name: they are lost",
			Remedy: "the secret of its recording scripts is securitySalt in bbb-web's properties; bbbpool server test " + server,
		})
	}
	return list
}
