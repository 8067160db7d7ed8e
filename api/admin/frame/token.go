package frame

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"

	"github.com/bbbpool/bbbpool/api/admin/access"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
	"github.com/bbbpool/bbbpool/api/caller"
)

var (
	errOff = &v1.Error{
		Status: http.StatusForbidden, Code: "off",
		Message: "remote administration is off: make a token with bbbpool token add where the pool runs, or set " +
			"BBBPOOL_ADMIN_TOKEN there",
	}
	errToken = &v1.Error{
		Status: http.StatusUnauthorized, Code: "token",
		Message: "the token is missing, wrong or expired: send Authorization: Bearer with one of bbbpool token add, or with what " +
			"BBBPOOL_ADMIN_TOKEN is on the server",
	}
	errGuessing = &v1.Error{
		Status: http.StatusTooManyRequests, Code: "guessing",
		Message: "too many wrong tokens from this address: wait a few seconds",
	}
)

// guard lets only those in that have the token.
func (f *Frame) guard(next http.Handler) http.Handler {
	guesses := access.Guesses{}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		by, err := f.admit(r, &guesses)
		if err != nil {
			w.Header().Set("Cache-Control", "no-store")
			if err == errToken {
				w.Header().Set("WWW-Authenticate", "Bearer")
			}
			writeJSON(w, err.Status, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(by.in(r.Context())))
	})
}

// admit tells whose token a request has. It lets the right one in whatever came before it: behind a proxy all come from
// one address, and whoever sends wrong ones there must not lock the others out. What keeps a token from being guessed is
// its length alone; wrong ones are limited so that they neither fill the log nor keep anybody busy.
func (f *Frame) admit(r *http.Request, g *access.Guesses) (who, *v1.Error) {
	if f.Token == "" && (f.Added == nil || !f.Added.Any()) {
		return who{}, errOff
	}
	if by, ok := f.holder(access.Bearer(r.Header.Get("Authorization"))); ok {
		return by, nil
	}
	if !g.Allow(caller.Of(r), f.Now()) {
		return who{}, errGuessing
	}
	f.Log.Warn().EmbedObject(addresses{r}).Str("path", r.URL.Path).Msg("token rejected")
	return who{}, errToken
}

// holder returns who holds a token.
func (f *Frame) holder(token string) (who, bool) {
	if f.Token != "" && same(token, f.Token.Reveal()) {
		if f.Added != nil {
			f.Added.Use(access.Environment)
		}
		return who{token: access.Environment, grant: access.Everything()}, true
	}
	if f.Added == nil {
		return who{}, false
	}
	name, grant, ok := f.Added.Find(token)
	return who{token: name, grant: grant}, ok
}

// same compares hashes, so that not even the length of the token shows in the time it takes.
func same(given, token string) bool {
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}
