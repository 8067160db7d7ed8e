package api

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/VictoriaMetrics/metrics"
)

// mountStatus registers the routes that say how the process is. They are never cached.
func (s *Server) mountStatus() {
	get := func(path string, h http.HandlerFunc) {
		s.mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "no-store")
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			h(w, r)
		})
	}
	get("/healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintln(w, "ok") })
	get("/readyz", s.readyz)
	get("/health_check", s.healthCheck)
	get("/metrics", s.writeMetrics)
}

// Reasons tells why the process is not ready; none if it is.
func (s *Server) Reasons() []string {
	var reasons []string
	if s.draining.Load() {
		reasons = append(reasons, "shutting down")
	}
	for _, check := range s.checks {
		if reason := check(); reason != "" {
			reasons = append(reasons, reason)
		}
	}
	return reasons
}

func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	reasons := s.Reasons()
	if len(reasons) == 0 {
		_, _ = fmt.Fprintln(w, "ready")
		for _, note := range s.notes {
			if text := note(); text != "" {
				_, _ = fmt.Fprintln(w, "note: "+text)
			}
		}
		return
	}
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = fmt.Fprintln(w, strings.Join(reasons, "\n"))
}

// healthCheck answers as Scalelite does, in words and always with status 200.
func (s *Server) healthCheck(w http.ResponseWriter, _ *http.Request) {
	if reasons := s.Reasons(); len(reasons) > 0 {
		_, _ = fmt.Fprint(w, "Health Check Failure: "+strings.Join(reasons, "; "))
		return
	}
	_, _ = fmt.Fprint(w, "success")
}

func (s *Server) writeMetrics(w http.ResponseWriter, _ *http.Request) {
	metrics.WriteGaugeUint64(w, "bbbpool_requests_active", uint64(max(0, s.active.Load())))
	open, pushed := s.conns.count()
	metrics.WriteGaugeUint64(w, "bbbpool_connections_open", uint64(open))
	metrics.WriteGaugeUint64(w, "bbbpool_connections_limit", uint64(s.conns.limit))
	metrics.WriteCounterUint64(w, "bbbpool_connections_pushed_total", pushed)
	s.metrics.WritePrometheus(w)
	metrics.WriteProcessMetrics(w)
}
