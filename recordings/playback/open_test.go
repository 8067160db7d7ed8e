package playback_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/recordings/playback"
	"github.com/bbbpool/bbbpool/store"
)

// openIn makes a playback ready with a data directory, and a secret of its configuration or none.
func openIn(t *testing.T, dir string, secret store.Secret) *house {
	t.Helper()
	h := newHouse(t)
	h.Playback = &playback.Playback{
		Config:     playback.Config{TokenTimeout: h.TokenTimeout, CookieTimeout: h.CookieTimeout, Secret: secret},
		Recordings: h.Recordings, Library: h.Library, Tokens: h.Tokens, Gone: h.Gone, Page: h.Page, Log: h.Log, Metrics: h.Metrics,
		Now: h.Now,
	}
	if err := h.Open(dir); err != nil {
		t.Fatal(err)
	}
	h.mux = http.NewServeMux()
	h.Mount(h.mux)
	return h
}

// Without a secret in the configuration the data directory has one: what was handed out before a restart is good after it,
// and nowhere else. Where the configuration has one, none is made.
func TestOpen(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	first := openIn(t, dir, "")
	link := first.link(protected, "video")
	elsewhere := openIn(t, other, "")
	elsewhere.barred("a link of another pool", elsewhere.do("GET "+link))
	cookie, location := openIn(t, dir, "").follow(link)
	if w := openIn(t, dir, "").do("GET "+location, cookie); w.Code != http.StatusOK {
		t.Errorf("a cookie from before a restart: %d", w.Code)
	}
	elsewhere.barred("a cookie of another pool", elsewhere.do("GET "+location, cookie))

	given := t.TempDir()
	openIn(t, given, "0123456789abcdef")
	if entries, err := os.ReadDir(given); err != nil || len(entries) != 0 {
		t.Errorf("made beside a secret that was given: %v, %v", entries, err)
	}
	if err := (&playback.Playback{}).Open(filepath.Join(dir, "none")); err == nil {
		t.Error("opened in a directory that is not there")
	}
}

// broken is an index and a store of tokens that do not answer.
type broken struct{ err error }

func (b broken) Recording(context.Context, string) (store.Recording, error) {
	return store.Recording{}, b.err
}

func (b broken) SpendToken(context.Context, string, time.Time, time.Time) error { return b.err }

// An index that fails is no recording that is missing, and a store that fails lets nobody in and gives nobody a cookie: the
// viewer comes back, the operator reads why, and the link is as good as before.
func TestServe_StoreFails(t *testing.T) {
	h := newHouse(t)
	link, all, spent := h.link(protected, "video"), h.Recordings, h.Tokens
	for what, c := range map[string]struct {
		fail func()
		path string
	}{
		"index, file": {func() { h.Recordings = broken{errors.New("torn page")} }, "/video/" + open + "/video-0.m4v"},
		"index, link": {func() { h.Recordings = broken{errors.New("torn page")} }, link},
		"tokens":      {func() { h.Tokens = broken{errors.New("torn page")} }, link},
	} {
		h.log.Reset()
		c.fail()
		w := h.do("GET " + c.path)
		h.Recordings, h.Tokens = all, spent
		if w.Code != http.StatusServiceUnavailable || len(w.Result().Cookies()) != 0 || strings.Contains(w.Body.String(), "torn") {
			t.Errorf("%s: %d %v %s", what, w.Code, w.Header(), w.Body)
		}
		if log := h.log.String(); !strings.Contains(log, "torn page") || !strings.Contains(log, `"outcome":"failed"`) {
			t.Errorf("%s: log %s", what, log)
		}
	}
	if got := h.counted(`bbbpool_playback_requests_total{format="video",outcome="failed"}`); got != "3" {
		t.Errorf("counted %q", got)
	}
	h.follow(link)
}

// One thing in several types is one thing to watch; a recording without a name has one on the page, and who asks for the
// headers alone gets no page.
func TestServe_ShelfOnce(t *testing.T) {
	h := newHouse(t)
	h.recording(open, func(r *store.Recording) { r.Name = "" })
	for _, name := range []string{"lecture.mp3", "lecture.wav", "lecture.ogg", "talk.mp4", "talk.webm"} {
		h.write("podcast/"+open+"/"+name, name)
	}
	w := h.do("GET /podcast/" + open + "/")
	body := w.Body.String()
	for piece, want := range map[string]int{"<audio ": 2, "<video ": 1, "<source ": 6, "<title>Recording</title>": 1} {
		if n := strings.Count(body, piece); n != want { // of the sounds, audio.ogg is another one
			t.Errorf("%s %d times, want %d: %s", piece, n, want, body)
		}
	}
	if head := h.do("HEAD /podcast/" + open + "/"); head.Code != http.StatusOK || head.Body.Len() != 0 ||
		head.Header().Get("Content-Security-Policy") != w.Header().Get("Content-Security-Policy") {
		t.Errorf("HEAD: %d %v %s", head.Code, head.Header(), head.Body)
	}
}

// A page knows itself by the address that the viewer has for it, over TLS of our own, too.
func TestServe_OverTLS(t *testing.T) {
	h := newHouse(t)
	r := httptest.NewRequest(http.MethodGet, "/video/"+open+"/", nil)
	r.Host, r.TLS = "pool.test:8443", &tls.ConnectionState{}
	w := httptest.NewRecorder()
	h.mux.ServeHTTP(w, r)
	if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "media-src https://pool.test:8443/video/"+open+"/ ") {
		t.Errorf("%d, policy %q", w.Code, csp)
	}
	r = httptest.NewRequest(http.MethodGet, h.link(protected, "video"), nil)
	r.TLS = &tls.ConnectionState{}
	w = httptest.NewRecorder()
	h.mux.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		if !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteNoneMode {
			t.Errorf("cookie %+v", c)
		}
	}
	if len(w.Result().Cookies()) != 2 {
		t.Errorf("%d, %d cookies", w.Code, len(w.Result().Cookies()))
	}
}

// The player's directory may change at any time: what lasts in it may be kept, a directory is a page of the player's own,
// and where no player is left viewers are told to come back.
func TestServe_PlayerChanges(t *testing.T) {
	h := newHouse(t, withPlayer)
	if err := os.WriteFile(filepath.Join(h.PlayerDir, "2.3", "logo.png"), []byte("png"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"logo.png": "public, max-age=3600", open: "no-cache", "static/js": "no-cache"} {
		w := h.do("GET /playback/presentation/2.3/" + path)
		if w.Code != http.StatusOK || w.Header().Get("Cache-Control") != want {
			t.Errorf("%s: %d %q", path, w.Code, w.Header().Get("Cache-Control"))
		}
	}
	if page, dir := h.do("GET /playback/presentation/2.3/"+open), h.do("GET /playback/presentation/2.3/static/js"); page.Body.String() != dir.Body.String() {
		t.Errorf("a directory is %s", dir.Body)
	}
	if err := os.RemoveAll(h.PlayerDir); err != nil {
		t.Fatal(err)
	}
	w := h.do("GET /playback/presentation/2.3/" + open)
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(h.log.String(), "no player in it") {
		t.Errorf("no player is left: %d, log %s", w.Code, h.log.String())
	}
}
