package api

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"runtime/debug"

	"github.com/VictoriaMetrics/metrics"

	"github.com/bbbpool/bbbpool/api/exposition"
)

// The metrics of the HTTP server.
const (
	buildInfo          = "bbbpool_build_info"
	requestsActive     = "bbbpool_requests_active"
	requestsRefused    = "bbbpool_requests_refused_total"
	connectionsOpen    = "bbbpool_connections_open"
	connectionsLimit   = "bbbpool_connections_limit"
	connectionsEvicted = "bbbpool_connections_pushed_total"
)

// Families are the metrics of the HTTP server.
var Families = []exposition.Family{
	{Name: buildInfo, Type: exposition.Gauge, Help: "What runs here: always 1."},
	{Name: requestsActive, Type: exposition.Gauge, Help: "Requests under way."},
	{
		Name: requestsRefused, Type: exposition.Counter,
		Help: "Requests answered 503 because there were more than --max-requests.",
	},
	{Name: connectionsOpen, Type: exposition.Gauge, Help: "Connections that others have to us."},
	{Name: connectionsLimit, Type: exposition.Gauge, Help: "How many connections others may have to us."},
	{
		Name: connectionsEvicted, Type: exposition.Counter,
		Help: "Connections that were closed, the longest idle first, because others wanted in.",
	},
}

// writeMetrics answers with everything that is measured.
func (s *Server) writeMetrics(w http.ResponseWriter, _ *http.Request) {
	var page bytes.Buffer
	writeBuild(&page, s.version)
	open, evicted := s.conns.count()
	metrics.WriteGaugeUint64(&page, requestsActive, uint64(max(0, s.active.Load())))
	metrics.WriteGaugeUint64(&page, connectionsOpen, uint64(max(0, open)))
	metrics.WriteGaugeUint64(&page, connectionsLimit, uint64(max(0, s.conns.limit)))
	metrics.WriteCounterUint64(&page, connectionsEvicted, evicted)
	s.metrics.WritePrometheus(&page)
	_ = s.page.Write(w, page.Bytes()) // the reader hung up
}

// writeBuild says what runs here: the version that the program calls itself by, and what Go has written into it.
func writeBuild(w io.Writer, version string) {
	revision := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				revision = s.Value
			}
		}
	}
	labels := fmt.Sprintf("{version=%q,revision=%q,goversion=%q}", version, revision, runtime.Version())
	metrics.WriteGaugeUint64(w, buildInfo+labels, 1)
}
