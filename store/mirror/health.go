package mirror

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/bbbpool/bbbpool/api/exposition"
	"github.com/bbbpool/bbbpool/api/problems"
)

// The names of the metrics.
const (
	awaySeconds   = "bbbpool_state_away_seconds"
	awayTotal     = "bbbpool_state_away_seconds_total"
	waitingWrites = "bbbpool_state_waiting_writes"
	lossesTotal   = "bbbpool_state_losses_total"
	healedTotal   = "bbbpool_state_healed_records_total"
	editedTotal   = "bbbpool_state_edited_records_total"
)

// Families are the metrics of a mirror.
var Families = []exposition.Family{
	{Name: awaySeconds, Type: exposition.Gauge, Help: "For how long the store of the state has not answered; 0 where it does."},
	{Name: awayTotal, Type: exposition.Counter, Help: "Time in which the store of the state did not answer, once it does again."},
	{Name: waitingWrites, Type: exposition.Gauge, Help: "Records that wait for the store of the state."},
	{Name: lossesTotal, Type: exposition.Counter, Help: "How often the store of the state had lost records or may have."},
	{Name: healedTotal, Type: exposition.Counter, Help: "Records that were put right after a loss."},
	{Name: editedTotal, Type: exposition.Counter, Help: "Records that others have changed in the store of the state."},
}

// meter counts what happens.
type meter struct {
	losses, healed, edits atomic.Uint64
	awaySeconds           seconds
}

// seconds add up.
type seconds struct {
	mu  sync.Mutex
	sum float64
}

// Add adds to them.
func (s *seconds) Add(more float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sum += more
}

func (s *seconds) get() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sum
}

// WriteMetrics writes how the store does, in Prometheus' text form.
func (m *Mirror) WriteMetrics(w io.Writer) {
	away := 0.0
	if since, _, is := m.Away(); is {
		away = m.config.Now().Sub(since).Seconds()
	}
	metrics.WriteGaugeFloat64(w, awaySeconds, away)
	metrics.WriteCounterFloat64(w, awayTotal, m.meter.awaySeconds.get())
	metrics.WriteGaugeUint64(w, waitingWrites, uint64(max(0, m.copy.count().waits)))
	metrics.WriteCounterUint64(w, lossesTotal, m.meter.losses.Load())
	metrics.WriteCounterUint64(w, healedTotal, m.meter.healed.Load())
	metrics.WriteCounterUint64(w, editedTotal, m.meter.edits.Load())
}

// Away tells whether the store does not answer, since when, and why.
func (m *Mirror) Away() (since time.Time, why string, is bool) {
	out := m.outage()
	if out.why != nil {
		why = out.why.Error()
	}
	return out.since, why, out.is
}

// led is less than any sequence that a leader has left, which are microseconds since 1970, and more than writes alone make.
const led = 1 << 40

// Blank tells whether the copy has nothing of what a pool may have: the store was as good as new whenever it was looked at.
func (m *Mirror) Blank() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.known < led
}

// Healed is what was put back last; the zero Report where nothing was.
func (m *Mirror) Healed() Report {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.healed
}

// shown is how long it is said that something was put back.
const shown = 24 * time.Hour

// Problems are what is wrong with the store of the state. None of them makes the process unready: it lets people into their
// meetings, and whether it can reach a leader is for others to say.
func (m *Mirror) Problems(context.Context) (list []problems.Problem) {
	if since, why, is := m.Away(); is {
		list = append(list, m.awayProblem(since, why))
	}
	m.mu.Lock()
	lost, healed, unkept := m.lost, m.healed, m.unkept
	m.mu.Unlock()
	if unkept != nil {
		list = append(list, problems.Problem{
			Severity: problems.Impending, Subject: problems.Subject{Kind: problems.Store, ID: "state"}, Name: "unkept", Logged: true,
			Text: fmt.Sprintf("the last good copy of servers, tenants and meetings cannot be kept in the data directory (%v): "+
				"nothing puts back what Redis loses while no instance runs", unkept),
			Remedy: "see that its disk can be written",
		})
	}
	if lost {
		list = append(list, problems.Problem{
			Severity: problems.Impending, Subject: problems.Subject{Kind: problems.Store, ID: "state"}, Name: "lost",
			Text: "the database of servers, tenants and meetings (REDIS_URL) has lost records; the leader puts them back",
		})
	}
	if m.config.Now().Sub(healed.At) < shown {
		list = append(list, problems.Problem{
			Severity: problems.Advised, Subject: problems.Subject{Kind: problems.Store, ID: "state"}, Name: "healed",
			Since: healed.At, Logged: true,
			Text: fmt.Sprintf("the database of servers, tenants and meetings (REDIS_URL) had lost records (%s): %s put back",
				healed.Why, some(healed.Records(), "record was", "records were")),
			Remedy: "see that it is persistent (appendonly yes) and evicts nothing (maxmemory-policy noeviction)",
		})
	}
	return list
}

// awayProblem says what goes on and what does not.
func (m *Mirror) awayProblem(since time.Time, why string) problems.Problem {
	p := problems.Problem{
		Severity: problems.Refusing, Subject: problems.Subject{Kind: problems.Store, ID: "state"}, Name: "away", Since: since,
		Text: "the database of servers, tenants and meetings (REDIS_URL) does not answer: people get into meetings that there " +
			"are, but none can be created, and new links to protected recordings do not play",
		Remedy: "see to it that it runs, and can be reached from here",
	}
	if m.outage().alone && m.disk != nil {
		p.Severity = problems.Impending
		p.Text = fmt.Sprintf("the database of servers, tenants and meetings (REDIS_URL) does not answer: meetings go on and are "+
			"created, but new links to protected recordings do not play, and %s for it in the data directory",
			some(m.copy.count().waits, "record waits", "records wait"))
	}
	if why != "" {
		p.Text += " (" + why + ")"
	}
	return p
}

// some says how many.
func some(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
