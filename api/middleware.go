package api

import (
	"encoding/hex"
	"math/rand/v2"
	"net/http"
	"regexp"
	"runtime/debug"
	"strings"
)

// slashes are what front ends make of a base URL that ends in one. They are answered where they come in: a redirect to
// the clean path would cost a call, and not every client follows it.
var slashes = regexp.MustCompile(`//+`)

// requestID is the header that carries a request's ID, in and out.
const requestID = "X-Request-Id"

// middleware is what every request passes through: it gets an ID and the address that the caller knows us by, and a
// panic in its handler costs nobody else anything. A request that is not let any further leaves no connection behind.
func (s *Server) middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(requestID)
		if !validID(id) {
			id = newID()
			r.Header.Set(requestID, id)
		}
		w.Header().Set(requestID, id)
		conn := connectionOf(r)
		conn.beginRequest()
		defer watchBody(w, r, conn)()
		if strings.Contains(r.URL.Path, "//") {
			r.URL.Path = slashes.ReplaceAllString(r.URL.Path, "/")
		}
		s.setOrigin(r)
		r = s.setCaller(r)
		defer s.survive(w, id)
		next.ServeHTTP(w, r)
	})
}

// limit turns away what is more than we want to have at once.
func (s *Server) limit(next http.Handler) http.Handler {
	refused := s.metrics.NewCounter(requestsRefused)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer s.active.Add(-1)
		if s.active.Add(1) > s.config.MaxRequests {
			refused.Inc()
			w.Header().Set("Retry-After", "1")
			http.Error(w, "busy: more requests than --max-requests", http.StatusServiceUnavailable)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// survive turns a panic into a log line and status 500.
func (s *Server) survive(w http.ResponseWriter, id string) {
	v := recover()
	if v == nil {
		return
	}
	if v == http.ErrAbortHandler { //nolint:errorlint // the sentinel itself, as net/http documents it
		panic(v)
	}
	s.log.Error().Str("request", id).Interface("panic", v).Bytes("stack", debug.Stack()).Msg("a handler panicked")
	http.Error(w, "Internal error.", http.StatusInternalServerError)
}

func newID() string {
	var b [8]byte
	n := rand.Uint64()
	for i := range b {
		b[i] = byte(n >> (8 * i))
	}
	return hex.EncodeToString(b[:])
}

// validID tells whether an ID from outside may go into our logs.
func validID(id string) bool {
	if id == "" || len(id) > 64 {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}
