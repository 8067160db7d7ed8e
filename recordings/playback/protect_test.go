package playback_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"hash"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/bbbpool/bbbpool/recordings/playback"
	"github.com/bbbpool/bbbpool/store"
)

// forge makes a token by hand.
func forge(header, claims, secret string, algorithm func() hash.Hash) string {
	b64 := base64.RawURLEncoding.EncodeToString
	text := b64([]byte(header)) + "." + b64([]byte(claims))
	if algorithm == nil {
		return text + "."
	}
	mac := hmac.New(algorithm, []byte(secret))
	mac.Write([]byte(text))
	return text + "." + b64(mac.Sum(nil))
}

// ways are the ways to ask for a file.
var ways = []struct{ method, header string }{
	{"GET", "Accept: */*"},
	{"HEAD", "Accept: */*"},
	{"GET", "Range: bytes=0-3"},
	{"GET", "If-None-Match: *"},
	{"GET", "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT"},
	{"GET", "Accept-Encoding: gzip"},
}

// Nobody gets a byte of a protected recording without a cookie for just this format of it, whichever way he asks, nor
// learns what there is of it.
func TestProtected_NoBytes(t *testing.T) {
	h := newHouse(t)
	of := func(id, format string) string {
		cookie, _ := h.follow(h.link(id, format))
		_, value, _ := strings.Cut(cookie, "=")
		return value
	}
	h.now = h.now.Add(-7 * time.Hour)
	expired := map[string]string{}
	for format := range formats {
		expired[format] = of(protected, format)
	}
	h.now = h.now.Add(7 * time.Hour)
	for format := range formats {
		good := of(protected, format)
		link, err := url.Parse(h.link(protected, format))
		if err != nil {
			t.Fatal(err)
		}
		claims := `{"sub":"/` + format + `/` + protected + `","exp":9999999999}`
		secret := h.Secret.Reveal()
		cookies := map[string]string{
			"none":             "",
			"empty":            "-",
			"another's":        of(another, format),
			"expired":          expired[format],
			"tampered":         good[:len(good)-3] + "AAA",
			"cut":              good[:len(good)-3],
			"twice":            good + good,
			"token":            link.Query().Get("token"),
			"alg none":         forge(`{"alg":"none","typ":"JWT"}`, claims, "", nil),
			"alg None":         forge(`{"alg":"None","typ":"JWT"}`, claims, "", nil),
			"HS512":            forge(`{"alg":"HS512","typ":"JWT"}`, claims, secret, sha512.New),
			"empty secret":     forge(`{"alg":"HS256","typ":"JWT"}`, claims, "", sha256.New),
			"no expiry":        forge(`{"alg":"HS256"}`, `{"sub":"/`+format+`/`+protected+`"}`, secret, sha256.New),
			"no subject":       forge(`{"alg":"HS256"}`, `{"exp":9999999999}`, secret, sha256.New),
			"a list as expiry": forge(`{"alg":"HS256"}`, `{"sub":"/`+format+`/`+protected+`","exp":[9]}`, secret, sha256.New),
		}
		for other := range formats {
			if other != format {
				cookies[other+"'s"] = of(protected, other)
			}
		}
		for what, value := range cookies {
			header := "Cookie: recording_" + format + "_" + protected + "=" + value
			if what == "none" {
				header = "X-None: x"
			}
			for name := range files {
				if f, rest, _ := strings.Cut(name, "/"); f == format && !strings.HasPrefix(rest, ".") {
					path := (&url.URL{Path: "/" + format + "/" + protected + "/" + rest}).EscapedPath()
					for _, way := range ways {
						h.barred(what+": "+path, h.do(way.method+" "+path, way.header, header))
					}
				}
			}
			for _, path := range []string{"", "/", "/index.html", "/video/", "/none"} {
				path = "/" + format + "/" + protected + path
				h.barred(what+": "+path, h.do("GET "+path, header))
			}
		}
		// The control: the same forger with the right secret and the right words gets in, so the others failed for cause.
		header := "Cookie: recording_" + format + "_" + protected + "=" + forge(`{"alg":"HS256"}`, claims, secret, sha256.New)
		if w := h.do("GET /"+format+"/"+protected+"/", header); w.Code != http.StatusOK {
			t.Errorf("%s: a cookie as Scalelite makes it: %d", format, w.Code)
		}
	}
}

// A cookie of one recording or format is no good under the name of another one.
func TestProtected_RenamedCookie(t *testing.T) {
	h := newHouse(t)
	cookie, _ := h.follow(h.link(protected, "video"))
	_, value, _ := strings.Cut(cookie, "=")
	for _, path := range []string{"presentation/" + protected + "/metadata.xml", "video/" + another + "/video-0.m4v"} {
		format, rest, _ := strings.Cut(path, "/")
		id, _, _ := strings.Cut(rest, "/")
		h.barred(path, h.do("GET /"+path, "Cookie: recording_"+format+"_"+id+"="+value))
	}
}

// Whoever has a good link gets everything: every file, HEAD, ranges, after a reload and in two tabs.
func TestProtected_GoodLink(t *testing.T) {
	for _, proto := range []string{"http", "https"} {
		h := newHouse(t)
		for format, path := range formats {
			link := h.link(protected, format)
			via := "X-Forwarded-Proto: " + proto
			cookie, location := h.follow(link, via)
			want := strings.ReplaceAll(path, "%s", protected)
			want = strings.Replace(strings.Replace(want, "/playback/video/", "/video/", 1), "/recording/screenshare/", "/screenshare/", 1)
			if location != want {
				t.Errorf("%s leads to %s, want %s", format, location, want)
			}
			for range 2 { // a reload, and a second tab, of the link itself
				if _, again := h.follow(link, via, cookie); again != location {
					t.Errorf("%s: again leads to %s", format, again)
				}
			}
			for name, text := range files {
				f, rest, _ := strings.Cut(name, "/")
				if f != format || strings.HasPrefix(rest, ".") {
					continue
				}
				path := (&url.URL{Path: "/" + format + "/" + protected + "/" + rest}).EscapedPath()
				for _, way := range []struct {
					line, header, body string
					status             int
				}{
					{"GET ", "X-None: x", text, http.StatusOK},
					{"HEAD ", "X-None: x", "", http.StatusOK},
					{"GET ", "Range: bytes=1-2", text[1:3], http.StatusPartialContent},
				} {
					w := h.do(way.line+path, way.header, cookie)
					if w.Code != way.status || w.Body.String() != way.body || w.Header().Get("Cache-Control") != "private, no-cache" {
						t.Errorf("%s%s %s: %d %q %v", way.line, path, way.header, w.Code, w.Body, w.Header())
					}
				}
			}
		}
	}
}

// The cookie is no script's business, goes to the files and to the link alone, and works in a frame where there is https.
func TestProtected_CookieAttributes(t *testing.T) {
	h := newHouse(t)
	for header, want := range map[string]string{
		"X-Forwarded-Proto: https": "; Max-Age=21600; HttpOnly; Secure; SameSite=None; Partitioned",
		"X-Forwarded-Proto: http":  "; Max-Age=21600; HttpOnly; SameSite=Lax",
	} {
		w := h.do("GET "+h.link(protected, "video"), header)
		got := w.Header().Values("Set-Cookie")
		if len(got) != 2 {
			t.Fatalf("cookies %q", got)
		}
		for i, path := range []string{"/video/" + protected, "/recording/" + protected + "/video"} {
			name, rest, _ := strings.Cut(got[i], "=")
			if _, attributes, _ := strings.Cut(rest, ";"); name != "recording_video_"+protected || attributes != " Path="+path+want {
				t.Errorf("%s: %s;%s", header, name, attributes)
			}
		}
		if w.Header().Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("the token goes along as referrer")
		}
	}
}

// A token works once, for its recording and format, for an hour. Looking at the link does not use it up.
func TestProtected_Token(t *testing.T) {
	h := newHouse(t)
	link := h.link(protected, "video")
	token := link[strings.Index(link, "?"):]
	if w := h.do("HEAD " + link); w.Code != http.StatusTemporaryRedirect || len(w.Header().Values("Set-Cookie")) > 0 {
		t.Errorf("HEAD: %d %v", w.Code, w.Header())
	}
	h.barred("another format", h.do("GET /recording/"+protected+"/presentation"+token))
	h.barred("another recording", h.do("GET /recording/"+another+"/video"+token))
	cookie, _ := h.follow(link)
	h.barred("a used token", h.do("GET "+link))
	if !strings.Contains(h.log.String(), `"cause":"the token was used before"`) {
		t.Errorf("the log does not say why: %s", h.log.String())
	}
	_, value, _ := strings.Cut(cookie, "=")
	h.barred("a cookie as token", h.do("GET /recording/"+protected+"/video?token="+value))
	h.barred("no token", h.do("GET /recording/"+protected+"/video"))
	h.barred("an empty token", h.do("GET /recording/"+protected+"/video?token="))
	h.barred("a token on a file", h.do("GET /video/"+protected+"/video-0.m4v"+token))

	link = h.link(protected, "video")
	h.now = h.now.Add(time.Hour)
	h.barred("an expired token", h.do("GET "+link))
	link = h.link(protected, "video")
	h.recording(protected, func(r *store.Recording) { r.State = store.Unpublished })
	h.refused("unpublished meanwhile", h.do("GET "+link))
	h.refused("unpublished meanwhile", h.do("GET /video/"+protected+"/video-0.m4v", cookie))
	if strings.Contains(h.log.String(), token[7:]) || strings.Contains(h.log.String(), value) {
		t.Error("a token or a cookie is in the log")
	}
}

// An unprotected recording is listed with its own path, and listing writes nothing.
func TestLink(t *testing.T) {
	h := newHouse(t)
	if got := h.link(open, "video"); got != "/playback/video/"+open+"/" {
		t.Errorf("link %s", got)
	}
	a, b := h.link(protected, "video"), h.link(protected, "video")
	if a == b || !strings.HasPrefix(a, "/recording/"+protected+"/video?token=") {
		t.Errorf("links %s and %s", a, b)
	}
	if n := len(h.Tokens.(*tokens).spent); n != 0 {
		t.Errorf("%d tokens are written", n)
	}
}

// A store that fails costs nobody a token, and is no 404.
func TestProtected_StoreFails(t *testing.T) {
	h := newHouse(t)
	link := h.link(protected, "video")
	h.hung = true
	if w := h.do("GET " + link); w.Code != http.StatusServiceUnavailable {
		t.Errorf("hung: %d", w.Code)
	}
	h.hung = false
	h.follow(link)
}

// Without a secret nothing starts: everybody could sign with it.
func TestInit_NoSecret(t *testing.T) {
	for _, secret := range []store.Secret{"", "short"} {
		if err := (&playback.Playback{Config: playback.Config{Secret: secret}}).Init(); err == nil {
			t.Errorf("%q was taken", secret.Reveal())
		}
	}
}
