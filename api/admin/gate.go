package admin

import (
	"net/http"
	"net/netip"

	"golang.org/x/time/rate"
)

// signedBy is who has come in without a token, with the checksum of Scalelite's administration.
const signedBy = "scalelite checksum"

// Gate is the way in of those who administrate in another form than the API's, as Scalelite's: by the same tokens, and what they
// change is written down in the same place.
type Gate struct {
	api     *API
	guesses guesses
}

// Gate makes a way in with a count of its own of those who guess.
func (a *API) Gate() *Gate {
	return &Gate{api: a, guesses: guesses{from: map[netip.Prefix]*rate.Limiter{}}}
}

// Enter returns the request of a caller who has a token that allows it or, where there is none, has signed it. As in [API.Mount],
// who is right is let in whatever came before it, and wrong ones are limited so that they do not fill the log.
func (g *Gate) Enter(r *http.Request, signed, _ bool) (*http.Request, bool) {
	a := g.api
	ctx := a.Log.WithContext(r.Context())
	switch {
	case a.Token != "" && verifies(r.Header.Get("Authorization"), a.Token):
		return r.WithContext(who{token: envToken}.in(ctx)), true
	case signed:
		return r.WithContext(who{token: signedBy}.in(ctx)), true
	}
	if g.guesses.limit(network(r.RemoteAddr)).AllowN(a.Now(), 1) {
		a.Log.Warn().Str("remote", r.RemoteAddr).Str("path", r.URL.Path).Msg("token or checksum rejected")
	}
	return r, false
}

// Note writes down what was changed.
func (g *Gate) Note(r *http.Request, action, kind, object, _ string, _, _ any) {
	logger(r).Info().Str("via", "scalelite").Str("action", action).Str("kind", kind).Str("id", object).Msg("changed")
}
