package upload

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/quantity"
	"github.com/bbbpool/bbbpool/store"
)

// Servers knows who may upload.
type Servers interface {
	// Server returns one server, or [store.ErrNotFound].
	Server(ctx context.Context, id string) (store.Server, error)
}

// Config bounds what servers may send, as flags.
type Config struct {
	MaxUpload  quantity.Size `name:"max-upload" default:"200GiB" placeholder:"SIZE" env:"BBBPOOL_MAX_UPLOAD" help:"Largest archive of recordings that a server may upload."`
	MaxUploads int           `name:"max-uploads" default:"16" env:"BBBPOOL_MAX_UPLOADS" help:"Uploads at the same time, a quarter of them from one server; more are told to come back."`
}

// Validate tells what cannot work.
func (c Config) Validate() error {
	var errs []error
	if c.MaxUpload < 1 {
		errs = append(errs, fmt.Errorf("--max-upload %s: want at least 1 byte", c.MaxUpload))
	}
	if c.MaxUploads < 1 {
		errs = append(errs, fmt.Errorf("--max-uploads %d: want at least 1", c.MaxUploads))
	}
	return errors.Join(errs...)
}

// Upload is an archive that is here, whole and safe on the disk.
type Upload struct {
	Name   string // that the server gave it; the archives of one recording share it
	Server string // that has sent it
	SHA256 string // of its bytes, in hexadecimal
	Path   string // where it lies
	Bytes  int64
}

// Handler takes uploads. Its exported fields must be set before the first request.
type Handler struct {
	Config  Config
	Servers Servers
	Dir     string // of what is on its way in; on the file system of the spool, for this package alone
	Shared  bool   // other instances have the same directory

	// Room tells why so many more bytes do not fit, with the numbers, or nil if they do.
	Room func(bytes int64) error
	// Known tells how the import of an archive stands that was accepted before. A state of what is not known is that of
	// one which another server has sent: whether it may is not decided yet, so the sender waits for that.
	Known func(ctx context.Context, server, sha256 string) (state string, known bool)
	// Accept takes an archive over: it renames it away. When it returns nil, the archive must be safe. It is
	// called once for an archive, unless two servers bring the same bytes at the same time.
	Accept func(ctx context.Context, u Upload) error

	Log     zerolog.Logger
	Metrics *metrics.Set

	underway underway
}

// Mount registers the routes. They are more specific than those of the administration below the same path.
func (h *Handler) Mount(mux *http.ServeMux) {
	mux.HandleFunc("POST /api/v1/recordings", h.post)
	mux.HandleFunc("GET /api/v1/recordings/upload", h.get)
	h.Metrics.GetOrCreateCounter(bytesTotal) // at 0, so that the first is seen as an increase
	h.Metrics.GetOrCreateGauge(uploadsActive, func() float64 { return float64(h.underway.count()) })
}

// Stop ends the uploads under way, and begins no more: what has arrived is kept, and the senders are told to come back.
// Without it they would hold up the end of the process.
func (h *Handler) Stop() { h.underway.stop() }

// prepare finds out who sends a request, and what it is about.
func (h *Handler) prepare(
	r *http.Request, read func(*http.Request) (request, error),
) (server string, q request, log zerolog.Logger, err error) {
	log = h.Log.With().Str("remote", r.RemoteAddr).Logger()
	from, err := h.authenticate(r)
	if err != nil {
		return "", q, log, err
	}
	log = log.With().Str("server", from.ID).Logger()
	if q, err = read(r); err == nil {
		log = log.With().Str("name", q.name).Int64("length", q.length).Logger()
	}
	return from.ID, q, log, err
}

// get tells what is here of an archive, and what would keep the rest out.
func (h *Handler) get(w http.ResponseWriter, r *http.Request) {
	server, q, log, err := h.prepare(r, h.parseGet)
	var s status
	if err == nil {
		s, err = h.find(r.Context(), server, q)
	}
	if err != nil {
		h.fail(w, log, err)
		return
	}
	write(w, http.StatusOK, s)
}

// find tells what is here of an archive. It reads checkpoints and directories from the disk.
func (h *Handler) find(ctx context.Context, server string, q request) (status, error) {
	path := h.path(server, q)
	if s, known := h.known(ctx, server, q.sha256, q.length); known || s.State != "" {
		if known && !h.underway.has(filepath.Base(path)) {
			h.discard(path)
		}
		return s, nil
	}
	key := filepath.Base(path)
	busy := h.underway.has(key)
	if !busy && h.Shared {
		var err error
		if busy, err = elsewhere(path); err != nil {
			return status{}, fmt.Errorf("look at part: %w", err)
		}
	}
	c, err := saved(path) // not earlier: whoever was at it has saved it as he ended
	if err != nil {
		return status{}, err
	}
	if busy {
		return status{Offset: c.Offset, State: uploading}, nil
	}
	if err := h.underway.full(server, h.Config.MaxUploads); err != nil {
		return status{}, err
	}
	if _, err := h.surplus(server, key, q.length); err != nil {
		return status{}, err
	}
	s := status{Offset: c.Offset, State: absent}
	if c.Offset > 0 {
		s.State = partial
	}
	return s, h.room(server, q.length-c.Offset)
}

// known tells how an archive stands that is here already. One that another server has sent, and that is not decided about,
// is not known and has a state: it counts as being sent.
func (h *Handler) known(ctx context.Context, server, sha256 string, length int64) (s status, known bool) {
	if sha256 == "" {
		return status{}, false
	}
	state, known := h.Known(ctx, server, sha256)
	switch {
	case known:
		s = status{Offset: length, Complete: true, State: state}
	case state != "":
		s.State = uploading
	}
	return s, known
}

// errUndecided is for a server that sends what another one has sent, while it is not decided whether that one may.
func errUndecided() *refusal {
	return later(http.StatusLocked, 10*time.Second, "uploading",
		"another server has sent this archive, and it is not imported yet: wait for that")
}

// path is where the part of an archive lies, without a suffix. Servers do not share parts, and the name tells whose it
// is.
func (h *Handler) path(server string, q request) string {
	of := q.sha256
	if of == "" {
		of = rand.Text() // nobody comes back for it
	}
	key := sha256.Sum256([]byte(strings.Join([]string{server, of, strconv.FormatInt(q.length, 10)}, "\n")))
	return filepath.Join(h.Dir, owner(server)+hex.EncodeToString(key[:10]))
}

// owner is how the names of all parts of a server begin.
func owner(server string) string {
	sum := sha256.Sum256([]byte(server))
	return hex.EncodeToString(sum[:6])
}
