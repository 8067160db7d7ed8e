package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/bbbpool/bbbpool/api/problems"
)

// statusListener has those routes that are not for everybody.
type statusListener struct {
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
		l, err := listen(ctx, addr, newConnections(min(statusConnections, max(1, s.conns.limit/3))), s.log)
		if err != nil {
			return fmt.Errorf("listen on %s: %w; choose another with --status-listen", addr, err)
		}
		mux = http.NewServeMux()
		mount(mux, "/healthz", alive)
		mount(mux, "/health_check", s.healthCheck(reasons))
		s.status = &statusListener{s.newHTTP(mux), l}
		reasons = false
	}
	mount(s.mux, "/healthz", alive)
	mount(s.mux, "/health_check", s.healthCheck(reasons))
	mount(mux, "/readyz", s.guard(s.readyz))
	mount(mux, "/metrics", s.guard(s.writeMetrics))
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

// reasons tells why the process is not ready; nothing if it is.
func (s *Server) reasons(ctx context.Context) (reasons []string) {
	for _, p := range s.problems.Ready(ctx) {
		reasons = append(reasons, p.String())
	}
	return reasons
}

// readyz tells whether the process is ready, or why not, a reason a line. What keeps nobody from a meeting is said behind
// "ready" alone: on the worst of days nobody should have to look for the reason among other things.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	if reasons := s.reasons(r.Context()); len(reasons) > 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = fmt.Fprintln(w, strings.Join(reasons, "\n"))
		return
	}
	_, _ = fmt.Fprintln(w, "ready")
	for _, note := range s.problems.Asides(r.Context()) {
		_, _ = fmt.Fprintln(w, "note: "+note.String())
	}
}

// healthCheck answers as Scalelite does, in words and always with status 200, with the reasons where those are for
// everybody.
func (s *Server) healthCheck(public bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		reasons := s.reasons(r.Context())
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

// fewConnections is fewer than front ends and viewers of a small pool want.
const fewConnections = 200

// Problems tells that the process is about to end, and which settings work and may not be what was meant.
func (s *Server) Problems(ctx context.Context) (list []problems.Problem) {
	if s.draining.Load() {
		list = append(list, problems.Problem{
			Severity: problems.Refusing, Subject: problems.Subject{Kind: problems.Process}, Name: "stopping",
			Unready: true, Logged: true, Text: "shutting down",
		})
	}
	list = append(append(list, s.environ.Problems(ctx)...), s.config.hosts()...)
	if s.conns.limit < fewConnections && s.config.MaxRequests >= fewConnections {
		list = append(list, problems.Problem{
			Severity: problems.Advised, Subject: problems.Subject{Kind: problems.Setting, ID: "LimitNOFILE"}, Name: "low",
			Text: fmt.Sprintf("others may have %d connections to us and no more, a third of the files that may be open:",
				s.conns.limit),
			Remedy: "raise ulimit -n, or LimitNOFILE in the unit",
		})
	}
	if known := s.calledBy.Load(); known != nil && s.origins.public == nil && isLoopback(*known) {
		list = append(list, problems.Problem{
			Severity: problems.Advised, Subject: problems.Subject{Kind: problems.Setting, ID: "--public-url"}, Name: "loopback",
			Text:   "links lead to " + *known + ", which is this machine alone:",
			Remedy: "set --public-url, or have the proxy pass the host on that it is called by",
		})
	}
	return list
}
