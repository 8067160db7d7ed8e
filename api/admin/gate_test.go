package admin_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/api/admin/access"
	"github.com/bbbpool/bbbpool/store"
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
	entries, err := p.stores.Index.Audits(t.Context(), store.AuditFilter{Via: access.Scalelite, Action: "add", Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, who := range []string{"token admin", "token scalelite checksum"} {
		if !slices.ContainsFunc(entries, func(a store.Audit) bool { return a.Who == who }) {
			t.Errorf("the audit log has nothing of %s: %+v", who, entries)
		}
	}
	p.api.Token = ""
	if enter("", false) {
		t.Error("an empty token lets in")
	}
}
