package playback

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/store"
)

// Recordings finds a recording, whatever its tenant, or returns store.ErrNotFound.
type Recordings interface {
	Recording(ctx context.Context, recordID string) (store.Recording, error)
}

// Library has the files of the recordings.
type Library interface {
	// Open opens a file or directory of a format for reading; "." is the format's own directory. Files can seek. It
	// returns fs.ErrNotExist where there is none.
	Open(recordID, format, name string) (fs.File, error)
}

// Page writes a page for people.
type Page func(w http.ResponseWriter, r *http.Request, status int, title, text string)

// Playback serves recordings. Its exported fields must be set before Open.
type Playback struct {
	Config
	Recordings Recordings
	Library    Library
	Marks      Marks // nil where nothing plays without the index
	Keys       Keys  // of all instances that share the recordings; nil where there is but one
	Tokens     store.Tokens
	Former     Former      // links of Scalelite's; nil where there can be none
	Gone       func() bool // tells that the volume is not there, or does not answer
	Page       Page
	Log        zerolog.Logger
	Metrics    *metrics.Set
	Now        func() time.Time

	shelf   *template.Template
	accel   string // X-Accel prefix without a slash at its end
	player  playerDir
	signing atomic.Pointer[signer] // with a secret that may be learnt late
	unsure  atomic.Bool            // the secret that all instances sign with could not be read
	sight   sight
	opened  atomic.Int64 // requests that have files open
	counted counted
}

// maxOpen is how many requests may have files open at once. It stays far below what a process may open and, should
// the volume stop to answer, below the number of threads that may be stuck in the kernel.
const maxOpen = 4096

// Open makes it ready, with a secret of the data directory's own where the configuration has none.
func (p *Playback) Open(dataDir string) (err error) {
	if p.Secret == "" {
		if p.Secret, err = p.loadSecret(dataDir); err != nil {
			return err
		}
	}
	return p.prepare()
}

// prepare makes it ready to serve. The configuration must be valid.
func (p *Playback) prepare() error {
	if len(p.Secret.Reveal()) < minSecret {
		return errors.New("playback: no secret to sign with; give --recording-secret")
	}
	p.player = playerDir(p.PlayerDir)
	p.accel = strings.TrimRight(p.XAccel, "/")
	p.counted.open(p.Metrics)
	p.sign(p.Secret)
	var err error
	p.shelf, err = template.New("shelf").Parse(shelfPage)
	return err
}

// Mount registers everything that nobody else has: formats have any name, and so have their addresses.
func (p *Playback) Mount(mux *http.ServeMux) { mux.Handle("/", p) }

// ServeHTTP answers one request.
func (p *Playback) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at := locate(r.URL)
	f := &flow{ResponseWriter: w, control: http.NewResponseController(w), outcome: outcomeServed}
	p.finish(f, r, at, p.serve(f, r, at))
}

// serve answers a request by what its address points to. Its error is why it could not.
func (p *Playback) serve(w *flow, r *http.Request, at place) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return errMethod
	}
	switch at.kind {
	case file:
		return p.serveFile(w, r, at)
	case link:
		return p.enter(w, r, at)
	case player:
		return p.servePlayer(w, r, at)
	case alias:
		return redirect(w, http.StatusTemporaryRedirect, at.path(), r.URL.Query())
	case legacy:
		return p.serveOldPlayer(w, r, at)
	default:
		return denial("no address of a recording")
	}
}

// redirect leads to an address of our own. Whatever the query was, it is written anew.
func redirect(w *flow, status int, path string, query url.Values) error {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	w.outcome = outcomeRedirected
	h := w.Header()
	h.Set("Location", path)
	h.Set("Cache-Control", "no-cache")
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(status)
	return nil
}

// published finds a recording that plays, and the format of it that was asked for.
func (p *Playback) published(ctx context.Context, at place) (r store.Recording, f store.Format, err error) {
	r, err = p.recording(ctx, at.recordID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return r, f, denial("unknown recording")
	case err != nil:
		return r, f, fmt.Errorf("look up recording %s: %w", at.recordID, err)
	case r.State != store.Published:
		return r, f, denial("the recording is " + string(r.State))
	}
	i := slices.IndexFunc(r.Formats, func(f store.Format) bool { return f.Type == at.format })
	if i < 0 {
		return r, f, denial("the recording has no such format")
	}
	return r, r.Formats[i], nil
}

// admit is the gate before every byte.
func (p *Playback) admit(r *http.Request, at place) (store.Recording, error) {
	rec, _, err := p.published(r.Context(), at)
	if err == nil && rec.Protected && !p.admitted(r, at, rec) {
		err = barred("the recording is protected, and there is no valid cookie")
	}
	return rec, err
}

// hold takes one of the places of those that have files open, without waiting for one. What it returns gives it back.
func (p *Playback) hold() (release func(), err error) {
	if p.Gone() {
		return nil, errHung
	}
	if p.opened.Add(1) > maxOpen {
		p.opened.Add(-1)
		return nil, errBusy
	}
	return func() { p.opened.Add(-1) }, nil
}
