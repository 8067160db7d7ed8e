package playback

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/bbbpool/bbbpool/store"
)

// Link is where a front end sends those who watch a format: to where it starts or, for a protected recording, a link that
// works once and for a while. Nothing is written before it is followed. Open must have been called.
func (p *Playback) Link(r store.Recording, f store.Format) string {
	if !r.Protected {
		return start(r, f)
	}
	return p.ticket(r.RecordID, f.Type, nil)
}

// FileLink is where somebody gets one file of a format: its path or, for a protected recording, a link to it that works
// once and for a while. Open must have been called.
func (p *Playback) FileLink(r store.Recording, format, name string) string {
	at := place{kind: file, format: format, recordID: r.RecordID, rest: strings.Split(name, "/")}
	if !r.Protected {
		return at.path()
	}
	return p.ticket(r.RecordID, format, at.rest)
}

// ticket is a link into a format of a protected recording, or to a file of it.
func (p *Playback) ticket(recordID, format string, names []string) string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	token := p.signer().sign(forLink, format, recordID, hex.EncodeToString(id[:]), p.Now().Add(time.Duration(p.TokenTimeout)))
	return address(false, []string{"recording", recordID, format}, names) + "?token=" + url.QueryEscape(token)
}

// enter leads to where a format starts, and lets those in who may see a protected one. A file is sent at once, if one is
// named: who fetches captions may not keep cookies.
func (p *Playback) enter(w *flow, r *http.Request, at place) error {
	rec, f, err := p.published(r.Context(), at)
	if err != nil {
		return err
	}
	query := r.URL.Query()
	token := query.Get("token")
	query.Del("token")
	to, own, _ := entrance(rec, f)
	if len(at.rest) > 0 {
		to = place{kind: file, format: at.format, recordID: at.recordID, rest: at.rest, slash: at.slash}
	}
	if rec.Protected {
		if err := p.letIn(w, r, at, to, token); err != nil {
			return err
		}
	}
	if len(at.rest) > 0 {
		return p.serveAdmitted(w, r, to, rec)
	}
	for name := range own {
		query[name] = own[name]
	}
	w.Header().Set("Vary", "Cookie")
	return redirect(w, http.StatusTemporaryRedirect, to.address(), query)
}

// letIn exchanges a token for a cookie that is good where the format starts. A token that is spent is no harm to the
// browser that has spent it: the cookie that it got lets it in again, as long as it lasts, so that a reload and a second
// tab just work.
func (p *Playback) letIn(w *flow, r *http.Request, at, to place, token string) error {
	now := p.Now()
	claims, good := p.signer().verify(forLink, at, token)
	spend := func() error { return p.Tokens.SpendToken(r.Context(), claims.ID, now, claims.ExpiresAt.Time) }
	if !good && r.Method != http.MethodHead && p.Former != nil && formerToken.MatchString(token) {
		good = true // as far as can be told before it is spent
		spend = func() error { return p.Former.TakeLink(r.Context(), token, at.recordID, at.format) }
	}
	switch {
	case good && r.Method == http.MethodHead:
		return nil // somebody only looks whether the link works: a mail filter, a chat that makes a preview
	case good && p.Gone():
		return errHung // what the viewer would find there; the token stays good
	case good && p.sight.gone(now) != nil: // nobody knows whether the recording may still be seen
		if p.carries(r, at) {
			return nil
		}
		return errUnsure
	case good:
		err := spend()
		if err == nil {
			expires := now.Add(time.Duration(p.CookieTimeout))
			p.setCookie(w, r, at, to, p.signer().sign(forCookie, at.format, at.recordID, "", expires), expires)
			return nil
		}
		if errors.Is(err, store.ErrAway) && !p.carries(r, at) {
			return fmt.Errorf("%w: spend the token for recording %s: %w", errUnsure, at.recordID, err)
		}
		if store.Ignore(err, store.ErrExists, store.ErrAway, store.ErrNotFound) != nil {
			return fmt.Errorf("spend the token for recording %s: %w", at.recordID, err)
		}
		good = !errors.Is(err, store.ErrNotFound)
	}
	switch {
	case p.carries(r, at):
		return nil
	case good:
		return barred("the token was used before")
	case token == "":
		return barred("the recording is protected, and there is no token")
	}
	return barred("the token is not valid, or too old")
}

// Former are the links that Scalelite has given out before the pool took over: whoever has one open goes on with it.
type Former interface {
	// TakeLink uses up a link that is for this format of this recording. It returns store.ErrNotFound where there is none, and
	// store.ErrAway where that cannot be told.
	TakeLink(ctx context.Context, token, recordID, format string) error
}

// formerToken is what the tokens in such links look like. None of ours does.
var formerToken = regexp.MustCompile(`^[0-9a-f]{64}$`)

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
		if _, ok := p.signer().verify(forCookie, at, cookie.Value); ok {
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
