package frame

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
)

// Leader is the instance that decides for the whole pool, as another one sees it.
type Leader interface {
	// Leading tells whether it is this one.
	Leading() bool
	// HandOn has the leader answer a request, whose body has been read. It returns false where nobody could be asked, and then
	// has answered nothing.
	HandOn(w http.ResponseWriter, r *http.Request, body []byte) bool
}

// Elsewhere hands requests on to the instance that decides: administration reads and changes what that one has in memory. Nothing
// but what is about this instance alone is answered here, and while no instance that decides can be reached what this one has
// last heard, for whoever only looks: such an answer says so in a header. A nil one hands nothing on.
type Elsewhere struct {
	Leader Leader
	ID     string // of this instance, for the audit log
	// Why says why nobody can be asked, as far as that is known; may be nil.
	Why func() string

	refusal http.HandlerFunc // answers where nobody could be asked; nil for the API's own form
}

// Refusing is the same for calls that have another form of saying that nobody could be asked.
func (e *Elsewhere) Refusing(refusal http.HandlerFunc) *Elsewhere {
	if e == nil {
		return nil
	}
	return &Elsewhere{e.Leader, e.ID, e.Why, refusal}
}

// maxHanded is the largest body that is handed on, which has room for the largest of all that are taken.
const maxHanded = 32 << 20

// local are the paths that every instance answers itself.
var local = []string{"/instances", "/openapi.json", "/version"}

// isLocal tells whether a request is about this instance, or needs none in particular.
func isLocal(r *http.Request) bool {
	path, ok := strings.CutPrefix(r.URL.Path, v1.Prefix)
	return ok && slices.ContainsFunc(local, func(p string) bool { return path == p || strings.HasPrefix(path, p+"/") })
}

// heard are the paths that an instance answers by what it has last heard, where none that decides can be reached: what is there,
// and never anything secret.
var heard = []string{"/status", "/problems", "/servers", "/meetings", "/meeting"}

// isHeard tells whether a request is for such a path, and changes nothing.
func isHeard(r *http.Request) bool {
	path, ok := strings.CutPrefix(r.URL.Path, v1.Prefix)
	if server, of := strings.CutPrefix(path, "/servers/"); of && !strings.Contains(server, "/") {
		path = "/servers"
	}
	return ok && r.Method == http.MethodGet && slices.Contains(heard, path)
}

// maxWhy bounds what the header says.
const maxWhy = 300

// lacking is why no instance that decides can be reached, "" where one can or nobody knows, as a header can have it.
func (e *Elsewhere) lacking() string {
	if e.Why == nil {
		return ""
	}
	why := strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return '?'
		}
		return c
	}, e.Why())
	return why[:min(len(why), maxWhy)]
}

// asHeard answers by what this instance has last heard.
func (e *Elsewhere) asHeard(next http.Handler, w http.ResponseWriter, r *http.Request) {
	w.Header().Set(v1.HeardHeader, cmp.Or(e.lacking(), "no instance that decides can be reached"))
	next.ServeHTTP(w, r)
}

// Over hands on what comes in from the network. Who may do what is for the leader to say: it has the same tokens.
func (e *Elsewhere) Over(next http.Handler) http.Handler {
	return e.over(next, func(r *http.Request) { Conceal(r.Header); reveal(r) })
}

// OverTrusted hands on what comes from those that have access to the data directory, and tells the leader who they are. Next is
// nil where this is no instance: then nothing is answered here.
func (e *Elsewhere) OverTrusted(next http.Handler) http.Handler {
	return e.over(next, func(r *http.Request) { Conceal(r.Header); e.vouch(r) })
}

// over hands on requests that are made ready for it.
func (e *Elsewhere) over(next http.Handler, prepare func(*http.Request)) http.Handler {
	if e == nil || e.Leader == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if next != nil && (e.Leader.Leading() || isLocal(r)) {
			next.ServeHTTP(w, r)
			return
		}
		looks := next != nil && e.refusal == nil && isHeard(r)
		if looks && e.lacking() != "" { // so it is for a while: nobody need wait to find that out
			e.asHeard(next, w, r)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxHanded))
		if large, ok := errors.AsType[*http.MaxBytesError](err); ok {
			writeJSON(w, http.StatusRequestEntityTooLarge, bodyError(large))
			return
		}
		if err != nil {
			return // nobody listens any more
		}
		handed := r.Clone(r.Context())
		handed.Body = io.NopCloser(bytes.NewReader(body))
		prepare(handed)
		switch {
		case e.Leader.HandOn(w, handed, body):
		case looks:
			e.asHeard(next, w, r)
		default:
			e.refuse(w, r)
		}
	})
}

// Here answers what another instance has handed on, as long as this one decides.
func (e *Elsewhere) Here(next http.Handler) http.Handler {
	if e == nil || e.Leader == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !e.Leader.Leading() {
			e.refuse(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// refuse says that nobody can decide now.
func (e *Elsewhere) refuse(w http.ResponseWriter, r *http.Request) {
	if e.refusal != nil {
		e.refusal(w, r)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Retry-After", "5")
	text := "no instance that decides can be reached from here at the moment: try again in a few seconds, and see " +
		"bbbpool instance list"
	if e.Why != nil {
		if why := e.Why(); why != "" {
			text += "; " + why
		}
	}
	writeJSON(w, http.StatusServiceUnavailable, &v1.Error{
		Status: http.StatusServiceUnavailable, Code: "no-leader", Message: text,
	})
}
