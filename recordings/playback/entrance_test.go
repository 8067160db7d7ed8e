package playback_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/store"
)

// A format may be a file that lies with another format: it plays by its path, by its name and, once it is protected, by
// its link, which opens this file and nothing else.
func TestEntrance_Elsewhere(t *testing.T) {
	for _, id := range []string{open, protected} {
		h := newHouse(t)
		path := "/presentation/" + id + "/video/webcams.mp4"
		h.recording(id, func(r *store.Recording) { r.Formats[4].Path = path })
		cookie, location := h.follow("/recording/" + id + "/video?" + query(h.link(id, "video")))
		if location != path {
			t.Errorf("leads to %s", location)
		}
		if w := h.do("GET "+location, cookie); w.Code != http.StatusOK || w.Body.String() != "0123456789" {
			t.Errorf("the film: %d %q", w.Code, w.Body)
		}
		if w := h.do("GET "+location, "Range: bytes=0-1", cookie); w.Body.String() != "01" {
			t.Errorf("a piece of the film: %q", w.Body)
		}
		if _, again := h.follow("/recording/"+id+"/video", cookie); again != path {
			t.Errorf("a reload leads to %s", again)
		}
		if id == open {
			continue
		}
		for _, other := range []string{"metadata.xml", "video/webcams.webm", "video/", "", "video/webcams.mp4/x"} {
			w := h.do("GET /presentation/"+id+"/"+other, cookie)
			if h.barred(other, w); w.Code == http.StatusOK {
				t.Errorf("%s: it opens more than the film", other)
			}
		}
		h.barred("another recording", h.do("GET "+strings.ReplaceAll(path, id, another), cookie))
	}
}

// A page that lies with another format is made of what lies with it.
func TestEntrance_PageElsewhere(t *testing.T) {
	h := newHouse(t)
	for start, others := range map[string]map[string]int{
		"video/sub/index.html": {"video/sub/index.html": 200, "video/video-0.m4v": 404},
		"video/sub/":           {"video/sub/": 200, "video/metadata.xml": 404},
		"video/":               {"video/": 200, "video/video-0.m4v": 200, "video/sub/": 200, "presentation/metadata.xml": 404},
	} {
		h.recording(protected, func(r *store.Recording) {
			r.Formats[0].Path = strings.Replace("/"+start, "/video/", "/video/"+protected+"/", 1) // of the notes
		})
		cookie, _ := h.follow(h.link(protected, "notes"))
		for path, want := range others {
			format, rest, _ := strings.Cut(path, "/")
			if w := h.do("GET /"+format+"/"+protected+"/"+rest, cookie); w.Code != want {
				t.Errorf("what starts at %s: %s: %d", start, path, w.Code)
			}
		}
	}
}

// The address that front ends get plays, whatever an old script has written down.
func TestLink_Old(t *testing.T) {
	h := newHouse(t)
	const own = "/slides/ID/"
	for path, want := range map[string]string{
		"/playback/slides/playback.html?meetingId=ID": own,

		"/download/ID.zip":              own,
		"/webinar/ID/ID.mp4":            own,
		"/recording/ID/slides":          own,
		"https://evil.test/slides/ID/":  own,
		"//evil.test/slides/ID/":        own,
		"/playback/slides/ID/":          "/playback/slides/ID/",
		"/slides/ID/slides.html?x=1":    "/slides/ID/slides.html?x=1",
		"/video/ID/video-0.m4v":         "/video/ID/video-0.m4v",
		"/playback/presentation/2.3/ID": "/playback/presentation/2.3/ID",
	} {
		h.recording(open, func(r *store.Recording) {
			r.Formats = append(r.Formats[:5:5], store.Format{Type: "slides", Path: strings.ReplaceAll(path, "ID", open)})
		})
		if got := strings.ReplaceAll(h.link(open, "slides"), open, "ID"); got != want {
			t.Errorf("%s: handed out as %s, want %s", path, got, want)
		}
	}
}

// query is what a link has behind the question mark.
func query(link string) string {
	_, q, _ := strings.Cut(link, "?")
	return q
}

// One file of a format can be linked to: an open one by its path; a protected one by a link that works once, sends the file
// without asking for a cookie to be kept, and gives one nevertheless.
func TestFileLink(t *testing.T) {
	h := newHouse(t)
	of := func(id string) store.Recording {
		r, err := h.Recordings.Recording(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if got := h.FileLink(of(open), "presentation", "video/webcams.mp4"); got != "/presentation/"+open+"/video/webcams.mp4" {
		t.Errorf("open: %s", got)
	}
	link := h.FileLink(of(protected), "presentation", "shapes.svg")
	if !strings.HasPrefix(link, "/recording/"+protected+"/presentation/shapes.svg?token=") {
		t.Errorf("protected: %s", link)
	}
	w := h.do("GET " + link)
	if w.Code != http.StatusOK || w.Body.String() != "<svg/>" || w.Header().Get("Cache-Control") != "private, no-cache" {
		t.Errorf("%d %q %v", w.Code, w.Body, w.Header())
	}
	h.barred("the same link once more", h.do("GET "+link))
	cookie := "Cookie: " + strings.Split(w.Header().Get("Set-Cookie"), ";")[0]
	if w := h.do("GET "+link, cookie); w.Code != http.StatusOK {
		t.Errorf("the same link in the same browser: %d", w.Code)
	}
	h.barred("without a token", h.do("GET /recording/"+protected+"/presentation/shapes.svg"))
	h.barred("of another format", h.do("GET /recording/"+protected+"/video/video-0.m4v?"+query(h.FileLink(of(protected), "notes", "notes.pdf"))))
	for _, path := range []string{"none.xml", "video", "shapes.svg/"} {
		fresh := query(h.FileLink(of(protected), "presentation", "shapes.svg"))
		h.refused(path, withoutCookies(h.do("GET /recording/"+protected+"/presentation/"+path+"?"+fresh)))
	}
	h.nothing("hidden", h.do("GET /recording/"+protected+"/presentation/.hidden?"+query(h.FileLink(of(protected), "presentation", "x"))))
	if w := h.do("GET /recording/" + open + "/presentation/shapes.svg"); w.Body.String() != "<svg/>" {
		t.Errorf("an open one: %d %q", w.Code, w.Body)
	}
}

// withoutCookies is an answer without the cookies that came along.
func withoutCookies(w *httptest.ResponseRecorder) *httptest.ResponseRecorder {
	w.Header().Del("Set-Cookie")
	return w
}
