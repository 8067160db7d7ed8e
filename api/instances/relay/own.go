package relay

import (
	"maps"
	"net/http"
)

// here answers the request in this instance, which leads by now, and tells whether it did: one that ceases to lead in the middle
// of it says so, as it would to another instance, and that is for no front end to read.
func (e *errand) here(w http.ResponseWriter) (done bool) {
	own := &ownAnswer{ResponseWriter: w, header: w.Header().Clone()}
	e.relay.Here.ServeHTTP(own, e.own())
	if !own.refused {
		own.begin(http.StatusOK) // where nothing was written, that is the answer
	}
	e.perhaps = e.perhaps || own.header.Get(againHeader) != ""
	return !own.refused
}

// ownAnswer passes an answer on, unless it says that this instance does not lead.
type ownAnswer struct {
	http.ResponseWriter

	header         http.Header
	begun, refused bool
}

// Header is [http.ResponseWriter]'s.
func (o *ownAnswer) Header() http.Header {
	if o.begun {
		return o.ResponseWriter.Header()
	}
	return o.header
}

// WriteHeader is [http.ResponseWriter]'s.
func (o *ownAnswer) WriteHeader(status int) {
	switch {
	case o.begun || o.refused:
	case status == NotLeader:
		o.refused = true
	default:
		o.begin(status)
	}
}

// begin lets the answer out.
func (o *ownAnswer) begin(status int) {
	if o.begun {
		return
	}
	o.begun = true
	to := o.ResponseWriter.Header()
	clear(to)
	maps.Copy(to, o.header)
	to.Del(againHeader)
	o.ResponseWriter.WriteHeader(status)
}

// Write is [http.ResponseWriter]'s.
func (o *ownAnswer) Write(b []byte) (int, error) {
	o.WriteHeader(http.StatusOK)
	if o.refused {
		return len(b), nil
	}
	return o.ResponseWriter.Write(b)
}

// FlushError is for [http.ResponseController].
func (o *ownAnswer) FlushError() error {
	o.WriteHeader(http.StatusOK)
	if o.refused {
		return nil
	}
	return http.NewResponseController(o.ResponseWriter).Flush()
}

// Unwrap is for [http.ResponseController].
func (o *ownAnswer) Unwrap() http.ResponseWriter { return o.ResponseWriter }
