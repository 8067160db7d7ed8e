package access

import (
	"io"

	"github.com/VictoriaMetrics/metrics"

	"github.com/bbbpool/bbbpool/api/exposition"
)

// The metrics of the audit log.
const (
	auditEntries = "bbbpool_audit_entries_total"
	auditLost    = "bbbpool_audit_entries_lost_total"
)

// Families are the metrics of the audit log.
var Families = []exposition.Family{
	{Name: auditEntries, Type: exposition.Counter, Help: "Changes that were written to the audit log."},
	{Name: auditLost, Type: exposition.Counter, Help: "Changes that stand and could not be written to the audit log."},
}

// WriteMetrics writes how many changes were written down, and how many could not be.
func (l *Log) WriteMetrics(w io.Writer) {
	metrics.WriteCounterUint64(w, auditEntries, l.written.Load())
	metrics.WriteCounterUint64(w, auditLost, l.lost.Load())
}
