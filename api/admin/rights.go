package admin

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/bbbpool/bbbpool/api/admin/access"
	"github.com/bbbpool/bbbpool/api/admin/confine"
	v1 "github.com/bbbpool/bbbpool/api/admin/v1"
)

// route is a handler with what whoever calls it must be granted. A route that says nothing of that is for nobody.
type route struct {
	handle  handler
	scopes  []access.Scope // any of them will do, and Admin always
	anybody bool           // whoever has come in may see it: it has nothing of the pool's
	confine confine.Rule   // for those that see one tenant alone; the zero value is for a route that is not for them
	lighter []access.Scope // any of these will do, too, for those that see one tenant alone
	asks    bool           // it changes nothing, although it is no GET
}

// routes are those of a noun, or of all, by pattern.
type routes map[string]route

// whole is a route about the whole pool: who sees one tenant alone has no business there.
func whole(h handler, scopes ...access.Scope) route { return route{handle: h, scopes: scopes} }

// own is a route that those may call, too, that see one tenant alone, for what is that tenant's.
func own(h handler, rule confine.Rule, scopes ...access.Scope) route {
	return route{handle: h, scopes: scopes, confine: rule}
}

// open is a route for whoever has come in.
func open(h handler) route { return route{handle: h, anybody: true} }

// ownFor lets those that see one tenant alone see what is theirs with less.
func (r route) ownFor(scopes ...access.Scope) route {
	r.lighter = scopes
	return r
}

// asking is a route that changes nothing, although it is no GET: nothing is to be kept of it.
func (r route) asking() route {
	r.asks = true
	return r
}

// let lets a request through to a route, as far as its caller may go, or refuses it.
func (r route) let(request *http.Request) (*http.Request, error) {
	by, ok := callerOf(request)
	switch {
	case !ok:
		return nil, v1.Forbidden("nobody knows who calls")
	case r.anybody:
		return request, nil
	case !r.allows(by.grant):
		return nil, lacking(by.grant, r.scopes)
	case asksForSecrets(request) && !by.grant.Allows(access.Admin):
		return nil, lacking(by.grant, []access.Scope{access.Admin})
	case by.grant.Tenant == "":
		return request, nil
	case r.confine.To == nil:
		return nil, v1.Forbidden("this needs a token for the whole pool with scope %s, and this one is for tenant %s alone",
			either(r.scopes), by.grant.Tenant)
	}
	confined, err := r.confine.To(request, by.grant.Tenant)
	if wrong, ok := errors.AsType[confine.Unreadable](err); ok {
		err = bodyError(wrong.Err)
	}
	return confined, err
}

func (r route) allows(g access.Grant) bool {
	return g.Allows(r.scopes...) || g.Tenant != "" && g.Allows(r.lighter...)
}

// asksForSecrets tells whether a request asks for secrets: whatever shows some does so where the query says reveal. What is
// no yes or no is for the handler to refuse.
func asksForSecrets(r *http.Request) bool {
	return slices.ContainsFunc(r.URL.Query()["reveal"], func(text string) bool {
		yes, err := strconv.ParseBool(text)
		return text != "" && (yes || err != nil)
	})
}

// lacking says what a caller would need.
func lacking(g access.Grant, needed []access.Scope) *v1.Error {
	return v1.Forbidden("this needs a token with scope %s, and this one has %s", either(needed), list(g.Scopes, " and "))
}

// either lists scopes of which one will do.
func either(scopes []access.Scope) string { return list(scopes, " or ") }

func list(scopes []access.Scope, between string) string {
	words := make([]string, len(scopes))
	for i, s := range scopes {
		words[i] = string(s)
	}
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, between)
}
