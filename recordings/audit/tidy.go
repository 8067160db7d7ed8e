package audit

import (
	"context"
	"fmt"
	"io"

	"github.com/VictoriaMetrics/metrics"

	"github.com/bbbpool/bbbpool/api/exposition"
	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/recordings/record"
)

// maxLogged is how many findings are logged one by one.
const maxLogged = 20

// Tidy compares index and disk, mends what can be mended without losing anything, and logs what it has found. It reads all
// of the index and of the library.
func (a *Auditor) Tidy(ctx context.Context) error {
	c := a.comparison(ctx, Options{Repair: true}, func(record.Progress) {})
	c.careful = true
	err := c.run()
	if a.Files.Disk.Hung() {
		return err
	}
	for n, f := range c.report.Findings {
		if n == maxLogged {
			a.Log.Warn().Int("findings", len(c.report.Findings)).Msg("index and disk differ: see bbbpool recording verify")
			break
		}
		a.Log.Warn().Str("kind", f.Kind).Str("recordID", f.RecordID).Str("format", f.Format).Str("path", f.Path).
			Bool("repaired", f.Repaired).Msg(f.Text)
	}
	return err
}

// metricInconsistent is the name of a metric.
const metricInconsistent = "bbbpool_recordings_inconsistent"

// Families are the metrics of this package.
var Families = []exposition.Family{{
	Name: metricInconsistent, Type: exposition.Gauge, Help: "Where index and disk differed at the last comparison.",
}}

// WriteMetrics writes how index and disk differed at the last comparison, in Prometheus' text format.
func (a *Auditor) WriteMetrics(w io.Writer) {
	metrics.WriteGaugeUint64(w, metricInconsistent, uint64(max(0, a.differ.Load())))
}

// Problems says that index and disk differed at the last comparison.
func (a *Auditor) Problems(context.Context) []problems.Problem {
	n := a.differ.Load()
	if n == 0 {
		return nil
	}
	return []problems.Problem{{
		Severity: problems.Stuck, Subject: problems.Subject{Kind: problems.Volume}, Name: "inconsistent",
		Text: fmt.Sprintf("index and disk differ in %d places:", n), Remedy: "bbbpool recording verify lists them",
	}}
}
