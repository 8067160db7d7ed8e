package playback

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/bbbpool/bbbpool/store"
)

// purpose is what a signature is for. Each has a key of its own, so that one can never stand in for the other.
type purpose int

const (
	forLink   purpose = iota // in the address that a front end hands out
	forCookie                // in the browser of whoever has followed it
)

// linkLabel is what the key for links is derived with.
const linkLabel = "bbbpool link to a recording"

func (p *Playback) initTokens() {
	secret := []byte(p.Secret.Reveal())
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(linkLabel))
	// Cookies are signed as Scalelite signs them: whoever is watching while a site moves over goes on watching.
	p.keys = map[purpose][]byte{forLink: mac.Sum(nil), forCookie: secret}
	p.parser = jwt.NewParser(jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithExpirationRequired(),
		jwt.WithTimeFunc(p.Now), jwt.WithStrictDecoding())
}

// subject says what a token is good for: one format of one recording.
func subject(format, recordID string) string { return "/" + format + "/" + recordID }

func (p *Playback) sign(why purpose, format, recordID, id string, expires time.Time) string {
	claims := jwt.RegisteredClaims{Subject: subject(format, recordID), ID: id, ExpiresAt: jwt.NewNumericDate(expires)}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(p.keys[why])
	if err != nil {
		return "" // which verifies nowhere
	}
	return token
}

// verify returns what a token says if it was signed here for that purpose and that format, and has not expired.
func (p *Playback) verify(why purpose, at place, token string) (jwt.RegisteredClaims, bool) {
	var claims jwt.RegisteredClaims
	key := p.keys[why]
	if len(key) == 0 || token == "" || len(token) > maxToken {
		return claims, false
	}
	_, err := p.parser.ParseWithClaims(token, &claims, func(*jwt.Token) (any, error) { return key, nil })
	return claims, err == nil && claims.Subject == subject(at.format, at.recordID)
}

// maxToken bounds what is taken for a token.
const maxToken = 1 << 10

// Link is where a front end sends those who watch a format: to where it starts or, for a protected recording, a link that
// works once and for a while. Nothing is written before it is followed. Init must have been called.
func (p *Playback) Link(r store.Recording, f store.Format) string {
	if !r.Protected {
		return start(r, f)
	}
	return p.ticket(r.RecordID, f.Type, nil)
}

// FileLink is where somebody gets one file of a format: its path or, for a protected recording, a link to it that works
// once and for a while. Init must have been called.
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
	token := p.sign(forLink, format, recordID, hex.EncodeToString(id[:]), p.Now().Add(time.Duration(p.TokenTimeout)))
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
	claims, good := p.verify(forLink, at, token)
	switch {
	case good && r.Method == http.MethodHead:
		return nil // somebody only looks whether the link works: a mail filter, a chat that makes a preview
	case good && p.Gone():
		return errHung // what the viewer would find there; the token stays good
	case good:
		err := p.Tokens.SpendToken(r.Context(), claims.ID, now, claims.ExpiresAt.Time)
		if err == nil {
			expires := now.Add(time.Duration(p.CookieTimeout))
			p.setCookie(w, r, at, to, p.sign(forCookie, at.format, at.recordID, "", expires), expires)
			return nil
		}
		if !errors.Is(err, store.ErrExists) {
			return fmt.Errorf("spend the token for recording %s: %w", at.recordID, err)
		}
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
