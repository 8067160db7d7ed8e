package upload

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/bbbpool/bbbpool/store"
)

// purpose keeps the tokens apart from everything else that may be derived from a server's secret.
const purpose = "bbbpool recording upload 1\n"

// maxToken bounds a token that is looked at, in bytes.
const maxToken = 512

// Token returns what a server shows when it uploads, or "" for a server without a secret. It is derived from the
// secret, which cannot be had back from it: who finds a script can send archives in the server's name, and do nothing
// else. A new secret makes it void; while that is being changed the token of the former one lets in as well.
func Token(s store.Server) store.Secret {
	if s.Secret == "" || s.ID == "" {
		return ""
	}
	mac := hmac.New(sha256.New, []byte(s.Secret.Reveal()))
	mac.Write([]byte(purpose + s.ID)) // never fails
	return store.Secret(s.ID + "." + hex.EncodeToString(mac.Sum(nil)))
}

// authenticate returns the server that a request comes from. Servers that are disabled may send: their old recordings
// count. Whether a server is in the pool does not show to others.
func (h *Handler) authenticate(r *http.Request) (store.Server, error) {
	given := bearer(r.Header.Get("Authorization"))
	server, err := h.named(r.Context(), given)
	if err != nil {
		return store.Server{}, err
	}
	former := server
	former.Secret = server.Former
	own, old := shows(given, server), shows(given, former)
	if !own && !old {
		return store.Server{}, errToken()
	}
	return server, nil
}

// shows tells whether what is shown is the token of a server, in constant time. A server without a secret has none.
func shows(given string, s store.Server) bool {
	want := Token(s).Reveal()
	return want != "" && hmac.Equal([]byte(given), []byte(want))
}

// bearer returns the token in a header, or "" for what can be none.
func bearer(header string) string {
	scheme, token, _ := strings.Cut(header, " ")
	token = strings.TrimSpace(token)
	if !strings.EqualFold(scheme, "Bearer") || len(token) > maxToken {
		return ""
	}
	return token
}

// named returns the server that a token names; one that no token fits if there is no such server.
func (h *Handler) named(ctx context.Context, token string) (store.Server, error) {
	id := token[:max(0, strings.LastIndexByte(token, '.'))]
	if id == "" {
		return store.Server{}, nil
	}
	server, err := h.Servers.Server(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return store.Server{}, nil
	}
	if err != nil {
		return store.Server{}, fmt.Errorf("find server %s: %w", id, err)
	}
	return server, nil
}
