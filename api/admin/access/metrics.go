package access

import "github.com/bbbpool/bbbpool/api/exposition"

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

// count counts an entry that was written, or was not.
func (l *Log) count(err error) {
	if l.Metrics == nil {
		return
	}
	name := auditEntries
	if err != nil {
		name = auditLost
	}
	l.Metrics.GetOrCreateCounter(name).Inc()
}
