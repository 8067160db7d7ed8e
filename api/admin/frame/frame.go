package frame

import (
	"cmp"
	"net/http"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/admin/access"
	"github.com/bbbpool/bbbpool/store"
)

// Frame lets requests in to routes, and writes down what they change.
type Frame struct {
	Token store.Secret     // of those that come over TCP, beside those that were added; without any they are turned away
	Added *access.Tokens   // the tokens that were added; nil where the environment's is the only one
	Audit *access.Log      // of what is changed; nil where none is kept
	Now   func() time.Time // for the limit of wrong tokens, and the pace of long answers
	Log   zerolog.Logger
}

// Handler answers one request: with a value that becomes JSON, or with nil where there is nothing to say.
type Handler func(r *http.Request) (any, error)

// created is the answer to a request that has made something.
type created struct{ what any }

// Guarded serves routes to callers from the network, who need a token.
func (f *Frame) Guarded(all Routes) http.Handler { return f.guard(f.handler(all)) }

// Trusted serves routes without a check of tokens, to those that have access to the data directory anyway.
func (f *Frame) Trusted(all Routes) http.Handler { return trusted(f.handler(all)) }

// handler serves routes to those that are known already.
func (f *Frame) handler(all Routes) http.Handler {
	mux := http.NewServeMux()
	for pattern, route := range all {
		mux.HandleFunc(prefixed(pattern), func(w http.ResponseWriter, r *http.Request) {
			f.serve(w, r.WithContext(f.Log.WithContext(r.Context())), pattern, route)
		})
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if h, pattern := mux.Handler(r); pattern == "" {
			missed(w, r, h)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// serve answers a request, in whose context the log is. What it has changed is written down before it is answered.
func (f *Frame) serve(w http.ResponseWriter, r *http.Request, pattern string, route Route) {
	r.Body = http.MaxBytesReader(w, r.Body, cmp.Or(route.most, maxBody))
	answer, err := route.answer(r)
	answer = f.audited(r, pattern, route, answer, err)
	if err != nil {
		fail(w, r, err)
		return
	}
	switch answer := answer.(type) {
	case Long:
		stream(w, r, answer, f.Now)
		return
	case Table:
		pour(w, r, answer)
		return
	case File:
		hand(w, answer)
		return
	}
	status := http.StatusOK
	if made, ok := answer.(created); ok {
		status, answer = http.StatusCreated, made.what
	}
	if answer == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	writeJSON(w, status, answer)
}
