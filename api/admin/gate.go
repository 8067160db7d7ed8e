package admin

import (
	"net/http"

	"github.com/bbbpool/bbbpool/api/admin/access"
)

// signedBy is who has come in without a token, with the checksum of Scalelite's administration.
const signedBy = "scalelite checksum"

// Gate is the way in of those who administrate in another form than the API's, as Scalelite's: by the same tokens, and what they
// change is written down in the same place.
type Gate struct {
	api     *API
	guesses access.Guesses
}

// Gate makes a way in with a count of its own of those who guess.
func (a *API) Gate() *Gate {
	return &Gate{api: a}
}

// Enter returns the request of a caller who has a token that allows it or, where there is none, has signed it. Whoever sees
// the whole pool may look; to change something, or see secrets, takes all rights. As in [API.Mount], who is right is let in
// whatever came before it, and wrong ones are limited so that they do not fill the log.
func (g *Gate) Enter(r *http.Request, signed, all bool) (*http.Request, bool) {
	a := g.api
	ctx := a.Log.WithContext(r.Context())
	needed := access.Read
	if all {
		needed = access.Admin
	}
	by, known := a.holder(access.Bearer(r.Header.Get("Authorization")))
	if !known && signed {
		by, known = who{token: signedBy, grant: access.Everything()}, true
	}
	if known && by.grant.Tenant == "" && by.grant.Allows(needed) {
		return r.WithContext(by.in(ctx)), true
	}
	if g.guesses.Allow(r.RemoteAddr, a.Now()) {
		a.Log.Warn().Str("remote", r.RemoteAddr).Str("path", r.URL.Path).Msg("token or checksum rejected")
	}
	return r, false
}

// Note writes down what was changed.
func (g *Gate) Note(r *http.Request, action, kind, object, tenant string, before, after any) {
	log := g.api.AuditLog
	if log == nil {
		return
	}
	from := by(r)
	from.Via = access.Scalelite
	log.Log.Write(r.Context(), access.Change{
		By: from, Action: action, Kind: kind, Object: object, Tenant: tenant, Before: before, After: after,
	})
}
