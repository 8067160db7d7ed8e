package playback_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/store"
)

// described is a description as a server writes it for a meeting that it knows by an ID of the pool's, with what is asked
// for in its metadata.
func described(id, meta string) string {
	return "<?xml version=\"1.0\"?>\n<recording>\n  <id>" + open + "</id>\n  <meeting id=\"" + open + "\" externalId=\"" + id +
		"\" name=' externalId=\"physics_room\"' breakout=\"false\"/>\n  <meta>\n    <meetingId>" + id + "</meetingId>\n" + meta +
		"    <title>physics_room</title>\n  </meta>\n</recording>\n"
}

const (
	marks = "    <bbbpool-tenant>physics</bbbpool-tenant>\n    <bbbpool-meeting-id>R&amp;D &lt;1&gt;</bbbpool-meeting-id>\n"
	shown = "R&#38;D &#60;1&#62;"
)

// A description that is served has the front end's ID of the meeting, and nothing in it that is the pool's; the file stays
// as its server wrote it.
func TestDescription_Alias(t *testing.T) {
	h := newHouse(t)
	h.recording(open, func(r *store.Recording) { r.MeetingID = "R&D <1>" })
	for title, c := range map[string]struct{ doc, want string }{
		"of a scoped tenant":   {described("physics_room", marks), described(shown, "")},
		"in single quotes":     {strings.ReplaceAll(described("physics_room", marks), `externalId="physics_room" `, `externalId = 'physics_room' `), strings.ReplaceAll(described(shown, ""), `externalId="`+shown+`" `, `externalId = '`+shown+`' `)},
		"of an unscoped one":   {described("room", "    <bbbpool-tenant>physics</bbbpool-tenant>\n"), described("room", "")},
		"in Scalelite's words": {described("room", "<tenant-id>1</tenant-id><tenant-name>x</tenant-name>"), described("room", "")},
		"to be kept":           {described("room", "<bbbpool-keep>true</bbbpool-keep>"), described("room", "<bbbpool-keep>true</bbbpool-keep>")},
		"empty marks":          {described("room", "<bbbpool-tenant/>"), described("room", "")},
		"deeper marks":         {described("room", "<a><bbbpool-tenant>x</bbbpool-tenant></a>"), described("room", "<a><bbbpool-tenant>x</bbbpool-tenant></a>")},
		"no meeting":           {"<recording><meta><bbbpool-meeting-id>x</bbbpool-meeting-id><meetingId/></meta></recording>", `<recording><meeting id="` + open + `" externalId="` + shown + `" name="Maths &#38; &#60;b&#62;more&#60;/b&#62;" breakout="false"/><meta><meetingId/></meta></recording>`},
		"latin1":               {strings.ReplaceAll(described("physics_room", marks), "title>", "K\xe4se>"), strings.ReplaceAll(described(shown, ""), "title>", "K\xe4se>")},
	} {
		for _, format := range []string{"presentation", "video", "podcast"} {
			path := format + "/" + open + "/metadata.xml"
			h.write(path, c.doc)
			if got := h.do("GET /" + path).Body.String(); tidy(got) != tidy(c.want) {
				t.Errorf("%s: got %s\nwant %s", title, got, c.want)
			}
			if kept, err := h.Library.Open(open, format, "metadata.xml"); err != nil {
				t.Error(err)
			} else if info, err := kept.Stat(); err != nil || info.Size() != int64(len(c.doc)) {
				t.Errorf("%s: the file has changed", title)
			}
		}
	}
}

// tidy is a document without the white space that nobody minds.
func tidy(doc string) string { return strings.Join(strings.Fields(doc), " ") }

// A breakout room has its parent's metadata, and keeps its own ID.
func TestDescription_AliasOfBreakout(t *testing.T) {
	h := newHouse(t)
	h.recording(open, func(r *store.Recording) { r.MeetingID, r.Breakout = "4711", &store.Breakout{Parent: "i"} })
	path := "presentation/" + open + "/metadata.xml"
	h.write(path, described("4711", marks))
	if got := h.do("GET /" + path).Body.String(); tidy(got) != tidy(described("4711", "")) {
		t.Error(got)
	}
}

// What is sent is what its length, its tag and its ranges say, and no way leads to what the server wrote.
func TestDescription_AliasHeaders(t *testing.T) {
	for _, accel := range []string{"", "/static"} {
		h := newHouse(t, func(h *house) { h.XAccel = accel })
		h.recording(open, func(r *store.Recording) { r.MeetingID = "R&D <1>" })
		path := "presentation/" + open + "/metadata.xml"
		h.write(path, described("physics_room", marks))
		h.write(path+".gz", "physics_room, packed")
		whole := h.do("GET /"+path, "Accept-Encoding: gzip")
		body := whole.Body.String()
		if tidy(body) != tidy(described(shown, "")) || whole.Header().Get("Content-Length") != strconv.Itoa(len(body)) {
			t.Errorf("%v %s", whole.Header(), body)
		}
		part := h.do("GET /"+path, "Range: bytes=100-199")
		if part.Code != http.StatusPartialContent || part.Body.String() != body[100:200] {
			t.Errorf("a part: %d %q", part.Code, part.Body)
		}
		if w := h.do("GET /"+path, "If-None-Match: "+whole.Header().Get("ETag")); w.Code != http.StatusNotModified {
			t.Errorf("unchanged: %d", w.Code)
		}
		if w := h.do("HEAD /" + path); w.Header().Get("Content-Length") != strconv.Itoa(len(body)) {
			t.Errorf("head: %v", w.Header())
		}
		h.refused("the packed one", h.do("GET /"+path+".gz"))
	}
}
