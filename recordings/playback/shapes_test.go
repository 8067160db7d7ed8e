package playback_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/bbbpool/bbbpool/recordings/playback"
	"github.com/bbbpool/bbbpool/store"
)

// withPlayer adds players of two versions.
func withPlayer(h *house) {
	h.PlayerDir = h.t.TempDir()
	player := &house{t: h.t, dir: h.PlayerDir}
	player.write("2.3/index.html", "player 2.3")
	player.write("2.3/static/js/main.js", "script 2.3")
	player.write("2.10/index.html", "player 2.10")
	player.write("2.9/readme", "no player")
}

// Every address that BigBlueButton or Scalelite has ever handed out leads to the recording.
func TestShapes(t *testing.T) {
	plain, player := newHouse(t), newHouse(t, withPlayer)
	const there, found, ok = http.StatusTemporaryRedirect, http.StatusFound, http.StatusOK
	for _, c := range []struct {
		h      *house
		path   string
		status int
		want   string // the Location or, with 200, the body
	}{
		{plain, "/presentation/ID/metadata.xml", ok, "<recording/>"},
		{plain, "/presentation/ID/presentation/p-1/textfiles/slide%201%20%E2%80%94%20%C3%BC.txt", ok, "text"},
		{plain, "/podcast/ID/audio.ogg", ok, "0123456789"},
		{plain, "/video/ID/", ok, "<video>"},
		{plain, "/video/ID", there, "/video/ID/"},
		{plain, "/video/ID?t=5", there, "/video/ID/?t=5"},
		{plain, "/video/ID/sub", there, "/video/ID/sub/"},
		{plain, "/video/ID/sub/", ok, "<p>sub</p>"},
		{plain, "/video/ID/index.html", ok, "<video>"},
		{plain, "/playback/video/ID/", there, "/video/ID/"},
		{plain, "/playback/video/ID", there, "/video/ID/"},
		{plain, "/playback/video/ID/video-0.m4v?a=b", there, "/video/ID/video-0.m4v?a=b"},
		{plain, "/playback/presentation/ID/", there, "/presentation/ID/"},
		{plain, "/recording/screenshare/ID/", there, "/screenshare/ID/"},
		{plain, "/recording/screenshare/ID/screenshare.webm", there, "/screenshare/ID/screenshare.webm"},
		{plain, "/recording/video/ID/", there, "/video/ID/"},
		{plain, "/recording/ID/video", there, "/video/ID/"},
		{plain, "/recording/ID/video/", there, "/video/ID/"},
		{plain, "/recording/ID/notes?token=x&t=1m", there, "/notes/ID/notes.pdf?t=1m"},
		{plain, "/recording/ID/presentation?t=1h2m&locale=de", there, "/playback/presentation/2.3/ID?locale=de&t=1h2m"},
		{plain, "/playback/presentation/2.0/playback.html?meetingId=ID", found, "/playback/presentation/2.3/ID"},
		{plain, "/playback/presentation/0.81/playback.html?meetingId=ID&t=9s", found, "/playback/presentation/2.3/ID?t=9s"},
		{plain, "/playback/presentation/0.9.0/playback.html?meetingId=ID", found, "/playback/presentation/2.3/ID"},
		{plain, "/playback/presentation/playback.html?meetingId=ID", found, "/playback/presentation/2.3/ID"},
		{plain, "/playback/presentation/2.3/ID?t=5s", found, "/presentation/ID/?t=5s"},
		{plain, "/playback/presentation/3.0/ID/", found, "/presentation/ID/"},
		{player, "/playback/presentation/2.3/ID", ok, "player 2.3"},
		{player, "/playback/presentation/2.3/ID/more?t=5s", ok, "player 2.3"},
		{player, "/playback/presentation/2.3/", ok, "player 2.3"},
		{player, "/playback/presentation/2.3/static/js/main.js", ok, "script 2.3"},
		{player, "/playback/presentation/2.10/ID", ok, "player 2.10"},
		{player, "/playback/presentation/2.9/ID?t=5s", found, "/playback/presentation/2.10/ID?t=5s"},
		{player, "/playback/presentation/3.0/static/js/main.js", found, "/playback/presentation/2.10/static/js/main.js"},
	} {
		path, want := strings.ReplaceAll(c.path, "ID", open), strings.ReplaceAll(c.want, "ID", open)
		w := c.h.do("GET " + path)
		got := w.Header().Get("Location")
		if c.status == ok {
			got = w.Body.String()
		}
		if w.Code != c.status || got != want {
			t.Errorf("%s: %d %q, want %d %q", path, w.Code, got, c.status, want)
		}
		if head := c.h.do("HEAD " + path); head.Code != c.status {
			t.Errorf("HEAD %s: %d", path, head.Code)
		}
	}
}

// What is no address of a recording at all does not claim to be one.
func TestShapes_Nothing(t *testing.T) {
	plain, player := newHouse(t), newHouse(t, withPlayer)
	for _, path := range []string{
		"/favicon.ico", "/wp-login.php", "/presentation", "/presentation/", "/recording/", "/recording/ID", "/playback/",
		"/playback/video", "/wp-content/plugins", "/a/b/c", "/playback/presentation/playback.html",
		"/playback/presentation/2.0/playback.html?meetingId=../x", "/playback/presentation/2.0/playback.html?meetingId=/evil.test",
		"/playback/presentation/2.3/", "/" + strings.Repeat("a/", 100), "/Presentation/ID/metadata.xml",
		"/presentation/ID/.hidden", "/presentation/ID/" + strings.Repeat("a", 300),
	} {
		plain.nothing(path, plain.do("GET "+strings.ReplaceAll(path, "ID", open)))
	}
	for _, path := range []string{"/playback/presentation/2.3/static/js/none.js", "/playback/presentation/2.3/%2e%2e/x"} {
		player.nothing(path, player.do("GET "+path))
	}
}

// What may be the address of a recording, and is of none that plays, is answered alike, whatever is wrong with it.
func TestShapes_NoRecording(t *testing.T) {
	plain := newHouse(t)
	for _, path := range []string{
		"/presentation/ID/none.xml", "/presentation/ID/metadata.xml/", "/presentation/ID/metadata.xml/x",
		"/presentation/ID/video", "/presentation/ID/video/",
		"/secret/ID/metadata.xml", "/secret/ID/", "/recording/ID/secret", "/recording/ID/none",
		"/presentation/" + hidden + "/metadata.xml", "/presentation/" + deleted + "/metadata.xml",
		"/presentation/" + early + "/metadata.xml", "/presentation/" + hidden, "/recording/" + hidden + "/presentation",
		"/presentation/" + hidden + "/presentation/p-1/thumbnails/thumb-1.png",
	} {
		plain.refused(path, plain.do("GET "+strings.ReplaceAll(path, "ID", open)))
	}
	path := "/presentation/" + protected + "/presentation/p-1/thumbnails/thumb-1.png"
	plain.barred(path, plain.do("GET "+path))
}

// tricks are ways to write a path that something on the way may read differently.
var tricks = []string{
	"/video/OTHER/../ID/x", "/video/OTHER/%2e%2e/ID/video-0.m4v", "/video/OTHER/%2e%2e%2fID/video-0.m4v",
	"/video/OTHER/..%2fID/video-0.m4v", "/video/OTHER%2f..%2fID/video-0.m4v", "/video/OTHER/..%5cID/video-0.m4v",
	"/video/OTHER/..\\ID\\video-0.m4v", "/video/OTHER/%252e%252e/ID/video-0.m4v", "/video//ID/video-0.m4v",
	"//video/ID/video-0.m4v", "/video/./ID/video-0.m4v", "/video/%2e/ID/video-0.m4v", "/video/ID/video-0.m4v%00",
	"/video/ID%00/video-0.m4v", "/video/ID/video-0.m4v%00.png", "/video/ID/video-0.m4v.", "/video/ID./video-0.m4v",
	"/video/ID/video-0.m4v%20", "/video/ID/VIDEO-0.M4V", "/VIDEO/ID/video-0.m4v", "/video/ID;x/video-0.m4v",
	"/video/ID/video-0.m4v;x", "/video/%49%44/video-0.m4v", "/%76ideo/ID/video-0.m4v", "/video/ID/video-0.m4v%2f",
	"/video%2fID/video-0.m4v", "/%2fvideo/ID/video-0.m4v", "http://pool.test/video/ID/video-0.m4v",
	"http://evil.test/video/ID/video-0.m4v", "/video/OTHER/sub/../../ID/video-0.m4v", "/video/ID/%c0%ae%c0%ae/x",
	"/video/OTHER/%u002e%u002e/ID/video-0.m4v", "/playback/video/ID/video-0.m4v", "/recording/video/ID/video-0.m4v",
	"/recording/screenshare/ID/screenshare.webm", "/playback/presentation/ID/metadata.xml", "/video/ID/sub/../video-0.m4v",
	"/playback/presentation/2.3/../../../video/ID/video-0.m4v", "/playback/presentation/2.3/%2e%2e/%2e%2e/video/ID/video-0.m4v",
	"/static-resource/video/ID/video-0.m4v", "/video/ID/video-0.m4v?token=x", "/video/ID//video-0.m4v", "/video/ID/video-0.m4v//",
}

// No way to write the path of a protected or an unpublished file gets at it, not even with the cookie of another one.
func TestTricks(t *testing.T) {
	for _, accel := range []string{"", "/static-resource"} {
		h := newHouse(t, func(h *house) { h.XAccel = accel }, withPlayer)
		cookie, _ := h.follow(h.link(another, "video"))
		for _, id := range []string{protected, hidden, deleted, early} {
			for _, path := range tricks {
				path = strings.ReplaceAll(strings.ReplaceAll(path, "OTHER", another), "ID", id)
				w := h.do("GET "+path, cookie)
				for range 5 { // to where it is redirected, which proves nothing yet
					if w == nil || w.Code/100 != 3 {
						break
					}
					location := w.Header().Get("Location")
					if !strings.HasPrefix(location, "/") || strings.HasPrefix(location, "//") {
						t.Fatalf("%s is redirected to %s", path, location)
					}
					w = h.do("GET "+location, cookie)
				}
				switch {
				case w == nil:
				case strings.Contains(w.Body.String(), "There is nothing here"):
					h.nothing(path, w)
				case id == protected && strings.Contains(w.Body.String(), "This recording is protected"):
					h.barred(path, w)
				default:
					h.refused(path, w)
				}
			}
		}
	}
}

// Where a recording starts comes out of its archive. It leads to that recording, or is not followed.
func TestEntrance_Hostile(t *testing.T) {
	h := newHouse(t)
	for _, path := range []string{
		"//evil.test/x", "https://evil.test/", "/\\evil.test", "javascript:alert(1)", "/bigbluebutton/api/end", "", "x", "%zz",
		"/video/" + another + "/", "/recording/" + open + "/video", "/video/" + open + "/../../x", "/playback/presentation/2.3/" + another,
		"/video/" + open + "/%0d%0aSet-Cookie:x", "/podcast/" + open + "/audio.ogg",
	} {
		h.recording(open, func(r *store.Recording) {
			r.Formats = []store.Format{{Type: "video", Path: path}}
		})
		w := h.do("GET /recording/" + open + "/video?a=%0d%0aX:y&next=//evil.test")
		if got, want := w.Header().Get("Location"), "/video/"+open+"/?a=%0D%0AX%3Ay&next=%2F%2Fevil.test"; got != want {
			t.Errorf("%q leads to %s", path, got)
		}
	}
	h.recording(open, func(r *store.Recording) {
		r.Formats[0].Path = "/video/" + open + "/video-0.m4v?quality=low"
	})
	w := h.do("GET /recording/" + open + "/video?t=5&quality=high")
	if got, want := w.Header().Get("Location"), "/video/"+open+"/video-0.m4v?quality=low&t=5"; got != want {
		t.Errorf("leads to %s, want %s", got, want)
	}
}

// Recordings are read and nothing else.
func TestMethods(t *testing.T) {
	h := newHouse(t)
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"} {
		for _, path := range []string{"/video/" + open + "/", "/recording/" + protected + "/video", "/none"} {
			w := h.do(method + " " + path)
			if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s: %d", method, path, w.Code)
			}
		}
	}
}

// A directory without a player is found out at the start, and not by the first viewer.
func TestConfig_Validate(t *testing.T) {
	good := playback.Config{TokenTimeout: playback.Minutes(60e9), CookieTimeout: playback.Minutes(60e9)}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	h := newHouse(t, withPlayer)
	for want, change := range map[string]func(*playback.Config){
		"":                           func(c *playback.Config) { c.PlayerDir = h.PlayerDir },
		"--player-dir":               func(c *playback.Config) { c.PlayerDir = t.TempDir() },
		"--x-accel":                  func(c *playback.Config) { c.XAccel = "static" },
		"--recording-token-timeout":  func(c *playback.Config) { c.TokenTimeout = 0 },
		"--recording-cookie-timeout": func(c *playback.Config) { c.CookieTimeout = -1 },
		"--recording-secret":         func(c *playback.Config) { c.Secret = "short" },
	} {
		c := good
		change(&c)
		if err := c.Validate(); (err == nil) != (want == "") || err != nil && !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
