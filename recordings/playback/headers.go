package playback

import (
	"net/http"
	"regexp"
	"strings"
)

// describe says how a file of a recording is to be treated.
func describe(h http.Header, r *http.Request, at place, name string, protected bool) {
	m := mediaOf(name)
	m.describe(h)
	switch {
	case protected:
		h.Set("Cache-Control", "private, no-cache")
	case m.lasting: // by the viewer's browser, and not for long: it may be protected or taken away at any time
		h.Set("Cache-Control", "private, max-age=60")
	}
	switch {
	case name == index && inline[at.format]:
		h.Set("Content-Security-Policy", policy(r, at))
	case m.scripts:
		h.Set("Content-Security-Policy", sandbox)
	}
	if name != index && !inline[at.format] {
		h.Set("Content-Disposition", "attachment")
	}
}

func (m media) describe(h http.Header) {
	h.Set("Content-Type", m.mime)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-cache")
}

// sandbox keeps scripts from running at all: it is for what people made, and what is served from where they log in.
const sandbox = "sandbox"

// hosts are what a host may be to become a source in a policy: nothing that means something else there. Addresses
// of IPv6 cannot be sources.
var hosts = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]{0,252}(:[1-9][0-9]{0,4})?$`)

// sources are those of a page whose own directory is BASE. It keeps its origin, for its cookie, and opens no windows, for
// it could look into those.
const sources = "default-src 'none'; script-src 'unsafe-inline' BASE; style-src 'unsafe-inline' BASE; " +
	"img-src BASE data: blob:; media-src BASE blob:; font-src BASE data:; connect-src BASE; worker-src blob:; " +
	"frame-src 'none'; object-src 'none'; base-uri 'none'; form-action 'none'; " +
	"sandbox allow-scripts allow-same-origin allow-downloads"

// policy is for the page of a format that plays where it is. Its scripts run on the address that all recordings are on,
// with the viewer's cookies for any of them: it reads what belongs to it, and nothing else.
func policy(r *http.Request, at place) string {
	scheme, host := origin(r)
	if !hosts.MatchString(host) {
		return sandbox
	}
	base := scheme + "://" + host + "/" + at.format + "/" + at.recordID + "/"
	return strings.ReplaceAll(sources, "BASE", base)
}

// origin is the scheme and host by which the viewer knows us: what the server has made out, else what the request says.
func origin(r *http.Request) (scheme, host string) {
	switch {
	case r.URL.Host != "":
		return r.URL.Scheme, r.URL.Host
	case r.TLS != nil:
		return "https", r.Host
	}
	return "http", r.Host
}
