package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net"
	"net/http"
	"strings"
)

// status is the listener of those routes that are not for everybody.
type status struct {
	*http.Server
	listener net.Listener
}

// statusConnections is how many connections it takes. They are for few, and come out of the descriptors that nobody
// else gets, so that an overload can be seen.
const statusConnections = 16

// openStatus registers the routes that say how the process is: on a listener of their own, if one was asked for. Whether
// it lives, and in one word whether all is well, is said to everybody.
func (s *Server) openStatus(ctx context.Context) error {
	mux, reasons := s.mux, s.config.MetricsToken == ""
	if addr := s.config.StatusListen; addr != "" {
		l, err := listen(ctx, addr, ofLimit(min(statusConnections, max(1, s.conns.limit/3))), s.log)
		if err != nil {
			return fmt.Errorf("listen on %s: %w; choose another with --status-listen", addr, err)
		}
		mux = http.NewServeMux()
		mount(mux, "/healthz", alive)
		mount(mux, "/health_check", s.healthCheck(reasons))
		s.status = &status{s.serves(mux), l}
		reasons = false
	}
	mount(s.mux, "/healthz", alive)
	mount(s.mux, "/health_check", s.healthCheck(reasons))
	mount(mux, "/readyz", s.guard(s.readyz))
	mount(mux, "/metrics", s.guard(func(w http.ResponseWriter, _ *http.Request) { s.writeMetrics(w) }))
	return nil
}

// mount registers a page of text that is never cached.
func mount(mux *http.ServeMux, path string, h http.HandlerFunc) {
	mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		h(w, r)
	})
}

// guard asks for the token, if there is one.
func (s *Server) guard(next http.HandlerFunc) http.HandlerFunc {
	if s.config.MetricsToken == "" {
		return next
	}
	want := sha256.Sum256([]byte(s.config.MetricsToken)) // hashes, so that not even its length shows in the time it takes
	return func(w http.ResponseWriter, r *http.Request) {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		given := sha256.Sum256([]byte(strings.TrimSpace(token)))
		if !strings.EqualFold(scheme, "Bearer") || subtle.ConstantTimeCompare(given[:], want[:]) != 1 {
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "send Authorization: Bearer with what BBBPOOL_METRICS_TOKEN is on the server", http.StatusUnauthorized)
			return
		}
		next(w, r)
	}
}

func alive(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintln(w, "ok") }

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

// fewConnections is fewer than front ends and viewers of a small pool want.
const fewConnections = 200

// Advice tells what works and may not be what was meant.
func (s *Server) Advice() []string {
	list := s.config.Advice()
	if s.conns.limit < fewConnections && s.config.MaxRequests >= fewConnections {
		list = append(list, fmt.Sprintf("others may have %d connections to us and no more, a third of the files that may be open: "+
			"raise ulimit -n, or LimitNOFILE in the unit", s.conns.limit))
	}
	if known := s.known.Load(); known != nil && s.origins.public == nil && isLoopback(*known) {
		list = append(list, "links lead to "+*known+", which is this machine alone: set --public-url, "+
			"or have the proxy pass the host on that it is called by")
	}
	return list
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

// healthCheck answers as Scalelite does, in words and always with status 200, with the reasons where those are for
// everybody.
func (s *Server) healthCheck(public bool) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		reasons := s.Reasons()
		switch {
		case len(reasons) == 0:
			_, _ = fmt.Fprint(w, "success")
		case public:
			_, _ = fmt.Fprint(w, "Health Check Failure: "+strings.Join(reasons, "; "))
		default:
			_, _ = fmt.Fprint(w, "Health Check Failure")
		}
	}
}
