package playback_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/store"
)

// withOldPlayers adds those that BigBlueButton's servers keep for their oldest recordings.
func withOldPlayers(h *house) {
	withPlayer(h)
	player := &house{t: h.t, dir: h.PlayerDir}
	player.write("0.9.0/playback.html", "player 0.9.0")
	player.write("0.9.0/playback.js", "script 0.9.0")
	player.write("0.81/playback.html", "player 0.81")
}

// An older player that lies beside the present one is used at its own address; where it is not, the present one takes its
// place, for as long as that is so.
func TestOldPlayers(t *testing.T) {
	h := newHouse(t, withOldPlayers)
	for path, want := range map[string]string{
		"/playback/presentation/0.9.0/playback.html?meetingId=ID":      "player 0.9.0",
		"/playback/presentation/0.9.0/playback.html?meetingId=ID&t=9s": "player 0.9.0",
		"/playback/presentation/0.81/playback.html?meetingId=ID":       "player 0.81",
		"/playback/presentation/0.9.0/playback.js":                     "script 0.9.0",
		"/playback/presentation/0.9.0/none.js":                         "",
		"/playback/presentation/0.9.0/ID":                              "/playback/presentation/2.10/ID",
		"/playback/presentation/2.0/playback.html?meetingId=ID&t=9s":   "/playback/presentation/2.3/ID?t=9s",
		"/playback/presentation/playback.html?meetingId=ID":            "/playback/presentation/0.9.0/playback.html?meetingId=ID",
		"/recording/ID/presentation":                                   "/playback/presentation/0.9.0/playback.html?meetingId=ID",
	} {
		h.recording(open, func(r *store.Recording) {
			r.Formats[2].Path = "/playback/presentation/0.9.0/playback.html?meetingId=" + open
		})
		w := h.do("GET " + strings.ReplaceAll(path, "ID", open))
		got := strings.ReplaceAll(w.Header().Get("Location"), open, "ID")
		switch w.Code {
		case http.StatusOK:
			got = w.Body.String()
		case http.StatusMovedPermanently, http.StatusPermanentRedirect:
			t.Errorf("%s leads away for good", path)
		}
		if got != want {
			t.Errorf("%s: %d %q, want %q", path, w.Code, got, want)
		}
	}
}

// What is protected plays with an old player as well: the link leads there, and the cookie goes to the files.
func TestOldPlayers_Protected(t *testing.T) {
	h := newHouse(t, withOldPlayers)
	path := "/playback/presentation/0.9.0/playback.html?meetingId=" + protected
	h.recording(protected, func(r *store.Recording) { r.Formats[2].Path, r.Formats[4].Path = path, path })
	for _, format := range []string{"presentation", "video"} {
		cookie, location := h.follow(h.link(protected, format))
		if location != path {
			t.Errorf("leads to %s", location)
		}
		if w := h.do("GET /presentation/"+protected+"/shapes.svg", cookie); w.Code != http.StatusOK {
			t.Errorf("a file that the player asks for: %d", w.Code)
		}
	}
}

// The player takes all addresses from an element that servers before 1.1 did not write: it is put into what is served,
// and stands in no compressed form of it that is older.
func TestDescription(t *testing.T) {
	const old = "<?xml version=\"1.0\"?>\n<recording>\n<id>x</id><meta><meeting>m</meeting></meta></recording>\n"
	with := func(meeting string) string { return strings.Replace(old, "<recording>", "<recording>"+meeting, 1) }
	h := newHouse(t)
	h.recording(open, func(r *store.Recording) { r.MeetingID, r.Name = `room "1" & <b>`, "Käse\x01" })
	path := "presentation/" + open + "/metadata.xml"
	const meeting = `<meeting id="` + open + `" externalId="room &#34;1&#34; &#38; &#60;b&#62;" name="K&#228;se?" breakout="false"/>`
	for title, c := range map[string]struct{ doc, want string }{
		"old":           {old, with(meeting)},
		"latin1":        {strings.Replace(old, "<id>", "<n>K\xe4se</n><id>", 1), strings.Replace(with(meeting), "<id>", "<n>K\xe4se</n><id>", 1)},
		"has one":       {with("<meeting id='y'/>"), with("<meeting id='y'/>")},
		"has it last":   {strings.Replace(old, "</recording>", "<meeting/></recording>", 1), strings.Replace(old, "</recording>", "<meeting/></recording>", 1)},
		"a comment":     {with("<!-- <meeting> -->"), with(meeting + "<!-- <meeting> -->")},
		"an attribute":  {strings.Replace(old, "<recording>", "<recording a='>'>", 1), strings.Replace(old, "<recording>", "<recording a='>'>"+meeting, 1)},
		"another":       {"<response></response>", "<response></response>"},
		"empty":         {"<recording/>", "<recording/>"},
		"nothing":       {"", ""},
		"broken":        {"<recording><id", "<recording><id"},
		"cut off":       {"<recording><id>", "<recording><id>"},
		"an entity":     {"<recording>&x;</recording>", "<recording>&x;</recording>"},
		"no XML at all": {"\x00\xff\x00", "\x00\xff\x00"},
		"huge":          {old + strings.Repeat(" ", 1<<20), old + strings.Repeat(" ", 1<<20)},
	} {
		h.write(path, c.doc)
		if got := h.do("GET /" + path).Body.String(); got != c.want {
			t.Errorf("%s: %.300s", title, got)
		}
	}
	h.write(path, old)
	h.write(path+".gz", "packed before")
	w := h.do("GET /"+path, "Accept-Encoding: gzip")
	if w.Body.String() != with(meeting) || w.Header().Get("Content-Encoding") != "" {
		t.Errorf("beside a compressed one: %q %v", w.Body, w.Header())
	}
	again := h.do("GET /"+path, "If-None-Match: "+w.Header().Get("ETag"))
	if again.Code != http.StatusNotModified {
		t.Errorf("when it has not changed: %d", again.Code)
	}
	h.recording(open, func(r *store.Recording) { r.Name = "Brot" })
	if w := h.do("GET /"+path, "If-None-Match: "+w.Header().Get("ETag")); !strings.Contains(w.Body.String(), `name="Brot"`) {
		t.Errorf("when it has changed: %d %q", w.Code, w.Body)
	}
}

// nginx knows nothing of what is put in, so it does not get to send it.
func TestDescription_XAccel(t *testing.T) {
	h := newHouse(t, func(h *house) { h.XAccel = "/static" })
	path := "presentation/" + open + "/metadata.xml"
	h.write(path, "<recording></recording>")
	if w := h.do("GET /" + path); !strings.Contains(w.Body.String(), "<meeting ") || w.Header().Get("X-Accel-Redirect") != "" {
		t.Errorf("%q %v", w.Body, w.Header())
	}
}
