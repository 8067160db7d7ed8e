package hooks

import (
	"bytes"
	"context"
	"crypto/subtle"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/callbacks/address"
	"github.com/bbbpool/bbbpool/store"
)

const (
	maxBody    = 2 << 20 // bytes of a delivery
	answerTime = 4 * time.Second
)

// Mount registers where servers deliver events.
func (h *Hooks) Mount(mux *http.ServeMux) {
	mux.HandleFunc(address.Path+string(address.Event)+"/{token}", h.serve)
}

// serve takes in what a server delivers. bbb-webhooks takes 2xx and 401 for success; anything else it sends again, and in the end
// it removes our hook: so what will never be better is answered 200.
func (h *Hooks) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	place, err := h.Seal.Open(address.Event, r.PathValue("token"))
	switch {
	case err != nil:
		h.counts.add(outcomeStrange)
		http.Error(w, "no such address", http.StatusNotFound)
		return
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "want POST", http.StatusMethodNotAllowed)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), answerTime)
	defer cancel()
	if !h.places.enter(ctx, place.Server) {
		h.answer(w, http.StatusServiceUnavailable, outcomeBusy)
		return
	}
	defer h.places.leave(place.Server)
	if end, ok := ctx.Deadline(); ok { // or a body that never comes would keep the place
		_ = http.NewResponseController(w).SetReadDeadline(end)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		h.answer(w, http.StatusOK, outcomeLarge)
		return
	} else if err != nil {
		return // nobody is left to answer
	}
	h.delivered(ctx, w, r, place, body)
}

func (h *Hooks) answer(w http.ResponseWriter, status int, outcome string) {
	h.counts.add(outcome)
	if status != http.StatusOK {
		http.Error(w, http.StatusText(status), status)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, "ok\n") // the server hung up: nobody is left to tell
}

// delivered verifies a delivery, hands it on to who decides, or takes it in. What a follower has heard of servers may be old: one
// that it does not know is the leader's to know.
func (h *Hooks) delivered(ctx context.Context, w http.ResponseWriter, r *http.Request, place address.Place, body []byte) {
	follows := h.Elsewhere != nil && !h.Elsewhere.Leading()
	server, err := h.Record(ctx, place.Server)
	switch {
	case errors.Is(err, store.ErrNotFound) && follows:
	case errors.Is(err, store.ErrNotFound): // it has left: its relay may die
		h.counts.add(outcomeStrange)
		http.Error(w, "no such address", http.StatusNotFound)
		return
	case err != nil:
		h.failed(w, place.Server, err)
		return
	case !h.genuine(r, place, body, server):
		h.Log.Warn().Str("server", place.Server).Msg("an event that the server's secret has not signed")
		h.answer(w, http.StatusUnauthorized, outcomeForged)
		return
	}
	if follows {
		h.handOn(ctx, w, r, body)
		return
	}
	outcome, err := h.take(ctx, place, string(body))
	switch {
	case err != nil:
		h.failed(w, place.Server, err)
	case outcome == outcomeEarly:
		h.answer(w, http.StatusServiceUnavailable, outcome)
	default:
		h.answer(w, http.StatusOK, outcome)
	}
}

func (h *Hooks) handOn(ctx context.Context, w http.ResponseWriter, r *http.Request, body []byte) {
	r.Body = io.NopCloser(bytes.NewReader(body))
	if !h.Elsewhere.HandOn(w, r.WithContext(ctx), body) {
		h.answer(w, http.StatusServiceUnavailable, outcomeFailed)
	}
}

func (h *Hooks) failed(w http.ResponseWriter, server string, err error) {
	h.Log.Warn().Err(err).Str("server", server).Msg("an event could not be taken in")
	h.answer(w, http.StatusServiceUnavailable, outcomeFailed)
}

// genuine tells whether a server has sent a delivery: by the checksum over the address as it was registered, the body and its
// secret, or by the secret itself, as bbb-webhooks sends it where it is set up so (auth2_0).
func (h *Hooks) genuine(r *http.Request, place address.Place, body []byte, server store.Server) bool {
	_, checksum := bbb.SplitChecksum(r.URL.RawQuery)
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return isSecret(token, server.Secret) || isSecret(token, server.Former)
	}
	algorithm, ok := ofLength(len(checksum))
	if !ok {
		return false
	}
	for _, base := range []string{h.Base(), "https://" + r.Host, "http://" + r.Host} { // a base of before, too
		registered := h.Seal.URL(base, place)
		for _, secret := range []store.Secret{server.Secret, server.Former} {
			want := algorithm.Checksum(registered, string(body), bbb.Secret(secret))
			if secret != "" && subtle.ConstantTimeCompare([]byte(want), []byte(strings.ToLower(checksum))) == 1 {
				return true
			}
		}
	}
	return false
}

func isSecret(token string, secret store.Secret) bool {
	return secret != "" && subtle.ConstantTimeCompare([]byte(token), []byte(secret)) == 1
}

// ofLength is the algorithm that makes checksums of so many digits.
func ofLength(digits int) (bbb.Algorithm, bool) {
	switch digits {
	case 40:
		return bbb.SHA1, true
	case 64:
		return bbb.SHA256, true
	case 96:
		return bbb.SHA384, true
	case 128:
		return bbb.SHA512, true
	}
	return "", false
}

// eventOf is the field of a form that has the events.
func eventOf(form string) (string, bool) {
	for part := range strings.SplitSeq(form, "&") {
		if value, ok := strings.CutPrefix(part, "event="); ok {
			text, err := url.QueryUnescape(value)
			return text, err == nil
		}
	}
	return "", false
}
