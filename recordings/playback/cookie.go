package playback

import (
	"net/http"
	"slices"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// maxCookies bounds how many cookies of one name are tried.
const maxCookies = 4

func cookieName(at place) string { return "recording_" + at.format + "_" + at.recordID }

// admitted tells whether the viewer carries a cookie for what a place names: for its own format, or for another format
// of the recording that starts there.
func (p *Playback) admitted(r *http.Request, at place, rec store.Recording) bool {
	return p.carries(r, at) || slices.ContainsFunc(rec.Formats, func(f store.Format) bool {
		to, _, _ := entrance(rec, f)
		return f.Type != at.format && to.shows(at) && p.carries(r, place{format: f.Type, recordID: rec.RecordID})
	})
}

// carries tells whether the viewer carries a cookie for this format of this recording.
func (p *Playback) carries(r *http.Request, at place) bool {
	cookies := r.CookiesNamed(cookieName(at))
	for _, cookie := range cookies[:min(len(cookies), maxCookies)] {
		if _, ok := p.verify(forCookie, at, cookie.Value); ok {
			return true
		}
	}
	return false
}

// setCookie gives the viewer a cookie for the files, and the same one for the link, which is below another path: there
// it stands for the token when that is spent. A format that starts among the files of another one has it there, too.
func (p *Playback) setCookie(w http.ResponseWriter, r *http.Request, at, to place, value string, expires time.Time) {
	paths := []string{"/" + at.format + "/" + at.recordID, "/recording/" + at.recordID + "/" + at.format}
	if to.format != at.format {
		paths = append(paths, "/"+to.format+"/"+to.recordID)
	}
	for _, path := range paths {
		cookie := &http.Cookie{
			Name: cookieName(at), Value: value, Path: path, HttpOnly: true, SameSite: http.SameSiteLaxMode,
			MaxAge: int(expires.Sub(p.Now()) / time.Second),
		}
		if secure(r) { // without https a browser would not take it so; learning platforms show recordings in frames
			cookie.Secure, cookie.SameSite, cookie.Partitioned = true, http.SameSiteNoneMode, true
		}
		http.SetCookie(w, cookie)
	}
}

// secure tells whether the viewer speaks https, if only to a proxy before us.
func secure(r *http.Request) bool {
	scheme, _ := origin(r)
	return scheme == "https"
}
