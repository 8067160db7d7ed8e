package upload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"github.com/bbbpool/bbbpool/api/quantity"
	"github.com/bbbpool/bbbpool/store"
)

const (
	idle      = time.Minute // in which a chunk has to come
	chunk     = 256 << 10   // bytes that are in memory of an upload
	syncEvery = 64 << 20    // bytes that a crash may cost
)

func errStopped() *refusal {
	return later(http.StatusServiceUnavailable, 10*time.Second, "stopping", "the pool restarts: go on in a moment")
}

// transfer is one request that brings bytes.
type transfer struct {
	request
	handler *Handler
	server  string
	began   time.Time
	conn    *http.ResponseController
	body    io.Reader
	slot    *slot
	part    *part
	log     zerolog.Logger
}

// post takes bytes of an archive.
func (h *Handler) post(w http.ResponseWriter, r *http.Request) {
	server, q, log, err := h.prepare(r, h.parsePost)
	if err != nil {
		h.fail(w, log, err)
		return
	}
	t := &transfer{
		request: q, handler: h, server: server, began: time.Now(), conn: http.NewResponseController(w), body: r.Body, log: log,
	}
	code, s, err := t.run(r.Context())
	t.extend() // so that the answer gets through after hours
	if err != nil {
		h.fail(w, log.With().Int64("bytes", s.Offset).Logger(), err)
		return
	}
	h.count(s.State)
	write(w, code, s)
}

// run does the transfer and returns how the archive stands then.
func (t *transfer) run(ctx context.Context) (code int, s status, err error) {
	h := t.handler
	path := h.path(t.server, t.request)
	key := filepath.Base(path)
	if t.slot, err = h.underway.begin(h.Config.MaxUploads, t.server, key, t.length, t.conn); err != nil {
		return 0, s, err
	}
	defer h.underway.end(key)
	if s, known := t.handler.known(ctx, t.server, t.sha256, t.length); known {
		h.discard(path)
		return http.StatusOK, s, nil
	} else if s.State != "" {
		return 0, s, errUndecided()
	}
	c := checkpoint{Server: t.server, Name: t.name, Length: t.length, SHA256: t.sha256}
	if t.part, err = open(path, t.sha256 == "", h.Shared, c); errors.Is(err, errBusy) {
		return 0, s, errUploading()
	} else if err != nil {
		return 0, s, t.diskError(err)
	}
	defer t.leave()
	if err := t.ready(); err != nil {
		return 0, status{Offset: t.part.Offset}, err
	}
	if err := t.receive(); err != nil {
		return 0, status{Offset: t.part.Offset}, err
	}
	if t.part.Offset < t.length {
		return http.StatusAccepted, status{Offset: t.part.Offset, State: partial}, nil
	}
	return t.finish(context.WithoutCancel(ctx)) // a sender that is gone has still sent it
}

// ready tells whether the bytes that come fit to what is here, and into the room that there is.
func (t *transfer) ready() error {
	if t.offset != t.part.Offset {
		return refuse(http.StatusConflict, "offset",
			"the body starts at offset %d, and %d bytes are here: go on from there", t.offset, t.part.Offset).at(t.part.Offset)
	}
	if err := t.makePlace(); err != nil {
		return err
	}
	t.slot.left.Store(t.length - t.offset)
	if err := t.handler.room(t.server, 0); err != nil {
		return err
	}
	switch {
	case t.offset == 0:
		t.log.Info().Msg("upload begun")
	case t.part.Broken:
		t.log.Info().Int64("bytes", t.offset).Msg("upload resumed")
	default:
		t.log.Debug().Int64("bytes", t.offset).Msg("upload goes on")
	}
	return nil
}

// leave gives back what run has taken up.
func (t *transfer) leave() {
	if err := t.part.close(); err != nil {
		t.log.Warn().Err(err).Msg("close part")
	}
}

// receive adds what the body has to the part, and makes it safe, however the body ends.
func (t *transfer) receive() error {
	from := t.part.Offset
	err := t.copy()
	t.handler.Metrics.GetOrCreateCounter(bytesTotal).AddInt64(t.part.Offset - from)
	if err == nil && t.part.once && t.part.Offset < t.length {
		err = t.dropped("the body has ended after %d bytes, and %d were told", t.part.Offset, t.length)
	}
	if kept := t.part.keep(err != nil); kept != nil && err == nil {
		return t.diskError(kept)
	}
	return err
}

// copy adds the body to the part until it ends, which is no error.
func (t *transfer) copy() error {
	buffer := make([]byte, chunk)
	looked := t.part.Offset
	for t.part.Offset < t.length {
		t.extend()
		if t.handler.underway.stopping() { // looked at after the deadline was moved, or Stop would be missed
			return errStopped().at(t.part.Offset)
		}
		n, ended := fill(t.body, buffer[:min(chunk, t.length-t.part.Offset)])
		if err := t.part.add(buffer[:n]); err != nil {
			return t.diskError(err)
		}
		t.slot.left.Add(int64(-n))
		if errors.Is(ended, io.EOF) {
			return nil
		}
		if ended != nil {
			return t.broken(ended)
		}
		if t.part.Offset-looked < syncEvery {
			continue
		}
		looked = t.part.Offset
		if err := t.next(); err != nil {
			return err
		}
	}
	if n, _ := io.ReadFull(t.body, buffer[:1]); n > 0 {
		return t.dropped("the body goes on after the %d bytes that were told", t.length)
	}
	return nil
}

// next tells why there is no room any more for what comes next: others write as well.
func (t *transfer) next() error {
	bytes := min(t.length-t.part.Offset, nextBytes)
	if err := t.handler.Room(bytes); err != nil {
		return noRoom(bytes, "the next of this upload", err).at(t.part.Offset)
	}
	return nil
}

// fill reads until the buffer is full, and returns the error of the reader itself: [io.ReadFull] has one and the same
// for a body that has ended early and for a connection that was cut.
func fill(r io.Reader, buffer []byte) (n int, err error) {
	for n < len(buffer) && err == nil {
		var m int
		m, err = r.Read(buffer[n:])
		n += m
	}
	return n, err
}

// extend gives the connection time for another chunk. The deadlines of the HTTP server are for requests that are
// answered at once.
func (t *transfer) extend() {
	end := time.Now().Add(idle)
	_ = t.conn.SetReadDeadline(end) // a writer without deadlines needs none
	_ = t.conn.SetWriteDeadline(end)
}

// broken says what has become of a body that did not end.
func (t *transfer) broken(err error) *refusal {
	switch {
	case t.handler.underway.stopping():
		return errStopped().at(t.part.Offset)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return refuse(http.StatusRequestTimeout, "stalled", "less than %s has come in %s: go on from offset %d",
			quantity.Size(chunk), idle, t.part.Offset).at(t.part.Offset)
	default:
		return refuse(http.StatusBadRequest, "broken", "the connection broke: go on from offset %d", t.part.Offset).
			at(t.part.Offset)
	}
}

// dropped forgets a part that can become no archive.
func (t *transfer) dropped(format string, args ...any) error {
	if err := t.part.drop(); err != nil {
		return t.diskError(err)
	}
	return refuse(http.StatusUnprocessableEntity, "digest", "%s: it was dropped, send the archive again from offset 0",
		fmt.Sprintf(format, args...)).at(0)
}

// diskError is what to say of a disk that does not do its work.
func (t *transfer) diskError(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		e := later(http.StatusInsufficientStorage, 5*time.Minute, "no-room",
			"the disk of the pool is full: free some space there")
		e.cause = err
		return e
	}
	return err
}

// finish hands over an archive that is whole.
func (t *transfer) finish(ctx context.Context) (int, status, error) {
	s := status{Offset: t.length, Complete: true, State: string(store.JobWaiting)}
	digest := t.part.digest()
	if t.sha256 != "" && digest != t.sha256 {
		return 0, s, t.dropped("the archive has the SHA-256 %s, and %s was told", digest, t.sha256)
	}
	if s, known := t.handler.known(ctx, t.server, digest, t.length); known {
		return http.StatusOK, s, t.part.drop()
	} else if s.State != "" {
		return 0, s, errUndecided().at(t.length)
	}
	u := Upload{Name: t.name, Server: t.server, SHA256: digest, Path: t.part.path + partSuffix, Bytes: t.length}
	if err := t.handler.Accept(ctx, u); err != nil {
		return 0, s, t.diskError(fmt.Errorf("accept archive: %w", err))
	}
	t.log.Info().Int64("bytes", t.length).Str("sha256", digest).Dur("took", time.Since(t.began)).Msg("upload finished")
	if err := remove(t.part.path + stateSuffix); err != nil { // of no harm: Sweep removes it
		t.log.Warn().Err(err).Msg("remove checkpoint")
	}
	return http.StatusCreated, s, nil
}
