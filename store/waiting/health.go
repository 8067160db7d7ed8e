package waiting

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/bbbpool/bbbpool/api/exposition"
	"github.com/bbbpool/bbbpool/api/problems"
)

// The names of the metrics.
const (
	awaySeconds    = "bbbpool_index_away_seconds"
	awayTotal      = "bbbpool_index_away_seconds_total"
	waitingEntries = "bbbpool_index_waiting_writes"
	waitingBytes   = "bbbpool_index_waiting_bytes"
	writtenTotal   = "bbbpool_index_late_writes_total"
	lostTotal      = "bbbpool_index_lost_writes_total"
)

// Families are the metrics of an index that may be away.
var Families = []exposition.Family{
	{Name: awaySeconds, Type: exposition.Gauge, Help: "For how long the database of the index has not answered; 0 where it does."},
	{Name: awayTotal, Type: exposition.Counter, Help: "Time in which the database of the index did not answer, once it does again."},
	{Name: waitingEntries, Type: exposition.Gauge, Help: "Writes that wait for the database of the index."},
	{Name: waitingBytes, Type: exposition.Gauge, Help: "Size of what they are to write."},
	{Name: writtenTotal, Type: exposition.Counter, Help: "Writes that have waited, and are done."},
	{Name: lostTotal, Type: exposition.Counter, Help: "Writes that did not fit into the journal, or were refused later."},
}

// meter counts what becomes of entries.
type meter struct{ written, lost atomic.Uint64 }

// WriteMetrics writes how the index does, in Prometheus' text form.
func (x *Index) WriteMetrics(w io.Writer) {
	away := 0.0
	if since, _, is := x.Away(); is {
		away = x.config.Now().Sub(since).Seconds()
	}
	x.mu.Lock()
	entries, bytes := x.entries, x.bytes
	x.mu.Unlock()
	x.circuit.mu.Lock()
	total := x.circuit.total
	x.circuit.mu.Unlock()
	metrics.WriteGaugeFloat64(w, awaySeconds, away)
	metrics.WriteCounterFloat64(w, awayTotal, total.Seconds())
	metrics.WriteGaugeUint64(w, waitingEntries, uint64(max(0, entries)))
	metrics.WriteGaugeUint64(w, waitingBytes, uint64(max(0, bytes)))
	metrics.WriteCounterUint64(w, writtenTotal, x.meter.written.Load())
	metrics.WriteCounterUint64(w, lostTotal, x.meter.lost.Load())
}

// Away tells whether the index does not answer, since when, and why.
func (x *Index) Away() (since time.Time, why string, is bool) {
	away, since, err := x.circuit.is()
	if !away {
		return time.Time{}, "", false
	}
	return since, err.Error(), true
}

// Waiting is how many writes wait, as far as this instance knows.
func (x *Index) Waiting() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.entries
}

// Problems are what is wrong with the index.
func (x *Index) Problems(context.Context) (list []problems.Problem) {
	about := problems.Subject{Kind: problems.Store, ID: "index"}
	waits := x.Waiting()
	x.mu.Lock()
	full, stuck := x.full, x.stuck
	x.mu.Unlock()
	since, why, away := x.Away()
	switch {
	case away:
		list = append(list, problems.Problem{
			Severity: problems.Stuck, Subject: about, Name: "away", Since: since,
			Text: fmt.Sprintf("the database of recordings and history (DATABASE_URL) does not answer: meetings go on and are created, "+
				"and published recordings without protection play, but lists of recordings fail, nothing is imported, and %s (%s)",
				waitFor(waits), why),
			Remedy: "see to it that it runs, and can be reached from here",
		})
	case waits > 0 && stuck != nil:
		list = append(list, problems.Problem{
			Severity: problems.Late, Subject: about, Name: "waiting",
			Text: fmt.Sprintf("the database of recordings and history (DATABASE_URL) answers, but %s (%v)", waitFor(waits), stuck),
		})
	}
	if full {
		list = append(list, problems.Problem{
			Severity: problems.Stuck, Subject: about, Name: "full",
			Text: "as much history waits for the database of recordings and history (DATABASE_URL) as may: what meetings and people " +
				"do from now on is not noted",
		})
	}
	return list
}

func waitFor(n int) string {
	if n == 1 {
		return "1 entry of the history waits for it"
	}
	return fmt.Sprintf("%d entries of the history wait for it", n)
}
