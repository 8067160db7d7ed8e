package recordings

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/bbbpool/bbbpool/api/exposition"
	"github.com/bbbpool/bbbpool/recordings/audit"
	"github.com/bbbpool/bbbpool/recordings/imports"
	"github.com/bbbpool/bbbpool/recordings/owed"
	"github.com/bbbpool/bbbpool/recordings/volume"
)

// Names of metrics.
const (
	metricRecordings = "bbbpool_recordings"
	metricBytes      = "bbbpool_recordings_bytes"
)

// Families are the metrics of the recordings and of their parts, but for those of uploads and of playback.
var Families = slices.Concat([]exposition.Family{
	{Name: metricRecordings, Type: exposition.Gauge, Help: "Recordings in the index."},
	{Name: metricBytes, Type: exposition.Gauge, Help: "What the recordings in the index take."},
}, imports.Families, owed.Families, audit.Families, volume.Families)

// scrapeTime bounds how long the metrics wait for the store.
const scrapeTime = 2 * time.Second

// WriteMetrics writes how recordings stand, in Prometheus' text format. The guard of the disk writes its own. Of several
// instances the one that works on them tells how they stand, and each what it has imported itself.
func (s *Service) WriteMetrics(w io.Writer) {
	if !s.working() {
		s.importer.WriteCounts(w)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTime)
	defer cancel()
	s.auditor.WriteMetrics(w)
	if counts, err := s.Index.CountRecordings(ctx); err == nil {
		for _, c := range counts {
			labels := fmt.Sprintf("{tenant=%q,state=%q}", c.Tenant, c.State)
			metrics.WriteGaugeUint64(w, metricRecordings+labels, uint64(max(0, c.Count)))
			metrics.WriteGaugeUint64(w, metricBytes+labels, uint64(max(0, c.Bytes)))
		}
	}
	s.importer.WriteMetrics(ctx, w)
	s.debts.WriteMetrics(w)
}
