package simulator

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/bbbpool/bbbpool/api/bbb"
	"github.com/bbbpool/bbbpool/api/simulator/rooms"
)

// browser is what a join answers to the browser that makes it: where to go, whether it has succeeded or not.
type browser struct{ origin string }

// clientURL is where the client shows somebody the meeting.
func (b browser) clientURL(p bbb.Params, someone *rooms.Person) string {
	if p.Get("enforceLayout") != "" {
		return b.origin + "/html5client?waitLayout=1&sessionToken=" + someone.Session
	}
	return b.origin + "/html5client?sessionToken=" + someone.Session
}

// setCookie makes the browser known, as Tomcat does. Nothing asks for it.
func (browser) setCookie(w http.ResponseWriter) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // not secure: there is no TLS here
		Name: "JSESSIONID", Value: strings.ToUpper(rooms.RandomText(32, "0123456789abcdef")), Path: "/bigbluebutton",
		HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// redirectClient sends the browser to the client.
func (b browser) redirectClient(w http.ResponseWriter, p bbb.Params, someone *rooms.Person) {
	b.setCookie(w)
	redirect(w, b.clientURL(p, someone))
}

// joinError answers with XML if the caller wants no redirect.
func (b browser) joinError(w http.ResponseWriter, p bbb.Params, e *bbb.Error) {
	if truth(p.Get("redirect"), true) {
		b.redirectError(w, p, e)
		return
	}
	fail(w, e)
}

var noTokens = strings.NewReplacer("%%MEETINGID%%", "", "%%USERID%%", "", "%%USERNAME%%", "")

// redirectError sends the browser away with the error in the query.
func (b browser) redirectError(w http.ResponseWriter, p bbb.Params, e *bbb.Error) {
	target := b.origin
	for _, name := range []string{"logoutURL", "errorRedirectUrl"} { // the latter wins
		if link := noTokens.Replace(p.Get(name)); rooms.IsURL(link) {
			target = link
		}
	}
	type entry struct {
		Key     string `json:"key"`
		Message string `json:"message"`
	}
	list := rooms.EncodeJSON([]entry{{e.Key, e.Message}})
	u, err := url.Parse(target)
	if err != nil {
		fail(w, e)
		return
	}
	if u.RawQuery != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += "errors=" + url.QueryEscape(string(list))
	redirect(w, u.String())
}
