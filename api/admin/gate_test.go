package admin_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Whoever administrates in another form comes in with the token, or with what he has signed; guesses are limited in the log, and
// keep nobody out who is right.
func TestGate(t *testing.T) {
	p := newTestPool(t)
	p.api.Token = "right"
	gate := p.api.Gate()
	enter := func(token string, signed bool) bool {
		r := httptest.NewRequest(http.MethodGet, "/scalelite/api/getServers", nil)
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		in, let := gate.Enter(r, signed, false)
		if let {
			gate.Note(in, "add", "server", "a", "", nil, nil)
		}
		return let
	}
	if enter("", false) || enter("wrong", false) || !enter("right", false) || !enter("", true) || !enter("wrong", true) {
		t.Error("the wrong ones come in")
	}
	for range 50 {
		enter("guess", false)
	}
	log := p.log.String()
	if n := strings.Count(log, "rejected"); n < 3 || n > 15 || !enter("right", false) {
		t.Errorf("%d guesses are in the log", n)
	}
	for _, words := range []string{`"token":"admin"`, `"token":"scalelite checksum"`, `"via":"scalelite","action":"add"`} {
		if !strings.Contains(log, words) {
			t.Errorf("the log has no %s", words)
		}
	}
	p.api.Token = ""
	if enter("", false) {
		t.Error("an empty token lets in")
	}
}
