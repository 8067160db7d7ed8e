package backups

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/VictoriaMetrics/metrics"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/exposition"
	"github.com/bbbpool/bbbpool/api/problems"
	"github.com/bbbpool/bbbpool/api/quantity"
)

// Names of metrics.
const (
	metricVerified = "bbbpool_backup_verified_timestamp_seconds"
	metricBytes    = "bbbpool_backup_bytes"
	metricFailing  = "bbbpool_backup_failing"
)

// Families are the metrics of the backups.
var Families = []exposition.Family{
	{Name: metricVerified, Type: exposition.Gauge, Help: "When the records were backed up of which the last backup was verified."},
	{Name: metricBytes, Type: exposition.Gauge, Help: "How large that is."},
	{Name: metricFailing, Type: exposition.Gauge, Help: "1 while the last attempt has failed."},
}

// WriteMetrics writes how the last ones went, where they are made by themselves.
func (b *Backups) WriteMetrics(w io.Writer) {
	if b.Config.Dir == "" {
		return
	}
	r := b.Last()
	if r.Verified != nil {
		metrics.WriteGaugeUint64(w, metricVerified, uint64(max(0, r.Verified.At.Unix())))
		metrics.WriteGaugeUint64(w, metricBytes, uint64(max(0, r.Verified.Bytes)))
	}
	failing := uint64(0)
	if r.Failed != nil {
		failing = 1
	}
	metrics.WriteGaugeUint64(w, metricFailing, failing)
}

// Problems tells that there is no good backup, or none that is young enough.
func (b *Backups) Problems(context.Context) []problems.Problem {
	if b.Config.Dir == "" {
		return nil
	}
	b.idle()
	r := b.Last()
	b.mu.Lock()
	blind, from, what := b.blind, b.since, "no backup has been made and verified in "+b.Config.Dir
	b.mu.Unlock()
	if r.Verified != nil {
		from = r.Verified.At
		what = "the last backup that was verified is of " + r.Verified.At.UTC().Format(time.RFC3339)
	}
	failed := ""
	if r.Failed != nil {
		failed = fmt.Sprintf("; the last attempt, at %s, failed: %s", r.Failed.At.UTC().Format(time.RFC3339), r.Failed.Error)
	}
	if blind != nil {
		failed += fmt.Sprintf("; how the last ones went cannot be read, all instances need the same user: %v", blind)
	}
	young := from.IsZero() || b.Now().Sub(from) < 2*b.Config.Every
	if young && failed == "" {
		return nil
	}
	return []problems.Problem{{
		Severity: problems.Impending, Subject: problems.Subject{Kind: problems.Store, ID: "backup"}, Name: "backup-old",
		Text: what + failed, Remedy: "see that " + b.Config.Dir + " can be written and has room", Logged: failed != "",
	}}
}

// Status is how the last ones went, for a status; nil where none are made by themselves.
func (b *Backups) Status() *v1.BackupStatus {
	if b.Config.Dir == "" {
		return nil
	}
	b.idle()
	r := b.Last()
	st := &v1.BackupStatus{Every: quantity.Age(b.Config.Every).String()}
	if m := r.Verified; m != nil {
		st.Verified, st.File, st.Rows, st.Bytes, st.Sealed = &m.At, m.File, m.Rows, m.Bytes, m.Sealed
	}
	if r.Failed != nil {
		st.Failed, st.Error = &r.Failed.At, r.Failed.Error
	}
	return st
}
