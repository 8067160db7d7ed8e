package frame

import (
	"net/http"

	"github.com/bbbpool/bbbpool/api/admin/access"
	"github.com/bbbpool/bbbpool/api/caller"
)

// signedBy is who has come in without a token, with the checksum of Scalelite's administration.
const signedBy = "scalelite checksum"

// Gate is the way in of those who administrate in another form than the API's, as Scalelite's: by the same tokens, and what they
// change is written down in the same place.
type Gate struct {
	frame   *Frame
	guesses access.Guesses
}

// Gate makes a way in with a count of its own of those who guess.
func (f *Frame) Gate() *Gate {
	return &Gate{frame: f}
}

// Enter returns the request of a caller who has a token that allows it or, where there is none, has signed it. Whoever sees
// the whole pool may look; to change something, or see secrets, takes all rights. As in [Frame.Guarded], who is right is let in
// whatever came before it, and wrong ones are limited so that they do not fill the log.
func (g *Gate) Enter(r *http.Request, signed, all bool) (*http.Request, bool) {
	f := g.frame
	ctx := f.Log.WithContext(r.Context())
	needed := access.Read
	if all {
		needed = access.Admin
	}
	by, known := f.holder(access.Bearer(r.Header.Get("Authorization")))
	if !known && signed {
		by, known = who{token: signedBy, grant: access.Everything()}, true
	}
	if known && by.grant.Tenant == "" && by.grant.Allows(needed) {
		return r.WithContext(by.in(ctx)), true
	}
	if g.guesses.Allow(caller.Of(r), f.Now()) {
		f.Log.Warn().EmbedObject(addresses{r}).Str("path", r.URL.Path).Msg("token or checksum rejected")
	}
	return r, false
}

// Note writes down what was changed.
func (g *Gate) Note(r *http.Request, action, kind, object, tenant string, before, after any) {
	if g.frame.Audit == nil {
		return
	}
	from := by(r)
	from.Via = access.Scalelite
	g.frame.Audit.Write(r.Context(), access.Change{
		By: from, Action: action, Kind: kind, Object: object, Tenant: tenant, Before: before, After: after,
	})
}
