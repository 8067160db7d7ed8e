package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/web"
)

// Somebody whose join did not work reads why in plain words, and nothing that the address makes up.
func TestFront(t *testing.T) {
	pages, err := web.New()
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	pages.Mount(mux)
	for _, c := range []struct{ errors, want, not string }{
		{"", "for front ends", "could not join"},
		{`[{"key":"invalidMeetingIdentifier","message":"x"}]`, "This meeting is not running", ""},
		{`[{"key":"checksumError"}]`, "This link is not valid", ""},
		{`[{"key":"made up","message":"<b>Call 0900</b>"}]`, "did not work", "0900"},
		{`damaged`, "did not work", "damaged"},
	} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/?errors="+url.QueryEscape(c.errors), nil))
		body := w.Body.String()
		if w.Code != http.StatusOK || !strings.Contains(body, c.want) || c.not != "" && strings.Contains(body, c.not) {
			t.Errorf("%s: %d %s", c.errors, w.Code, body)
		}
		if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") {
			t.Errorf("policy %q", csp)
		}
	}
}
