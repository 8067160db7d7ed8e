package recordings

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/bbbpool/bbbpool/store"
)

// stats is what the service counts.
type stats struct {
	imported atomic.Uint64
	failed   atomic.Uint64
	bytes    atomic.Uint64
	millis   atomic.Uint64 // spent on imports that were done
	behind   atomic.Bool   // files have not followed the index somewhere
	findings atomic.Int64  // of the last comparison of index and disk

	mu   sync.Mutex
	last []Owing
}

func (t *stats) done(j store.Job, took time.Duration) {
	t.imported.Add(1)
	t.bytes.Add(uint64(max(0, j.Bytes)))
	t.millis.Add(uint64(max(0, took.Milliseconds())))
}

func (t *stats) setOwed(list []Owing) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = list
}

func (t *stats) owed() []Owing {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last
}

// scrapeTime bounds how long the metrics wait for the store.
const scrapeTime = 2 * time.Second

// WriteMetrics writes how recordings stand, in Prometheus' text format.
func (s *Service) WriteMetrics(w io.Writer) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTime)
	defer cancel()
	metrics.WriteCounterUint64(w, "bbbpool_imports_total", s.stats.imported.Load())
	metrics.WriteCounterUint64(w, "bbbpool_imports_failed_total", s.stats.failed.Load())
	metrics.WriteCounterUint64(w, "bbbpool_import_bytes_total", s.stats.bytes.Load())
	metrics.WriteCounterFloat64(w, "bbbpool_import_seconds_total", float64(s.stats.millis.Load())/1000)
	metrics.WriteGaugeUint64(w, "bbbpool_recordings_inconsistent", uint64(max(0, s.stats.findings.Load())))
	if counts, err := s.Index.CountRecordings(ctx); err == nil {
		for _, c := range counts {
			labels := fmt.Sprintf("{tenant=%q,state=%q}", c.Tenant, c.State)
			metrics.WriteGaugeUint64(w, "bbbpool_recordings"+labels, uint64(max(0, c.Count)))
			metrics.WriteGaugeUint64(w, "bbbpool_recordings_bytes"+labels, uint64(max(0, c.Bytes)))
		}
	}
	s.writeJobs(ctx, w)
	s.writeOwed(w)
}

// writeJobs counts the jobs that are not over, and tells for how long the oldest has waited.
func (s *Service) writeJobs(ctx context.Context, w io.Writer) {
	oldest := time.Duration(0)
	for _, state := range unsettled {
		jobs, err := s.Index.Jobs(ctx, store.JobFilter{States: []store.JobState{state}})
		if err != nil {
			return
		}
		metrics.WriteGaugeUint64(w, fmt.Sprintf("bbbpool_import_jobs{state=%q}", state), uint64(len(jobs)))
		for _, j := range jobs {
			if state != store.JobFailed {
				oldest = max(oldest, age(s.Now(), j.Created))
			}
		}
	}
	metrics.WriteGaugeFloat64(w, "bbbpool_import_oldest_seconds", oldest.Seconds())
}

// writeOwed counts what servers owe.
func (s *Service) writeOwed(w io.Writer) {
	type key struct {
		server string
		step   store.OwedStep
	}
	counts, overdue := map[key]uint64{}, map[string]uint64{}
	for _, o := range s.stats.owed() {
		counts[key{o.Owed.Server, o.Owed.Step}]++
		if o.Overdue {
			overdue[o.Owed.Server]++
		}
	}
	for k, n := range counts {
		metrics.WriteGaugeUint64(w, fmt.Sprintf("bbbpool_recordings_owed{server=%q,step=%q}", k.server, k.step), n)
	}
	for server, n := range overdue {
		metrics.WriteGaugeUint64(w, fmt.Sprintf("bbbpool_recordings_overdue{server=%q}", server), n)
	}
}
