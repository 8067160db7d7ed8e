package api

import (
	"bytes"
	"io"
	"strings"

	"github.com/VictoriaMetrics/metrics"
)

// writeMetrics writes everything that is measured: ours, and what the families name of Go's and the process's.
func (s *Server) writeMetrics(w io.Writer) {
	var page bytes.Buffer
	writeBuild(&page, s.config.Version)
	open, pushed := s.conns.count()
	metrics.WriteGaugeUint64(&page, "bbbpool_requests_active", uint64(max(0, s.active.Load())))
	metrics.WriteGaugeUint64(&page, "bbbpool_connections_open", uint64(max(0, open)))
	metrics.WriteGaugeUint64(&page, "bbbpool_connections_limit", uint64(max(0, s.conns.limit)))
	metrics.WriteCounterUint64(&page, "bbbpool_connections_pushed_total", pushed)
	s.metrics.WritePrometheus(&page)
	metrics.WriteProcessMetrics(&page)
	metrics.WriteFDMetrics(&page)
	expose(w, page.Bytes())
}

// samples are the lines of one family.
type samples struct {
	name  string
	lines []byte
}

// expose writes a page of samples with the lines of a family together, after its help and its type. Of what is not ours,
// only the families that are described go on.
func expose(w io.Writer, page []byte) {
	var order []*samples
	byName := map[string]*samples{}
	for line := range bytes.Lines(page) {
		name := familyOf(string(line))
		_, described := families[name]
		if !described && !strings.HasPrefix(name, "bbbpool_") {
			continue
		}
		f := byName[name]
		if f == nil {
			f = &samples{name: name}
			order, byName[name] = append(order, f), f
		}
		f.lines = append(f.lines, line...)
	}
	for _, f := range order {
		if help, ok := families[f.name]; ok {
			_, _ = io.WriteString(w, "# HELP "+f.name+" "+help+"\n# TYPE "+f.name+" "+kindOf(f.name)+"\n")
		}
		_, _ = w.Write(f.lines) // the reader hung up
	}
}

// familyOf is the family that a line belongs to: those of a histogram and of a summary are named after it, and more.
func familyOf(line string) string {
	name := line[:max(0, strings.IndexAny(line, "{ "))]
	for _, part := range []string{"_bucket", "_sum", "_count"} {
		if base, ok := strings.CutSuffix(name, part); ok && compound[base] != "" {
			return base
		}
	}
	return name
}

// compound are the families that have several lines for one measurement, by kind.
var compound = map[string]string{
	"bbbpool_request_duration_seconds":      "histogram",
	"bbbpool_store_commit_duration_seconds": "histogram",
	"go_gc_duration_seconds":                "summary",
	"go_sched_latencies_seconds":            "histogram",
}

// kindOf goes by the name: that of a counter says so.
func kindOf(name string) string {
	if kind := compound[name]; kind != "" {
		return kind
	}
	if strings.HasSuffix(name, "_total") {
		return "counter"
	}
	return "gauge"
}
