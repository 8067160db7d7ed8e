package admin_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/caller"
)

// through calls the API as somebody who comes through a proxy that is trusted.
func through(h http.Handler, from, token, method, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, v1.Prefix+path, strings.NewReader(body))
	r.RemoteAddr = "10.0.0.1:4711" // the proxy
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, caller.With(r, netip.MustParseAddr(from)))
	return w
}

// Behind a proxy that is trusted it is the caller whose address is written down, and whose wrong tokens are counted.
func TestAPI_Caller(t *testing.T) {
	p := newTestPool(t)
	p.api.Token = "envir0nment"
	mux := p.mounted(t)
	for i := 0; through(mux, "192.0.2.7", "wrong", "GET", "/version", "").Code == http.StatusUnauthorized; i++ {
		if i > 100 {
			t.Fatal("wrong tokens are not limited")
		}
	}
	if w := through(mux, "192.0.2.8", "wrong", "GET", "/version", ""); w.Code != http.StatusUnauthorized {
		t.Errorf("another caller behind the same proxy is answered %d", w.Code)
	}
	if w := through(mux, "192.0.2.9", "envir0nment", "POST", "/tenants", `{"id":"physics"}`); w.Code != http.StatusCreated {
		t.Fatalf("add answered %d %s", w.Code, w.Body)
	}
	if e := p.newest(t); e.From != "192.0.2.9" {
		t.Errorf("the audit log has %+v", e)
	}
	for _, line := range []string{
		`"caller":"192.0.2.8","remote":"10.0.0.1:4711","path":"/api/v1/version","message":"token rejected"`,
		`"token":"admin","caller":"192.0.2.9","remote":"10.0.0.1:4711","tenant":"physics"`,
	} {
		if !strings.Contains(p.log.String(), line) {
			t.Errorf("the log has no %s:\n%s", line, p.log)
		}
	}
}
