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
	pages := web.New()
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

// What did not work is said with its status, as a page that no script and no cache can do anything with.
func TestProblem(t *testing.T) {
	pages := web.New()
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/made-up", nil)
	pages.Problem(w, r, http.StatusNotFound, "Nothing <here>", "Go back.")
	body := w.Body.String()
	for _, want := range []string{"<title>Nothing &lt;here&gt;</title>", "<h1>Nothing &lt;here&gt;</h1>", "<p>Go back.</p>", `lang="en"`} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in %s", want, body)
		}
	}
	if w.Code != http.StatusNotFound || strings.Contains(body, "made-up") {
		t.Errorf("status %d: %s", w.Code, body)
	}
	for name, want := range map[string]string{
		"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
