package driver

import (
	"context"
	"io"
	"os"
	"time"

	"github.com/VictoriaMetrics/metrics"
)

// scrapeTime bounds how long the metrics wait for the store.
const scrapeTime = 2 * time.Second

// Metrics writes how the store is and how large, in Prometheus' text format. It counts as down while it cannot be read, or
// fault tells that writes have failed of late.
func (s *Stores) Metrics(fault func() error) func(w io.Writer) {
	return func(w io.Writer) {
		ctx, cancel := context.WithTimeout(context.Background(), scrapeTime)
		defer cancel()
		up := uint64(0)
		if _, err := s.State.Tenants(ctx); err == nil && fault() == nil {
			up = 1
		}
		metrics.WriteGaugeUint64(w, "bbbpool_store_up", up)
		if info, err := os.Stat(s.path); err == nil {
			metrics.WriteGaugeUint64(w, "bbbpool_store_bytes", uint64(max(0, info.Size())))
		}
	}
}
