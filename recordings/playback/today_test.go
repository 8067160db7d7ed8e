package playback_test

import (
	"net/http"
	"strings"
	"testing"
)

// today are files that presentations have since BigBlueButton 3.0, and from 4.1 on. What was pasted is referred to from chat,
// whiteboard and notes by its path from the root of the host.
var today = map[string]string{ // their types
	"layout.xml":                            "text/xml; charset=utf-8",
	"caption_de.vtt":                        "text/vtt; charset=utf-8",
	"caption_pt-BR.vtt":                     "text/vtt; charset=utf-8",
	"captions.json":                         "application/json",
	"file-uploads/0a1b-2c.png":              "image/png",
	"file-uploads/0a1b.JPEG":                "image/jpeg",
	"file-uploads/anim.gif":                 "image/gif",
	"file-uploads/drawing.svg":              "image/svg+xml; charset=utf-8",
	"file-uploads/picture.webp":             "image/webp",
	"file-uploads/picture.bmp":              "image/bmp",
	"file-uploads/0123456789abcdef":         "application/octet-stream",
	"file-uploads/page.html":                "text/html; charset=utf-8",
	"file-uploads/with%20blank%20%E2%80%94": "application/octet-stream",
}

// withToday is a house whose presentations have them.
func withToday(t *testing.T) *house {
	h := newHouse(t)
	for _, id := range []string{open, protected, hidden} {
		for name := range today {
			h.write("presentation/"+id+"/"+strings.NewReplacer("%20", " ", "%E2%80%94", "—").Replace(name), "0123456789")
		}
	}
	return h
}

// They are served where the player and what people wrote look for them, whole and in ranges, each with its type, and none of
// them as a page that runs.
func TestServe_FilesOfToday(t *testing.T) {
	h := withToday(t)
	for name, mime := range today {
		path := "/presentation/" + open + "/" + name
		w := h.do("GET " + path)
		if w.Code != http.StatusOK || w.Body.String() != "0123456789" || w.Header().Get("Content-Type") != mime ||
			w.Header().Get("X-Content-Type-Options") != "nosniff" || w.Header().Get("Content-Disposition") != "" {
			t.Errorf("%s: %d %v", name, w.Code, w.Header())
		}
		if scripts := strings.HasSuffix(name, ".svg") || strings.HasSuffix(name, "ml"); (w.Header().Get("Content-Security-Policy") == "sandbox") != scripts {
			t.Errorf("%s: %v", name, w.Header())
		}
		if part := h.do("GET "+path, "Range: bytes=2-4"); part.Code != http.StatusPartialContent || part.Body.String() != "234" ||
			part.Header().Get("Content-Range") != "bytes 2-4/10" {
			t.Errorf("%s: %d %q %v", name, part.Code, part.Body, part.Header())
		}
		if head := h.do("HEAD " + path); head.Code != http.StatusOK || head.Body.Len() != 0 || head.Header().Get("Content-Length") != "10" {
			t.Errorf("%s: %d %v", name, head.Code, head.Header())
		}
		h.refused("unpublished "+name, h.do("GET /presentation/"+hidden+"/"+name))
	}
	h.refused("the directory", h.do("GET /presentation/"+open+"/file-uploads/"))
	h.refused("one that is not there", h.do("GET /presentation/"+open+"/file-uploads/none.png"))
}

// Of a protected recording they are for those alone who came by a link of the front end's.
func TestProtected_FilesOfToday(t *testing.T) {
	h := withToday(t)
	cookie, _ := h.follow(h.link(protected, "presentation"))
	stranger, _ := h.follow(h.link(another, "presentation"))
	for name := range today {
		path := "/presentation/" + protected + "/" + name
		for _, way := range ways {
			h.barred(name, h.do(way.method+" "+path, way.header))
			h.barred(name, h.do(way.method+" "+path, way.header, stranger))
		}
		if w := h.do("GET "+path, cookie); w.Code != http.StatusOK || w.Header().Get("Cache-Control") != "private, no-cache" {
			t.Errorf("%s: %d %v", name, w.Code, w.Header())
		}
		if w := h.do("GET "+path, cookie, "Range: bytes=0-0"); w.Code != http.StatusPartialContent || w.Body.String() != "0" {
			t.Errorf("%s: %d %q", name, w.Code, w.Body)
		}
	}
}
