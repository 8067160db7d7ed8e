package playback

import (
	"errors"
	"net/http"

	"github.com/rs/zerolog"
)

// denial is why somebody gets nothing. It goes to the log and never to the viewer.
type denial string

func (d denial) Error() string { return string(d) }

// barred is why somebody gets nothing of a protected recording. That there is one, he may know: he has its ID.
type barred string

func (b barred) Error() string { return string(b) }

// What keeps us from answering at all.
var (
	errHung   = errors.New("the volume does not answer")
	errBusy   = errors.New("too many files are open")
	errMethod = errors.New("recordings can only be read")
)

// The outcomes that requests are counted by.
const (
	outcomeServed     = "served"
	outcomeRedirected = "redirected"
	outcomeCut        = "cut" // the viewer went away or took nothing for too long
	outcomeDenied     = "denied"
	outcomeMethod     = "method"
	outcomeHung       = "hung"
	outcomeBusy       = "busy"
	outcomeFailed     = "failed"
)

// finish answers what could not be served, and takes the request into account.
func (p *Playback) finish(w *flow, r *http.Request, at place, err error) {
	switch {
	case err != nil:
		w.outcome = p.refuse(w, r, at, err)
	case w.err != nil:
		w.outcome, err = outcomeCut, w.err
	}
	p.counted.add(at, w)
	if err != nil {
		p.log(r, at, w.outcome, err)
	}
}

// refuse answers with a page for people and returns the outcome.
func (p *Playback) refuse(w *flow, r *http.Request, at place, err error) string {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	if title, text := absence(at, err); title != "" {
		p.Page(w.ResponseWriter, r, http.StatusNotFound, title, text)
		return outcomeDenied
	}
	if errors.Is(err, errMethod) {
		h.Set("Allow", "GET, HEAD")
		p.Page(w.ResponseWriter, r, http.StatusMethodNotAllowed, "This cannot be done here",
			"Recordings can be watched, and nothing else.")
		return outcomeMethod
	}
	h.Set("Retry-After", "60")
	if errors.Is(err, errUnsure) {
		p.Page(w.ResponseWriter, r, http.StatusServiceUnavailable, "This recording cannot be opened just now",
			"It is protected, and links to protected recordings cannot be checked at the moment. The link stays good: load this "+
				"page again in a minute.")
		return outcomeFailed
	}
	p.Page(w.ResponseWriter, r, http.StatusServiceUnavailable, "Try again in a minute",
		"The recordings cannot be reached at the moment. Nothing is lost; load this page again in a minute.")
	switch {
	case errors.Is(err, errHung):
		return outcomeHung
	case errors.Is(err, errBusy):
		return outcomeBusy
	}
	return outcomeFailed
}

// absence is what a viewer is told who gets nothing; "" where something is wrong with us. Of a recording that does not
// play nobody learns whether there is one, but only of what may be its address.
func absence(at place, err error) (title, text string) {
	switch {
	case isBarred(err):
		return "This recording is protected", "It opens with a link that is made for one viewer, works once, and lasts for a " +
			"while. Go back to the page that the link is on, load that again and follow it from there."
	case !isDenial(err):
		return "", ""
	case at.kind != nowhere && usualIDs.MatchString(at.recordID):
		return "There is no recording here", "It may have been removed, or not be published yet. Ask whoever gave you the link."
	}
	return "There is nothing here", "Nothing has this address. If you have typed it, look whether it is complete; if you came " +
		"by a link, ask whoever gave it to you."
}

func isBarred(err error) bool {
	_, ok := errors.AsType[barred](err)
	return ok
}

// log writes one line for a request that got less than it asked for. What has nothing to do with a recording is
// scanners and browsers looking for icons.
func (p *Playback) log(r *http.Request, at place, outcome string, cause error) {
	level := zerolog.InfoLevel
	switch {
	case at.kind == nowhere || outcome == outcomeCut:
		level = zerolog.DebugLevel
	case outcome == outcomeFailed:
		level = zerolog.ErrorLevel
	}
	e := p.Log.WithLevel(level).Str("request", r.Header.Get("X-Request-Id")).Str("outcome", outcome)
	if at.kind != nowhere {
		e.Str("recordID", at.recordID).Str("format", at.format).Str("file", at.name())
	}
	e.Str("method", r.Method).Str("remote", r.RemoteAddr).Str("cause", cause.Error()).Msg("no recording was served")
}
