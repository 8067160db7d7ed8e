package hooks

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/bbbpool/bbbpool/api/exposition"
	"github.com/bbbpool/bbbpool/api/problems"
)

// Names of metrics.
const (
	metricHooks  = "bbbpool_webhooks"
	metricEvents = "bbbpool_webhook_events_total"
	metricRelays = "bbbpool_webhook_relays"
)

// Families are the metrics of webhooks.
var Families = []exposition.Family{
	{Name: metricHooks, Type: exposition.Gauge, Help: "Webhooks that front ends have registered."},
	{Name: metricEvents, Type: exposition.Counter, Help: "Deliveries of servers' webhooks by what became of them."},
	{
		Name: metricRelays, Type: exposition.Gauge,
		Help: "Servers that answer, by whether they have the hooks of ours that are wanted; at the leader.",
	},
}

// What becomes of deliveries.
const (
	outcomeTaken     = "taken"
	outcomeUnwanted  = "unwanted"  // nobody's hook is about it
	outcomeEarly     = "early"     // nobody knows the meeting yet
	outcomeUnknown   = "unknown"   // nobody has come to know it
	outcomeForged    = "forged"    // the server's secret has not signed it
	outcomeStrange   = "strange"   // at an address that is not ours, or of a server that has left
	outcomeMalformed = "malformed" // no events
	outcomeLarge     = "too-large"
	outcomeFull      = "full"   // there is no room for more in the outbox, or for this hook
	outcomeBusy      = "busy"   // too many at once
	outcomeFailed    = "failed" // it could not be written down; it comes again
)

var outcomes = []string{
	outcomeTaken, outcomeUnwanted, outcomeEarly, outcomeUnknown, outcomeForged, outcomeStrange, outcomeMalformed, outcomeLarge,
	outcomeFull, outcomeBusy, outcomeFailed,
}

type counts struct {
	mu sync.Mutex
	of map[string]uint64
}

func (c *counts) add(outcome string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of[outcome]++
}

// WriteMetrics writes the metrics.
func (h *Hooks) WriteMetrics(w io.Writer) {
	metrics.WriteGaugeUint64(w, metricHooks, uint64(len(h.all().byID)))
	h.counts.mu.Lock()
	of := maps.Clone(h.counts.of)
	h.counts.mu.Unlock()
	for _, outcome := range outcomes {
		metrics.WriteCounterUint64(w, fmt.Sprintf("%s{outcome=%q}", metricEvents, outcome), of[outcome])
	}
	good, bad := h.relays.standing()
	metrics.WriteGaugeUint64(w, metricRelays+`{state="registered"}`, good)
	metrics.WriteGaugeUint64(w, metricRelays+`{state="missing"}`, bad)
}

// standing counts the servers that answer: those with the relays that are wanted, and those without.
func (r *relays) standing() (good, bad uint64) {
	want := r.hooks.all().want
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.run || !want.any() {
		return 0, 0
	}
	for _, one := range r.of {
		switch {
		case one.left || !one.online:
		case one.have == want:
			good++
		default:
			bad++
		}
	}
	return good, bad
}

// lost are the hooks that were removed of late because their receivers failed.
type lost struct {
	mu   sync.Mutex
	list []removed
}

type removed struct {
	tenant, host, why string
	at                time.Time
}

const (
	lostMost = 20
	lostFor  = 24 * time.Hour
)

func (l *lost) add(r removed) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = slices.DeleteFunc(l.list, func(o removed) bool { return o.host == r.host && o.tenant == r.tenant })
	l.list = append(l.list, r)
	l.list = l.list[max(0, len(l.list)-lostMost):]
}

// Problems tells which servers tell nobody anything, and whose hooks were removed. It says nothing where nobody has hooks.
func (h *Hooks) Problems(context.Context) []problems.Problem {
	list := h.removals()
	want := h.all().want
	if !want.any() {
		return list
	}
	if h.Base() == "" {
		return append(list, problems.Problem{
			Severity: problems.Impending, Subject: problems.Subject{Kind: problems.Setting, ID: "BBBPOOL_CALLBACK_URL"},
			Name:   "webhooks-no-address",
			Text:   "front ends have registered webhooks, and no server can tell the pool anything: it has no address to give them",
			Remedy: "set BBBPOOL_PUBLIC_URL, or BBBPOOL_CALLBACK_URL",
		})
	}
	return append(list, h.relays.problems()...)
}

func (h *Hooks) removals() (list []problems.Problem) {
	h.lost.mu.Lock()
	defer h.lost.mu.Unlock()
	for _, r := range h.lost.list {
		if h.Now().Sub(r.at) > lostFor {
			continue
		}
		list = append(list, problems.Problem{
			Severity: problems.Impending, Subject: problems.Subject{Kind: problems.Receiver, ID: printable(r.host)},
			Name: "webhook-removed", Since: r.at, Logged: true,
			Text: fmt.Sprintf("a webhook of tenant %s at %s was removed, as bbb-webhooks does after minutes of failures: %s",
				r.tenant, printable(r.host), r.why),
			Remedy: "see to its receiver, and have the front end register it again; one in your own network needs BBBPOOL_CALLBACK_ALLOW",
		})
	}
	return list
}

// printable is a host fit for a message.
func printable(host string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '?'
		}
		return r
	}, cmp.Or(host, "an address without a host"))
}

// problems are of the servers.
func (r *relays) problems() (list []problems.Problem) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(r.of)) {
		one := r.of[id]
		if one.left || !one.online || one.failed == 0 {
			continue
		}
		p := problems.Problem{
			Severity: problems.Impending, Subject: problems.Subject{Kind: problems.Server, ID: id}, Since: one.since,
			Name: "webhooks-failing",
			Text: fmt.Sprintf("%s cannot be asked for its webhooks, so that front ends may hear nothing of its meetings: %s",
				id, one.reason),
			Remedy: "look at bbb-webhooks there: systemctl status bbb-webhooks",
		}
		if one.absent {
			p.Name = "webhooks-missing"
			p.Text = id + " has no bbb-webhooks: front ends with webhooks hear nothing of its meetings"
			p.Remedy = "install it there: apt install bbb-webhooks"
		} else if one.failed < 2 {
			continue
		}
		list = append(list, p)
	}
	return list
}
