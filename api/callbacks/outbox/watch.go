package outbox

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
	"github.com/bbbpool/bbbpool/api/quantity"
	"github.com/bbbpool/bbbpool/store"
)

// Names of metrics.
const (
	metricTotal  = "bbbpool_callbacks_total"
	metricNow    = "bbbpool_callbacks"
	metricOldest = "bbbpool_callbacks_oldest_seconds"
	metricBytes  = "bbbpool_callbacks_bytes"
	metricAway   = "bbbpool_callbacks_turned_away_total"
)

// Families are the metrics of the outbox.
var Families = []exposition.Family{
	{
		Name: metricTotal, Type: exposition.Counter,
		Help: "What has come of telling front ends, by kind and result: delivered, ended, failed, refused, dead, dropped.",
	},
	{Name: metricNow, Type: exposition.Gauge, Help: "Callbacks that wait or are dead, by kind and state, at the leader."},
	{Name: metricOldest, Type: exposition.Gauge, Help: "How long ago the oldest callback that waits was written."},
	{Name: metricBytes, Type: exposition.Gauge, Help: "How much what waits or is dead has in bodies and addresses."},
	{Name: metricAway, Type: exposition.Counter, Help: "Callbacks that were not written because there was no room."},
}

// counts are what has come of attempts.
type counts struct {
	mu sync.Mutex
	of map[countKey]uint64
}

type countKey struct {
	kind   store.CallbackKind
	result string
}

func (c *counts) add(kind store.CallbackKind, result string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of[countKey{kind, result}]++
}

// open has a kind counted from zero, so that the first failure is seen as one.
func (c *counts) open(kind store.CallbackKind) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, result := range []string{"delivered", "failed", "dead"} {
		c.of[countKey{kind, result}] += 0
	}
}

// WriteMetrics writes what has come of attempts here and, while this instance delivers, what waits.
func (o *Outbox) WriteMetrics(w io.Writer) {
	o.counts.mu.Lock()
	all := maps.Clone(o.counts.of)
	o.counts.mu.Unlock()
	for key, n := range all {
		metrics.WriteCounterUint64(w, fmt.Sprintf("%s{kind=%q,result=%q}", metricTotal, key.kind, key.result), n)
	}
	metrics.WriteCounterUint64(w, metricAway, o.awayRows.Load())
	t := o.term.Load()
	if t == nil {
		return
	}
	s := t.stand()
	for _, kind := range []store.CallbackKind{
		store.CallbackEnded, store.CallbackEnd, store.CallbackReady, store.CallbackAnalytics, store.CallbackEvent,
	} {
		for i, state := range []store.CallbackState{store.CallbackWaiting, store.CallbackDead} {
			metrics.WriteGaugeUint64(w, fmt.Sprintf("%s{kind=%q,state=%q}", metricNow, kind, state), uint64(s.kinds[kind][i]))
		}
	}
	age := time.Duration(0)
	if !s.oldest.IsZero() {
		age = max(0, o.Now().Sub(s.oldest))
	}
	metrics.WriteGaugeFloat64(w, metricOldest, age.Seconds())
	metrics.WriteGaugeUint64(w, metricBytes, uint64(max(0, o.bytes.Load())))
}

// standing is what waits, counted.
type standing struct {
	kinds  map[store.CallbackKind][2]int // that wait, and that are dead
	hosts  map[string]*hostStanding
	oldest time.Time
}

type hostStanding struct {
	waiting, dead int
	oldest        time.Time // of those that wait
	refused       string
	gaveUp        time.Time // when the oldest dead one was written
}

// stand counts what there is. It reads memory alone.
func (t *term) stand() standing {
	s := standing{kinds: map[store.CallbackKind][2]int{}, hosts: map[string]*hostStanding{}}
	now := t.box.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range t.index.entries {
		h := s.hosts[e.host]
		if h == nil {
			h = &hostStanding{}
			s.hosts[e.host] = h
		}
		n := s.kinds[e.kind]
		if e.dead {
			n[1]++
			h.dead++
			h.gaveUp = earlier(h.gaveUp, e.created)
		} else {
			n[0]++
			h.waiting++
			if e.tried || !e.next.After(now) { // or whoever wrote it does not want it sent yet
				h.oldest, s.oldest = earlier(h.oldest, e.created), earlier(s.oldest, e.created)
			}
			h.refused = cmp.Or(h.refused, e.refused)
		}
		s.kinds[e.kind] = n
	}
	return s
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

const (
	lateAfter = time.Hour
	maxHosts  = 20 // that problems name
)

// Problems tells which front ends cannot be told, host by host, and that there is no room.
func (o *Outbox) Problems(context.Context) []problems.Problem {
	t := o.term.Load()
	if t == nil {
		return nil
	}
	var list []problems.Problem
	if away := o.awayRows.Load(); o.Full() {
		list = append(list, problems.Problem{
			Severity: problems.Stuck, Subject: problems.Subject{Kind: problems.Receiver}, Name: "outbox-full",
			Text: fmt.Sprintf("%d callbacks wait, which is as many as may, and %s told to nobody since the start",
				o.waiting.Load(), quantity.Count(int(min(away, 1<<31)), "is", "are")),
			Remedy: "see to the front ends that do not answer, drop what is dead, or raise --callback-max and --callback-max-bytes",
		})
	}
	return append(list, o.ofHosts(t.stand().hosts)...)
}

// ofHosts is what is wrong with hosts, as far as they can all be named. Whoever chooses addresses chooses their order, and how
// many there are: that there are more is said.
func (o *Outbox) ofHosts(hosts map[string]*hostStanding) (list []problems.Problem) {
	more := 0
	for _, name := range slices.Sorted(maps.Keys(hosts)) {
		switch found := o.ofHost(shown(name), hosts[name]); {
		case len(found) == 0:
		case len(list) >= maxHosts:
			more++
		default:
			list = append(list, found...)
		}
	}
	if more > 0 {
		list = append(list, problems.Problem{
			Severity: problems.Late, Subject: problems.Subject{Kind: problems.Receiver}, Name: "more-hosts",
			Text:   fmt.Sprintf("%s more cannot be told:", quantity.Count(more, "host", "hosts")),
			Remedy: "bbbpool callback list --state dead, and --state waiting",
		})
	}
	return list
}

// ofHost is what is wrong with one host: that it is refused, else that it is late; and what was given up.
func (o *Outbox) ofHost(name string, h *hostStanding) (list []problems.Problem) {
	subject := problems.Subject{Kind: problems.Receiver, ID: name}
	many := quantity.Count(h.waiting, "callback", "callbacks")
	switch {
	case h.refused != "":
		list = append(list, problems.Problem{
			Severity: problems.Late, Subject: subject, Name: "refused", Since: h.oldest,
			Text:   fmt.Sprintf("%s to %s not sent, %s", many, name, h.refused),
			Remedy: "if that is a front end of yours, add its host to BBBPOOL_CALLBACK_ALLOW and restart",
		})
	case !h.oldest.IsZero() && o.Now().Sub(h.oldest) > lateAfter:
		list = append(list, problems.Problem{
			Severity: problems.Late, Subject: subject, Name: "not-told", Since: h.oldest,
			Text:   fmt.Sprintf("%s to %s waiting, the oldest since %s:", many, name, h.oldest.UTC().Format(time.RFC3339)),
			Remedy: "bbbpool callback list --host " + name,
		})
	}
	if h.dead > 0 {
		list = append(list, problems.Problem{
			Severity: problems.Late, Subject: subject, Name: "given-up", Since: h.gaveUp,
			Text: fmt.Sprintf("%s to %s given up; when it answers again, callback retry sends them, and callback drop forgets them:",
				quantity.Count(h.dead, "callback was", "callbacks were"), name),
			Remedy: "bbbpool callback list --state dead --host " + name,
		})
	}
	return list
}

// shown is a host fit for a message.
func shown(host string) string {
	if host == "" {
		return "an address without a host"
	}
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '?'
		}
		return r
	}, host)
}
