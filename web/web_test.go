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
	pages := web.New(web.Config{})
	mux := http.NewServeMux()
	pages.Mount(mux)
	for _, c := range []struct{ errors, want, not string }{
		{"", "for front ends", "could not join"},
		{`[{"key":"serverUnavailable","message":"x"}]`, "try again in a few seconds", "not running"},
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
	pages := web.New(web.Config{})
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

// A page about a problem has a number that the log knows, and whom to ask, as a link and nothing more than that.
func TestProblem_Help(t *testing.T) {
	for contact, want := range map[string]string{
		"":                       "",
		"help@example.edu":       `<a href="mailto:help@example.edu" rel="noreferrer">help@example.edu</a>`,
		"https://example.edu/h?": `<a href="https://example.edu/h?" rel="noreferrer">https://example.edu/h?</a>`,
		`"<b>"@example.edu`:      `&lt;b&gt;`,
	} {
		c := web.Config{Contact: contact}
		if err := c.Validate(); err != nil && want != `&lt;b&gt;` {
			t.Fatal(err)
		}
		pages := web.New(c)
		mux := http.NewServeMux()
		pages.Mount(mux)
		mux.HandleFunc("GET /problem", func(w http.ResponseWriter, r *http.Request) {
			pages.Problem(w, r, http.StatusNotFound, "Nothing", "Go back.")
		})
		for _, path := range []string{"/problem", "/?errors=[{}]"} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
			r.Header.Set("X-Request-Id", "the-number")
			w := httptest.NewRecorder()
			mux.ServeHTTP(w, r)
			body := w.Body.String()
			if !strings.Contains(body, "the-number") || strings.Contains(body, "<b>") || strings.Contains(body, "<a ") != (contact != "" && c.Validate() == nil) {
				t.Errorf("%s of %q: %s", path, contact, body)
			}
			if c.Validate() == nil && !strings.Contains(body, want) {
				t.Errorf("%s of %q: no %s in %s", path, contact, want, body)
			}
		}
	}
	for _, wrong := range []string{"nobody", "javascript:alert(1)", "https://", "https://u:p@example.edu", "Help <help@example.edu>", "ftp://x.test"} {
		if err := (web.Config{Contact: wrong}).Validate(); err == nil || !strings.Contains(err.Error(), "--contact") {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}

// Search engines are turned away, and browsers find an icon.
func TestMount_Fixed(t *testing.T) {
	mux := http.NewServeMux()
	web.New(web.Config{}).Mount(mux)
	for path, want := range map[string]struct{ mediaType, start string }{
		"/robots.txt":  {"text/plain; charset=utf-8", "User-agent: *\nDisallow: /\n"},
		"/favicon.ico": {"image/x-icon", "\x00\x00\x01\x00"},
	} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != want.mediaType || !strings.HasPrefix(w.Body.String(), want.start) {
			t.Errorf("%s: %d %v %q", path, w.Code, w.Header(), w.Body)
		}
	}
}
