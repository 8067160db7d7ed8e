package playback_test

import (
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// Files go out with a type that does not depend on the machine, and with what keeps browsers from running what people
// wrote.
func TestServe_Headers(t *testing.T) {
	h := newHouse(t)
	h.write("presentation/"+open+"/strange.bin", "?")
	const media, other = "private, max-age=60", "no-cache"
	for _, c := range []struct{ path, mime, cache, csp, disposition string }{
		{"presentation/ID/metadata.xml", "text/xml; charset=utf-8", other, "sandbox", ""},
		{"presentation/ID/shapes.svg", "image/svg+xml; charset=utf-8", other, "sandbox", ""},
		{"presentation/ID/notes.html", "text/html; charset=utf-8", other, "sandbox", ""},
		{"presentation/ID/video/webcams.webm", "video/webm", media, "", ""},
		{"presentation/ID/presentation/p-1/thumbnails/thumb-1.png", "image/png", media, "", ""},
		{"presentation/ID/strange.bin", "application/octet-stream", other, "", ""},
		{"video/ID/", "text/html; charset=utf-8", other, policy("http://pool.test/video/" + open + "/"), ""},
		{"video/ID/sub/", "text/html; charset=utf-8", other, "sandbox", ""},
		{"video/ID/video-0.m4v", "video/mp4", media, "", ""},
		{"podcast/ID/audio.ogg", "audio/ogg", media, "", ""},
		{"notes/ID/notes.pdf", "application/pdf", media, "", "attachment"},
		{"notes/ID/", "text/html; charset=utf-8", other, "sandbox", ""},
	} {
		got := h.do("GET /" + strings.ReplaceAll(c.path, "ID", open)).Header()
		for name, want := range map[string]string{
			"Content-Type": c.mime, "Cache-Control": c.cache, "Content-Security-Policy": c.csp,
			"Content-Disposition": c.disposition, "X-Content-Type-Options": "nosniff",
		} {
			if got.Get(name) != want {
				t.Errorf("%s: %s is %q, want %q", c.path, name, got.Get(name), want)
			}
		}
	}
}

// policy is that of a page with this directory.
func policy(base string) string {
	return strings.ReplaceAll("default-src 'none'; script-src 'unsafe-inline' BASE; style-src 'unsafe-inline' BASE; "+
		"img-src BASE data: blob:; media-src BASE blob:; font-src BASE data:; connect-src BASE; worker-src blob:; "+
		"frame-src 'none'; object-src 'none'; base-uri 'none'; form-action 'none'; "+
		"sandbox allow-scripts allow-same-origin allow-downloads", "BASE", base)
}

// The page of a recording reads what belongs to it, under the name that the viewer knows us by; where that cannot be
// told, its scripts do not run.
func TestServe_Policy(t *testing.T) {
	h := newHouse(t)
	path := "/video/" + open + "/"
	for _, c := range []struct{ host, proto, base string }{
		{"pool.test", "https", "https://pool.test"},
		{"pool.test:8443", "http", "http://pool.test:8443"},
		{"10.0.0.1:80", "", "http://10.0.0.1:80"},
		{strings.Repeat("a", 253), "", "http://" + strings.Repeat("a", 253)},
		{strings.Repeat("a", 254), "", ""},
		{"", "", ""},
		{"[::1]:80", "", ""},
		{"*.test", "", ""},
		{"*", "", ""},
		{".test", "", ""},
		{"pool.test;script-src", "", ""},
		{"pool.test 'self'", "", ""},
		{"pool.test, x", "", ""},
		{"pool.test/x", "", ""},
		{"pool.test:", "", ""},
		{"pool.test:*", "", ""},
		{"u@pool.test", "", ""},
		{"pool.test\n", "", ""},
	} {
		r := httptest.NewRequest(http.MethodGet, path, http.NoBody)
		r.Host = c.host
		if c.proto != "" {
			r.URL.Scheme, r.URL.Host = c.proto, c.host
		}
		w := httptest.NewRecorder()
		h.mux.ServeHTTP(w, r)
		want := "sandbox"
		if c.base != "" {
			want = policy(c.base + path)
		}
		if got := w.Header().Get("Content-Security-Policy"); got != want || w.Code != http.StatusOK {
			t.Errorf("%q, %s: %d\n%s, want\n%s", c.host, c.proto, w.Code, got, want)
		}
	}
}

// Ranges and conditions are those of HTTP, whatever the file is compared by.
func TestServe_Conditions(t *testing.T) {
	h := newHouse(t)
	path := "/video/" + open + "/video-0.m4v"
	whole := h.do("GET " + path)
	tag, modified := whole.Header().Get("ETag"), whole.Header().Get("Last-Modified")
	if !strings.HasPrefix(tag, `"`) || modified == "" || whole.Header().Get("Accept-Ranges") != "bytes" {
		t.Fatalf("headers %v", whole.Header())
	}
	for _, c := range []struct {
		status int
		body   string
		header []string
	}{
		{http.StatusNotModified, "", []string{"If-None-Match: " + tag}},
		{http.StatusNotModified, "", []string{"If-Modified-Since: " + modified}},
		{http.StatusOK, "0123456789", []string{`If-None-Match: "other"`}},
		{http.StatusPreconditionFailed, "", []string{`If-Match: "other"`}},
		{http.StatusPartialContent, "456", []string{"Range: bytes=4-6"}},
		{http.StatusPartialContent, "89", []string{"Range: bytes=-2"}},
		{http.StatusPartialContent, "9", []string{"Range: bytes=9-", "If-Range: " + tag}},
		{http.StatusOK, "0123456789", []string{"Range: bytes=9-", `If-Range: "other"`}},
		{http.StatusOK, "0123456789", []string{"Range: bytes=0-0,1-1,2-2,3-3,4-4,5-5,6-6,7-7,8-8"}}, // too many
		{http.StatusRequestedRangeNotSatisfiable, "invalid range: failed to overlap\n", []string{"Range: bytes=10-"}},
	} {
		w := h.do("GET "+path, c.header...)
		if w.Code != c.status || w.Body.String() != c.body {
			t.Errorf("%v: %d %q, want %d %q", c.header, w.Code, w.Body, c.status, c.body)
		}
	}
	h.recording(open, func(r *store.Recording) { r.Imported = h.now })
	if again := h.do("GET "+path, "If-None-Match: "+tag); again.Code != http.StatusOK {
		t.Errorf("a file that came again, of the same size and time: %d", again.Code)
	}
	h.recording(open, func(r *store.Recording) { r.Imported = time.Time{} })
	h.write("video/"+open+"/video-0.m4v", "012345678")
	if changed := h.do("GET "+path, "If-None-Match: "+tag); changed.Code != http.StatusOK {
		t.Errorf("a file that changed: %d", changed.Code)
	}
}

// A compressed file beside the file goes to whoever takes it, unless it is older or a range is wanted.
func TestServe_Gzip(t *testing.T) {
	h := newHouse(t)
	path := "/presentation/" + open + "/shapes.svg"
	plain := h.do("GET "+path, "Accept-Encoding: gzip")
	if plain.Body.String() != "<svg/>" || plain.Header().Get("Vary") != "Accept-Encoding" {
		t.Errorf("without one: %q %v", plain.Body, plain.Header())
	}
	h.write(path[1:]+".gz", "packed")
	for accept, want := range map[string]string{
		"gzip": "packed", "br, gzip;q=0.5": "packed", "GZIP": "packed", "br": "<svg/>", "gzip;q=0": "<svg/>", "gzip; q=0": "<svg/>",
	} {
		w := h.do("GET "+path, "Accept-Encoding: "+accept)
		if w.Body.String() != want || (w.Header().Get("Content-Encoding") == "gzip") != (want == "packed") {
			t.Errorf("%s: %q %v", accept, w.Body, w.Header())
		}
		if packed := want == "packed"; packed == (w.Header().Get("ETag") == plain.Header().Get("ETag")) {
			t.Errorf("%s: tag %s", accept, w.Header().Get("ETag"))
		}
		if w.Header().Get("Vary") != "Accept-Encoding" || w.Header().Get("Content-Type") != "image/svg+xml; charset=utf-8" {
			t.Errorf("%s: %v", accept, w.Header())
		}
		again := h.do("GET "+path, "Accept-Encoding: "+accept, "If-None-Match: "+w.Header().Get("ETag"))
		if again.Code != http.StatusNotModified {
			t.Errorf("%s: %d when it has not changed", accept, again.Code)
		}
	}
	if w := h.do("GET "+path, "Accept-Encoding: gzip", "Range: bytes=1-3"); w.Body.String() != "svg" {
		t.Errorf("range: %q", w.Body)
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(h.dir, path+".gz"), old, old); err != nil {
		t.Fatal(err)
	}
	if w := h.do("GET "+path, "Accept-Encoding: gzip"); w.Body.String() != "<svg/>" {
		t.Errorf("an old one: %q", w.Body)
	}
}

// With nginx before us the same people get the same files, but from nginx.
func TestServe_XAccel(t *testing.T) {
	h := newHouse(t, func(h *house) { h.XAccel = "/static-resource/" })
	w := h.do("GET /presentation/" + open + "/presentation/p-1/textfiles/slide%201%20%E2%80%94%20%C3%BC.txt")
	want := "/static-resource/presentation/" + open + "/presentation/p-1/textfiles/slide%201%20%E2%80%94%20%C3%BC.txt"
	if got := w.Header().Get("X-Accel-Redirect"); got != want || w.Body.Len() > 0 || w.Code != http.StatusOK {
		t.Errorf("%d %s %q", w.Code, got, w.Body)
	}
	w = h.do("GET /video/" + open + "/")
	if got := w.Header().Get("X-Accel-Redirect"); got != "/static-resource/video/"+open+"/index.html" {
		t.Errorf("index: %s", got)
	}
	w = h.do("GET /notes/" + open + "/notes.pdf")
	if got := w.Header().Get("Content-Disposition"); got != "attachment" {
		t.Errorf("notes: %q", got)
	}
	h.barred("protected", h.do("GET /video/"+protected+"/video-0.m4v"))
	for _, path := range []string{hidden + "/video-0.m4v", open + "/none"} {
		h.refused(path, h.do("GET /video/"+path))
	}
	if w := h.do("GET /podcast/" + open + "/"); !strings.Contains(w.Body.String(), "<audio") {
		t.Errorf("the page that is built in: %s", w.Body)
	}
}

// A format without a page of its own gets one that plays what is there.
func TestServe_Shelf(t *testing.T) {
	h := newHouse(t)
	h.write("podcast/"+open+"/a b.mp3", "mp3")
	h.write("podcast/"+open+"/\"><script>.wav", "wav")
	h.write("podcast/"+open+"/words.pdf", "pdf")
	for path, want := range map[string][]string{
		"presentation": {
			`<title>Maths &amp; &lt;b&gt;more&lt;/b&gt;</title>`, `<source src="video/webcams.mp4" type="video/mp4">`,
			`<source src="video/webcams.webm" type="video/webm">`, `<source src="deskshare/deskshare.mp4" type="video/mp4">`,
		},
		"podcast": {
			`<source src="./audio.ogg" type="audio/ogg">`, `<source src="./a%20b.mp3" type="audio/mpeg">`,
			`<a href="./words.pdf">`, "%22%3E%3Cscript%3E.wav",
		},
	} {
		w := h.do("GET /" + path + "/" + open + "/")
		for _, part := range want {
			if !strings.Contains(w.Body.String(), part) {
				t.Errorf("%s: no %s in %s", path, part, w.Body)
			}
		}
		if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || w.Code != http.StatusOK {
			t.Errorf("%s: %d, policy %q", path, w.Code, csp)
		}
		if strings.Contains(w.Body.String(), "<script") || strings.Contains(w.Body.String(), "ZgotmplZ") {
			t.Errorf("%s: %s", path, w.Body)
		}
	}
	if err := os.RemoveAll(filepath.Join(h.dir, "podcast", open)); err != nil {
		t.Fatal(err)
	}
	h.write("podcast/"+open+"/metadata.xml", "<recording/>")
	h.refused("nothing that plays", h.do("GET /podcast/"+open+"/"))
}

// The page that is built in says when the recording was made, and what it does not show.
func TestServe_ShelfTells(t *testing.T) {
	for _, h := range []*house{newHouse(t), newHouse(t, withPlayer)} {
		h.recording(open, func(r *store.Recording) { r.Start = time.Date(2024, 4, 10, 14, 19, 0, 0, time.UTC) })
		want := `<a href="/playback/presentation/2.3/` + open + `">`
		if h.PlayerDir == "" {
			want = "need BigBlueButton's own player"
		}
		body := h.do("GET /presentation/" + open + "/").Body.String()
		if !strings.Contains(body, "10 April 2024, 14:19 UTC") || !strings.Contains(body, want) {
			t.Errorf("no date, or not what it does not show: %s", body)
		}
		if body := h.do("GET /podcast/" + open + "/").Body.String(); strings.Contains(body, "player") {
			t.Errorf("sound alone needs no player: %s", body)
		}
		for _, dir := range []string{"video", "deskshare"} {
			if err := os.RemoveAll(filepath.Join(h.dir, "presentation", open, dir)); err != nil {
				t.Fatal(err)
			}
		}
		if w := h.do("GET /presentation/" + open + "/"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
			t.Errorf("nothing but slides: %d %s", w.Code, w.Body)
		}
	}
}

// When the volume hangs viewers are told to come back, and no file is touched; who would get nothing anyway learns
// nothing.
func TestServe_Hung(t *testing.T) {
	h := newHouse(t, withPlayer)
	h.Library, h.hung = nil, true // would panic
	for _, path := range []string{"/video/" + open + "/", "/video/" + open + "/video-0.m4v", "/playback/presentation/2.3/" + open} {
		w := h.do("GET " + path)
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "60" || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
	}
	h.barred("protected", h.do("GET /video/"+protected+"/video-0.m4v"))
	if got := h.counted(`bbbpool_playback_requests_total{format="video",outcome="hung"}`); got != "2" {
		t.Errorf("counted %q", got)
	}
}

// failing is a library on a disk in trouble.
type failing struct{ err error }

func (f failing) Open(string, string, string) (fs.File, error) { return nil, f.err }

// A disk in trouble is no missing file: viewers come back, operators read why. What the library refuses is one.
func TestServe_Faults(t *testing.T) {
	h := newHouse(t)
	for _, errno := range []error{syscall.EIO, syscall.ESTALE, syscall.EMFILE, syscall.EACCES} {
		h.log.Reset()
		h.Library = failing{&fs.PathError{Op: "open", Path: "x", Err: errno}}
		w := h.do("GET /video/" + open + "/video-0.m4v")
		if w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), errno.Error()) {
			t.Errorf("%v: %d %s", errno, w.Code, w.Body)
		}
		if log := h.log.String(); !strings.Contains(log, errno.Error()) || !strings.Contains(log, `"level":"error"`) {
			t.Errorf("%v: log %s", errno, log)
		}
	}
	for _, err := range []error{fs.ErrNotExist, syscall.ENOTDIR, syscall.ENAMETOOLONG, errors.New("path escapes")} {
		h.Library = failing{err}
		h.refused(err.Error(), h.do("GET /video/"+open+"/video-0.m4v"))
	}
}

// A link in an archive that leads out of it leads nowhere.
func TestServe_Symlink(t *testing.T) {
	h := newHouse(t)
	for name, target := range map[string]string{
		"out": "../../video/" + hidden + "/video-0.m4v", "abs": "/etc/hostname", "loop": "loop", "gone": "none",
	} {
		if err := os.Symlink(target, filepath.Join(h.dir, "video", open, name)); err != nil {
			t.Fatal(err)
		}
		h.refused(name, h.do("GET /video/"+open+"/"+name))
	}
}

// A link in the player's directory that leads out of it leads nowhere, and neither is a player found behind one.
func TestServe_PlayerSymlink(t *testing.T) {
	h := newHouse(t, withPlayer)
	outside := t.TempDir()
	for _, err := range []error{
		os.WriteFile(filepath.Join(outside, "index.html"), []byte("outside"), 0o600),
		os.Symlink(filepath.Join(outside, "index.html"), filepath.Join(h.PlayerDir, "2.3/out.js")),
		os.Symlink("main.js", filepath.Join(h.PlayerDir, "2.3/static/js/in.js")),
		os.Symlink(outside, filepath.Join(h.PlayerDir, "4.0")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	h.nothing("out.js", h.do("GET /playback/presentation/2.3/out.js"))
	if w := h.do("GET /playback/presentation/2.3/static/js/in.js"); w.Body.String() != "script 2.3" {
		t.Errorf("a link that stays inside: %d %s", w.Code, w.Body)
	}
	for version, want := range map[string]string{"4.0": "2.10", "3.0": "2.10"} {
		w := h.do("GET /playback/presentation/" + version + "/" + open)
		if got := w.Header().Get("Location"); got != "/playback/presentation/"+want+"/"+open {
			t.Errorf("%s: %d, leads to %s", version, w.Code, got)
		}
	}
}

// Formats that are called like our own addresses are not served, should the index have one.
func TestServe_Reserved(t *testing.T) {
	h := newHouse(t)
	for _, format := range []string{"api", "metrics", "static-resource", "scalelite"} {
		h.write(format+"/"+open+"/metadata.xml", "<recording/>")
		h.recording(open, func(r *store.Recording) { r.Formats = append(r.Formats, store.Format{Type: format}) })
		h.nothing(format, h.do("GET /"+format+"/"+open+"/metadata.xml"))
		h.nothing(format, h.do("GET /recording/"+open+"/"+format))
	}
}

// Requests and bytes are counted by labels that nobody outside can make up.
func TestServe_Metrics(t *testing.T) {
	h := newHouse(t)
	h.recording(open, func(r *store.Recording) {
		r.Formats = append(r.Formats, store.Format{Type: "site-made-up"})
	})
	for _, path := range []string{
		"/video/" + open + "/video-0.m4v", "/video/" + hidden + "/", "/made-up/" + open + "/", "/x", "/site-made-up/" + open + "/",
	} {
		h.do("GET " + path)
	}
	for name, want := range map[string]string{
		`bbbpool_playback_requests_total{format="video",outcome="served"}`: "1",
		`bbbpool_playback_requests_total{format="video",outcome="denied"}`: "1",
		`bbbpool_playback_requests_total{format="other",outcome="denied"}`: "2",
		`bbbpool_playback_requests_total{format="none",outcome="denied"}`:  "1",
		`bbbpool_playback_bytes_total`:                                     "10",
	} {
		if got := h.counted(name); got != want {
			t.Errorf("%s: %q, want %s", name, got, want)
		}
	}
}

// stuck is a library whose volume stops answering before anybody has noticed.
type stuck chan struct{}

func (s stuck) Open(string, string, string) (fs.File, error) {
	<-s
	return nil, fs.ErrNotExist
}

// When the volume stops answering, those who wait for it are not without end: that would take every thread there is.
func TestServe_Busy(t *testing.T) {
	h := newHouse(t)
	const limit = 4096
	synctest.Test(t, func(*testing.T) {
		volume := make(stuck)
		h.Library = volume
		for range limit {
			go h.do("GET /video/" + open + "/video-0.m4v")
		}
		synctest.Wait()
		if w := h.do("GET /video/" + open + "/video-0.m4v"); w.Code != http.StatusServiceUnavailable {
			t.Errorf("one too many: %d", w.Code)
		}
		close(volume)
		synctest.Wait()
		h.refused("afterwards", h.do("GET /video/"+open+"/none"))
	})
	if got := h.counted(`bbbpool_playback_requests_total{format="video",outcome="busy"}`); got != "1" {
		t.Errorf("counted %q", got)
	}
}
